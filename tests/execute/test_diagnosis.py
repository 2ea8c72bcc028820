"""What a run says of a newcomer that did not come up: causes, events, and the last lines of its containers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

import seen as world
from execute.scripted import STARTING
from plan.scenes import spec
from teal.errors import AwsError
from teal.execute.diagnosis import diagnose
from teal.execute.perform import Scene
from teal.judge.startup import Startup
from teal.model.identity import Slot
from teal.model.snapshot import Snapshot
from teal.ports import Ports

NEWEST = replace(world.task(42, stop="EssentialContainerExited", reason="it ended"), arn="arn:x:task/shop/newest")
FIRST = replace(NEWEST, arn="arn:x:task/shop/first")
AWSLOGS = {"awslogs-group": "shop", "awslogs-stream-prefix": "web"}


@dataclass(slots=True)
class Lines:
    """Logs that hold what they are told, stream by stream."""

    streams: Mapping[str, tuple[str, ...]]
    asked: list[tuple[str, str, int]] = field(default_factory=list[tuple[str, str, int]])

    def last_lines(self, group: str, stream: str, count: int) -> tuple[str, ...]:
        """Return the last lines, or refuse to."""
        self.asked.append((group, stream, count))
        if stream not in self.streams:
            raise AwsError("not permitted", code="AccessDenied", operation="logs:GetLogEvents")
        return self.streams[stream]


def container(name: str, driver: str = "awslogs", **options: str) -> dict[str, Any]:
    """Return a container that logs somewhere."""
    return {"name": name, "logConfiguration": {"logDriver": driver, "options": options}}


def with_containers(*containers: dict[str, Any]) -> Snapshot:
    """Return the app whose revisions have these containers, and whose slot b has five events."""
    state = STARTING.slot(Slot.B)
    assert state.service is not None
    service = replace(state.service, events=tuple((float(nth), f"event {nth}") for nth in range(5)))
    definitions = {
        arn: replace(each, body={"containerDefinitions": list(containers)})
        for arn, each in STARTING.definitions.items()
    }
    slots = {**STARTING.slots, Slot.B: replace(state, service=service)}
    return replace(STARTING, slots=slots, definitions=definitions)


def told(ports: Ports, found: Snapshot, startup: Startup, lines: Lines) -> tuple[str, ...]:
    """Return what is diagnosed of slot b."""
    scene = Scene(spec=spec(2), snapshot=found, ports=replace(ports, logs=lines), secrets={})
    return diagnose(scene, Slot.B, startup)


STARTUP = Startup(hopeless="", facts=("2 × a cause",), tasks=(NEWEST, FIRST))


def test_the_first_task_that_failed_tells_the_most(ports: Ports) -> None:
    """Causes first, then the last three events, then that task and the last lines of each container that logs."""
    found = with_containers(
        container("silent", "splunk", **AWSLOGS),
        {"name": "nowhere"},
        {"name": "half", "logConfiguration": {"logDriver": "awslogs"}},
        container("groupless", **{"awslogs-stream-prefix": "web"}),
        container("prefixless", **{"awslogs-group": "shop"}),
        container("web", **AWSLOGS),
        container("side", **AWSLOGS),
    )
    lines = Lines({"web/web/first": ("boom", "bang")})
    assert told(ports, found, STARTUP, lines) == (
        "2 × a cause",
        "event: event 0",
        "event: event 1",
        "event: event 2",
        "first task that failed: first: it ended",
        "log of web: boom",
        "log of web: bang",
        "log of side: logs:GetLogEvents: AccessDenied: not permitted",
    )
    assert lines.asked == [("shop", "web/web/first", 20), ("shop", "web/side/first", 20)]


@pytest.mark.parametrize(
    ("found", "startup", "facts"),
    [
        (STARTING, Startup(hopeless="", facts=("slow",), tasks=()), ("slow",)),
        (
            replace(STARTING, definitions={}),
            Startup(hopeless="", facts=(), tasks=(replace(FIRST, stopped_reason=""),)),
            ("first task that failed: first: EssentialContainerExited",),
        ),
        (
            replace(STARTING, slots={**STARTING.slots, Slot.B: replace(STARTING.slot(Slot.B), service=None)}),
            Startup(hopeless="", facts=("no service",), tasks=()),
            ("no service",),
        ),
    ],
)
def test_what_is_not_known_is_left_out(ports: Ports, found: Snapshot, startup: Startup, facts: tuple[str, ...]) -> None:
    """Without a task, its definition, or a service, there is less to say."""
    assert told(ports, found, startup, Lines({})) == facts
