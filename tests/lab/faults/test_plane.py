"""What the load balancer does worse, and which task is hit: tables of tasks, targets and faults."""

from typing import Any, cast

import pytest

from teal.lab.faults.kinds import OfPlane, OfTasks, as_fault
from teal.lab.faults.plane import DEAD_PORT, PlaneFault, afflicted
from teal.lab.faults.strikes import Blow, Striker
from teal.lab.world.wires import DataPlane, HealthCheck, Phase, ProxyGroup, ProxyTarget, RequestFault, WantedTask

CHECK = HealthCheck(
    protocol="HTTP", port=None, path="/", interval_s=1, timeout_s=1, healthy_count=2, unhealthy_count=2, codes=()
)
SERVICES = {"web": ("10.7.0.1", "10.7.0.2", "10.7.0.3"), "log": ("10.7.0.9",)}


def target(address: str) -> ProxyTarget:
    """Return a target."""
    return ProxyTarget(target_id=address, port=80, host="127.0.0.1", host_port=80)


def task(address: str, group: str, phase: Phase = Phase.RUN) -> WantedTask:
    """Return a task whose id is its address."""
    return WantedTask(
        task_id=address,
        task_arn="",
        cluster="demo",
        group=group,
        family="web",
        revision=1,
        address=address,
        containers=(),
        phase=phase,
    )


TASKS = [task(address, f"service:{name}") for name, addresses in SERVICES.items() for address in addresses]
PLANE = DataPlane(
    listeners=(),
    groups=(
        ProxyGroup(arn="w", name="web", health_check=CHECK, targets=tuple(map(target, SERVICES["web"]))),
        ProxyGroup(arn="l", name="log", health_check=CHECK, targets=(target("10.7.0.9"), target("10.7.0.77"))),
    ),
)
# fault → how many targets of each group are checked where nobody answers
SICK: list[tuple[dict[str, Any], tuple[int, int]]] = [
    ({}, (3, 2)),
    ({"group": "w*"}, (3, 0)),
    ({"service": "web"}, (3, 0)),
    ({"service": "log"}, (0, 1)),  # the other target is no task
    ({"service": "tea"}, (0, 0)),
    ({"share_percent": 1.0}, (1, 1)),
    ({"share_percent": 34.0, "group": "web"}, (2, 0)),
]
# faults → those of requests to group `web`
REQUESTS: list[tuple[list[dict[str, Any]], tuple[RequestFault, ...]]] = [
    ([{"kind": "slow-requests", "by_s": 0.5}], (RequestFault(seed=1, share_percent=100.0, delay_s=0.5),)),
    ([{"kind": "fail-requests", "group": "log"}], ()),
    (
        [{"kind": "fail-requests", "share_percent": 5.0, "status": 502}, {"kind": "slow-requests", "group": "web"}],
        (RequestFault(seed=1, share_percent=5.0, status=502), RequestFault(seed=1, share_percent=100.0, delay_s=1.0)),
    ),
]


def at_work(plain: dict[str, Any], seed: int = 1) -> PlaneFault:
    """Let a fault begin."""
    return PlaneFault(fault=cast("OfPlane", as_fault(plain)), seed=seed)


def sick(plane: DataPlane) -> list[list[str]]:
    """Return the sick targets of each group."""
    return [[each.target_id for each in group.targets if each.health_port == DEAD_PORT] for group in plane.groups]


@pytest.mark.parametrize(("fields", "counts"), SICK)
def test_a_share_of_the_targets_is_sick(fields: dict[str, Any], counts: tuple[int, int]) -> None:
    """Those of the service and group that are meant, the share rounded up; everything else is as it was."""
    plane = afflicted(PLANE, [at_work({"kind": "fail-health", **fields})], TASKS)
    assert tuple(map(len, sick(plane))) == counts
    assert plane.listeners == PLANE.listeners


def test_who_is_sick_stays_sick_and_nobody_else() -> None:
    """A share is drawn once: what replaces a sick target is well, unless all shall be sick."""
    some, every = (at_work({"kind": "fail-health", "group": "web", "share_percent": each}) for each in (34.0, 100.0))
    before = sick(afflicted(PLANE, [some], TASKS))[0]
    group = PLANE.groups[0]
    later = [each for each in group.targets if each.target_id != before[0]]
    moved = DataPlane(
        listeners=(),
        groups=(ProxyGroup(arn="w", name="web", health_check=CHECK, targets=(target("10.7.0.4"), *later)),),
    )
    assert sick(afflicted(moved, [some], TASKS))[0] == before[1:]
    assert len(sick(afflicted(moved, [every], TASKS))[0]) == 3
    assert {tuple(sick(afflicted(PLANE, [at_work({"kind": "fail-health", "share_percent": 1.0}, n)], TASKS))[0])
            for n in range(20)} == {(address,) for address in SERVICES["web"]}  # fmt: skip


@pytest.mark.parametrize(("faults", "expected"), REQUESTS)
def test_requests_of_a_group(faults: list[dict[str, Any]], expected: tuple[RequestFault, ...]) -> None:
    """Each fault of the group is written into it, in the order in which they began."""
    assert afflicted(PLANE, [at_work(each) for each in faults], TASKS).groups[0].request_faults == expected


def test_without_faults_the_plane_is_untouched() -> None:
    """So that a lab without game day pays nothing."""
    assert afflicted(PLANE, [], TASKS) is PLANE


def striker(**fields: Any) -> Striker:  # noqa: ANN401 - plain values
    """Let a fault of tasks begin at second 10."""
    return Striker(fault=cast("OfTasks", as_fault(fields)), seed=1, next_at_s=10.0)


def test_a_kill_hits_once() -> None:
    """A task of the service that is meant, as soon as there is one; then the fault is done."""
    one = striker(kind="kill-task", service="we?")
    assert one.strike([], 10.0) is None
    assert (
        one.strike([task("a", "service:log"), task("b", "family:web"), task("c", "service:web", Phase.KILL)], 10)
        is None
    )
    assert not one.done
    struck = one.strike(TASKS, 10.5)
    assert struck is not None
    assert (struck.blow, struck.group) == (Blow.KILL, "service:web")
    assert one.done
    assert one.strike(TASKS, 99.0) is None
    assert one.end() is None


def test_a_kill_hits_again_and_again() -> None:
    """Every so often, and the same tasks for the same seed."""

    def struck() -> list[tuple[int, str]]:
        one = striker(kind="kill-task", every_s=2.0)
        found = [(now, one.strike(TASKS, float(now))) for now in range(8, 20)]
        return [(now, each.task_id) for now, each in found if each is not None]

    assert [now for now, _ in struck()] == [10, 12, 14, 16, 18]
    assert struck() == struck()
    assert len({task_id for _, task_id in struck()}) > 1


def test_a_frozen_task_thaws_at_the_end() -> None:
    """It is one task, until the fault ends."""
    one = striker(kind="freeze-task")
    frozen = one.strike(TASKS, 10.0)
    assert frozen is not None
    assert (frozen.blow, one.strike(TASKS, 99.0), one.done) == (Blow.FREEZE, None, False)
    thawed = one.end()
    assert thawed is not None
    assert (thawed.task_id, thawed.blow, one.end()) == (frozen.task_id, Blow.THAW, None)
