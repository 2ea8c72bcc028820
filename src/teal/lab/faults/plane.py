"""What the load balancer does worse: the wanted plane, with the faults of targets and requests written into it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from teal.lab.faults.chance import draw
from teal.lab.faults.kinds import FailHealth, FailRequests, OfPlane, SlowRequests
from teal.lab.faults.strikes import of_service
from teal.lab.world.wires import DataPlane, ProxyGroup, ProxyTarget, RequestFault, WantedTask

DEAD_PORT = 1  # nobody listens there without privileges: a check of it is refused


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaneFault:
    """One fault of the load balancer at work."""

    fault: OfPlane
    seed: int


def afflicted(plane: DataPlane, faults: Sequence[PlaneFault], tasks: Iterable[WantedTask]) -> DataPlane:
    """Return the plane as the load balancer shall play it. Without faults it is the plane itself."""
    if not faults:
        return plane
    by_address = {task.address: task for task in tasks}
    return replace(plane, groups=tuple(_afflicted(group, faults, by_address) for group in plane.groups))


def _afflicted(group: ProxyGroup, faults: Sequence[PlaneFault], by_address: Mapping[str, WantedTask]) -> ProxyGroup:
    requests: list[RequestFault] = []
    for each in faults:
        if not fnmatchcase(group.name, each.fault.group):
            continue
        match each.fault:
            case FailHealth() as fault:
                group = _sick(group, fault, each.seed, by_address)
            case SlowRequests() as fault:
                requests.append(RequestFault(seed=each.seed, share_percent=fault.share_percent, delay_s=fault.by_s))
            case FailRequests() as fault:
                requests.append(RequestFault(seed=each.seed, share_percent=fault.share_percent, status=fault.status))
    return replace(group, request_faults=tuple(requests)) if requests else group


def _sick(group: ProxyGroup, fault: FailHealth, seed: int, by_address: Mapping[str, WantedTask]) -> ProxyGroup:
    """Return a group in which a share of the targets, rounded up, is checked where nobody answers."""
    fit = [each for each in group.targets if _of(by_address.get(each.target_id), fault.service)]
    ranked = sorted(fit, key=lambda each: draw(seed, each.port, each.target_id))
    sick = set(ranked[: math.ceil(len(fit) * fault.share_percent / 100)])
    return replace(group, targets=tuple(_with_dead_check(each) if each in sick else each for each in group.targets))


def _of(task: WantedTask | None, pattern: str) -> bool:
    return pattern == "*" if task is None else of_service(task, pattern)


def _with_dead_check(target: ProxyTarget) -> ProxyTarget:
    return replace(target, health_port=DEAD_PORT)
