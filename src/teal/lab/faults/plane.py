"""What the load balancer does worse: the wanted plane, with the faults of targets and requests written into it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from teal.lab.faults.chance import draw
from teal.lab.faults.kinds import FailHealth, FailRequests, OfPlane, SlowRequests
from teal.lab.faults.strikes import of_service
from teal.lab.world.wires import DataPlane, ProxyGroup, ProxyTarget, RequestFault, WantedTask

_ALL_PERCENT = 100
DEAD_PORT = 1  # nobody listens there without privileges: a check of it is refused


@dataclass(slots=True, kw_only=True)
class PlaneFault:
    """One fault of the load balancer at work.

    Where a share of the targets of a group is sick, `sick` remembers who that was when the fault first met the group:
    what replaces them later is well. When all are sick, so are those that come.
    """

    fault: OfPlane
    seed: int
    sick: dict[str, frozenset[tuple[str, int]]] = field(default_factory=dict[str, frozenset[tuple[str, int]]])


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
                group = _sick(group, each, fault, by_address)
            case SlowRequests() as fault:
                requests.append(RequestFault(seed=each.seed, share_percent=fault.share_percent, delay_s=fault.by_s))
            case FailRequests() as fault:
                requests.append(RequestFault(seed=each.seed, share_percent=fault.share_percent, status=fault.status))
    return replace(group, request_faults=tuple(requests)) if requests else group


def _sick(
    group: ProxyGroup, at_work: PlaneFault, fault: FailHealth, by_address: Mapping[str, WantedTask]
) -> ProxyGroup:
    """Return a group in which a share of the targets, rounded up, is checked where nobody answers."""
    fit = [_key(each) for each in group.targets if _of(by_address.get(each.target_id), fault.service)]
    if not fit:
        return group
    if fault.share_percent == _ALL_PERCENT:
        sick = frozenset(fit)
    else:
        ranked = sorted(fit, key=lambda key: draw(at_work.seed, key[1], key[0]))
        some = frozenset(ranked[: math.ceil(len(fit) * fault.share_percent / 100)])
        sick = at_work.sick.setdefault(group.arn, some)
    targets = (replace(one, health_port=DEAD_PORT) if _key(one) in sick else one for one in group.targets)
    return replace(group, targets=tuple(targets))


def _key(target: ProxyTarget) -> tuple[str, int]:
    return target.target_id, target.port


def _of(task: WantedTask | None, pattern: str) -> bool:
    return pattern == "*" if task is None else of_service(task, pattern)
