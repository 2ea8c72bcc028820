"""The heartbeat: what the world wants is done, what was done is told, and trouble in one part leaves the rest alone."""

import signal
from collections.abc import Sequence
from dataclasses import replace
from threading import Lock, Thread

from teal.errors import LabError
from teal.lab.faults.strikes import Blow, Strike
from teal.lab.loop import Loop
from teal.lab.world.ground import Answer
from teal.lab.world.story import Story
from teal.lab.world.wires import (
    DataPlane,
    HealthCheck,
    Observation,
    ProxyGroup,
    RulesTaken,
    TargetSeen,
    TaskStarted,
    WantedTask,
    WorldEvent,
)

PLANE = DataPlane(listeners=(), groups=())
SEEN = TargetSeen(group_arn="g", target_id="10.7.0.1", port=80, state="healthy")
CHECK = HealthCheck(
    protocol="HTTP", port=None, path="/", interval_s=1, timeout_s=1, healthy_count=2, unhealthy_count=2, codes=()
)
WORSE = ProxyGroup(arn="g", name="g", health_check=CHECK, targets=())
STARTED = TaskStarted(task_id="t", dial={})


class Parts:
    """World, runtime and balancer in one, which write down what they are asked."""

    def __init__(self) -> None:
        self.told: list[Observation] = []
        self.nodes: list[int] = []
        self.signals: list[tuple[str, int]] = []
        self.rounds: list[float] = []
        self.planes: list[DataPlane] = []
        self.to_see: list[Observation] = []
        self.broken: Exception | None = None
        self.events = Story()
        for number in range(5):
            self.events.append(WorldEvent(at_s=float(number), source="ecs", subject="", message=""))

    def advance(self, now_s: float) -> None:
        """Let time pass."""
        self.rounds.append(now_s)

    def tasks(self) -> tuple[WantedTask, ...]:
        """Want nothing."""
        return ()

    def data_plane(self) -> DataPlane:
        """Route nothing."""
        return PLANE

    def observe(self, observation: Observation, now_s: float) -> None:
        """Write down what was seen."""
        assert now_s > 0
        self.told.append(observation)

    def rules_taken(self, taken: RulesTaken, now_s: float) -> None:
        """Write down which node took up something."""
        assert now_s > 0
        self.nodes.append(taken.node)

    def task_metadata(self, task_id: str) -> Answer | None:
        """Know one task."""
        return {"TaskARN": task_id} if task_id == "t" else None


class Hands:
    """A runtime that sees what it is told to see."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts

    def apply(self, tasks: Sequence[WantedTask], now_s: float) -> list[Observation]:
        """Hand out what there is to see, once."""
        assert not tasks
        assert now_s > 0
        seen, self.parts.to_see = self.parts.to_see, []
        return seen

    def running(self) -> frozenset[str]:
        """Run one task."""
        return frozenset({"t"})

    def signal(self, task_id: str, number: signal.Signals) -> None:
        """Write down who is signalled."""
        self.parts.signals.append((task_id, number))


class Balancer:
    """A data plane that breaks on request."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts

    def apply(self, plane: DataPlane, now_s: float) -> None:
        """Take the plane, or break."""
        if self.parts.broken is not None:
            raise self.parts.broken
        assert now_s > 0
        self.parts.planes.append(plane)

    def health(self) -> list[TargetSeen]:
        """See one healthy target."""
        return [SEEN]

    def news(self) -> list[RulesTaken]:
        """Take up something with every plane."""
        return [RulesTaken(node=1, rules=(), gone=())] if self.parts.planes else []


class Trouble:
    """Game day with one blow, at the task that is said to run."""

    def __init__(self) -> None:
        self.blows = [Strike(task_id="t", group="service:web", blow=Blow.FREEZE)]

    def advance(self, now_s: float) -> None:
        """Let time pass."""
        assert now_s > 0

    def strikes(self, running: Sequence[WantedTask], now_s: float) -> Sequence[Strike]:
        """Strike once."""
        assert now_s > 0
        assert not running
        due, self.blows = self.blows, []
        return due

    def afflicted(self, plane: DataPlane, tasks: Sequence[WantedTask]) -> DataPlane:
        """Write a group into the plane."""
        assert not tasks
        return replace(plane, groups=(WORSE,))

    def faults(self) -> Sequence[object]:
        """Have one fault."""
        return ("one",)


def loop_of(parts: Parts) -> Loop:
    """Return a loop over the parts, with a clock that counts the looks at it."""
    ticks = iter(range(1, 1_000_000))
    return Loop(
        world=parts,
        runtime=Hands(parts),
        balancer=Balancer(parts),
        lock=Lock(),
        clock=lambda: float(next(ticks)),
        mischief=Trouble(),
    )


def test_a_round_asks_does_and_tells() -> None:
    """What a runtime sees reaches the world in the same round, and asks for the next round at once."""
    parts = Parts()
    loop = loop_of(parts)
    parts.to_see = [STARTED]
    assert loop.beat()
    assert parts.told == [STARTED]
    assert parts.planes == [replace(PLANE, groups=(WORSE,))]
    assert parts.nodes == [1]
    assert not loop.beat()
    assert parts.told == [STARTED]


def test_a_blow_reaches_the_task_once() -> None:
    """What game day decides becomes a signal, in the same round, and the number of its faults is told."""
    parts = Parts()
    loop = loop_of(parts)
    loop.beat()
    loop.beat()
    assert parts.signals == [("t", signal.SIGSTOP)]
    assert loop.status()["faults"] == 1


def test_trouble_is_shown_and_passes() -> None:
    """A load balancer that cannot take its plane does not stop the tasks, is shown, and is tried again."""
    parts = Parts()
    loop = loop_of(parts)
    parts.broken, parts.to_see = LabError("port 80 is taken"), [STARTED]
    loop.beat()
    assert parts.told == [STARTED]
    assert loop.status()["troubles"] == {"load balancer": "LabError: port 80 is taken"}
    parts.broken = None
    loop.beat()
    assert loop.status()["troubles"] == {}


def test_health_comes_from_its_own_thread_and_the_loop_ends() -> None:
    """While the loop runs, the world hears of health; `stop` ends it, and so does a dead leash."""
    parts = Parts()
    loop = loop_of(parts)
    thread = Thread(target=loop.run, args=(lambda: SEEN not in parts.told,), daemon=True)
    thread.start()
    thread.join(5.0)
    assert not thread.is_alive()
    assert SEEN in parts.told
    stopped = loop_of(Parts())
    stopped.stop()
    stopped.run(lambda: True)


def test_facts() -> None:
    """Metadata, events from a number on, and a status."""
    loop = loop_of(Parts())
    assert loop.metadata("t") == {"TaskARN": "t"}
    assert loop.metadata("x") is None
    assert [event.at_s for event in loop.events(3, 10)[1]] == [3.0, 4.0]
    assert [event.at_s for event in loop.events(0, 2)[1]] == [0.0, 1.0]
    assert loop.events(99, 10) == (5, [])
    assert loop.status()["tasks"] == 0
