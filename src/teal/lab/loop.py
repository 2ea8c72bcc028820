"""The heartbeat of the lab: let time pass in the world, make real what it wants, tell it what came of it.

    every 50 ms, or as soon as an API call or an observation asks for it:
        world.advance ─► runtime.apply(tasks) ─► proxy.apply(plane) ─► world.observe(what was seen)
    every 200 ms, in a thread of its own: proxy.health()

The world is asked under one lock, which the API shares; nothing slow happens under it. What goes wrong in a round is
logged once, shown by `status`, and tried again in the next: a lab with a broken part says so and keeps its API.
"""

import logging
import signal
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from threading import Event, Lock, Thread
from typing import Any, Final, Protocol

from teal.lab.faults.strikes import Blow, Strike
from teal.lab.world.ground import Answer
from teal.lab.world.story import Story
from teal.lab.world.wires import DataPlane, Observation, RulesTaken, TargetSeen, WantedTask, WorldEvent

_LOG = logging.getLogger(__name__)
ROUND_S: Final = 0.05
_PAUSE_S: Final = 0.005  # between two rounds, whatever asks for the next one
_HEALTH_S: Final = 0.2
_JOIN_S: Final = 5.0
_NOTHING: Final = DataPlane(listeners=(), groups=())
_SIGNALS: Final[Mapping[Blow, signal.Signals]] = {
    Blow.KILL: signal.SIGKILL,
    Blow.FREEZE: signal.SIGSTOP,
    Blow.THAW: signal.SIGCONT,
}


class World(Protocol):
    """What the loop asks of the world."""

    @property
    def events(self) -> Story:
        """The story so far."""
        ...

    def advance(self, now_s: float) -> None:
        """Let time pass."""
        ...

    def tasks(self) -> tuple[WantedTask, ...]:
        """Return the tasks that should exist."""
        ...

    def data_plane(self) -> DataPlane:
        """Return what the load balancers should do."""
        ...

    def observe(self, observation: Observation, now_s: float) -> None:
        """Take what was seen."""
        ...

    def rules_taken(self, taken: RulesTaken, now_s: float) -> None:
        """Take that a node of the load balancer follows other rules."""
        ...

    def task_metadata(self, task_id: str) -> Answer | None:
        """Return the metadata of a task."""
        ...


class TaskRuntime(Protocol):
    """What the loop asks of a runtime."""

    def apply(self, tasks: Sequence[WantedTask], now_s: float) -> list[Observation]:
        """Make the tasks so; return what was seen since the last call."""
        ...

    def running(self) -> AbstractSet[str]:
        """Return the ids of the tasks of which a process runs."""
        ...

    def signal(self, task_id: str, number: signal.Signals) -> None:
        """Send a signal to the processes of a task."""
        ...


class Balancer(Protocol):
    """What the loop asks of the data plane."""

    def apply(self, plane: DataPlane, now_s: float) -> None:
        """Make the plane so."""
        ...

    def health(self) -> list[TargetSeen]:
        """Return the health of all targets."""
        ...

    def news(self) -> list[RulesTaken]:
        """Return which rules the nodes have taken up since the last call."""
        ...


class Mischief(Protocol):
    """What goes wrong on purpose. Asked under the lab's lock."""

    def advance(self, now_s: float) -> None:
        """Let time pass."""
        ...

    def strikes(self, running: Sequence[WantedTask], now_s: float) -> Sequence[Strike]:
        """Return the blows that are due."""
        ...

    def afflicted(self, plane: DataPlane, tasks: Sequence[WantedTask]) -> DataPlane:
        """Return the plane as it shall be played."""
        ...

    def faults(self) -> Sequence[object]:
        """Return what is at work."""
        ...


class Loop:
    """The heart of a lab.

    Args:
        world: the model.
        runtime: makes tasks.
        balancer: routes.
        lock: held while the world is asked.
        clock: the wall clock, unix seconds.
        mischief: what goes wrong on purpose.
    """

    def __init__(
        self,
        *,
        world: World,
        runtime: TaskRuntime,
        balancer: Balancer,
        lock: Lock,
        clock: Callable[[], float],
        mischief: Mischief,
    ) -> None:
        self._world = world
        self._runtime = runtime
        self._balancer = balancer
        self._lock = lock
        self._clock = clock
        self._mischief = mischief
        self._strikes: Sequence[Strike] = ()
        self._wake = Event()
        self._stop = Event()
        self._health: list[TargetSeen] = []
        self._seen: tuple[tuple[WantedTask, ...], DataPlane] = ((), _NOTHING)
        self._troubles: dict[str, str] = {}

    def wake(self) -> None:
        """Ask for the next round now."""
        self._wake.set()

    def stop(self) -> None:
        """End `run` after the round under way."""
        self._stop.set()
        self._wake.set()

    def run(self, alive: Callable[[], bool]) -> None:
        """Beat until somebody calls `stop`, or `alive` says no."""
        watch = Thread(target=self._watch_health, name="health", daemon=True)
        watch.start()
        while not self._stop.is_set() and alive():
            busy = self.beat()
            self._stop.wait(_PAUSE_S)
            if not busy:
                self._wake.wait(ROUND_S - _PAUSE_S)
            self._wake.clear()
        self._stop.set()
        watch.join(_JOIN_S)

    def beat(self) -> bool:
        """Do one round; return whether a runtime saw something, so that the world may want more at once."""
        now_s = self._clock()
        self._try("world", lambda: self._advance(now_s))
        tasks, plane = self._seen
        seen: list[Observation] = []
        self._try("runtime, struck", self._strike)
        self._try("runtime", lambda: seen.extend(self._runtime.apply(tasks, now_s)))
        self._try("load balancer", lambda: self._balancer.apply(plane, now_s))
        health, self._health = self._health, []
        self._try("world, told what was seen", lambda: self._observe([*seen, *health]))
        return bool(seen)

    def _advance(self, now_s: float) -> None:
        with self._lock:
            self._world.advance(now_s)
            self._mischief.advance(now_s)
            tasks = self._world.tasks()
            self._seen = (tasks, self._mischief.afflicted(self._world.data_plane(), tasks))
            here = self._runtime.running()
            self._strikes = self._mischief.strikes([task for task in tasks if task.task_id in here], now_s)

    def _strike(self) -> None:
        strikes, self._strikes = self._strikes, ()
        for each in strikes:
            self._runtime.signal(each.task_id, _SIGNALS[each.blow])

    def _observe(self, seen: Sequence[Observation]) -> None:
        taken = self._balancer.news()
        if not seen and not taken:
            return
        with self._lock:
            now_s = self._clock()
            for news in taken:
                self._world.rules_taken(news, now_s)
            for each in seen:
                self._world.observe(each, now_s)

    def _watch_health(self) -> None:
        while not self._stop.wait(_HEALTH_S):
            self._try("health", self._read_health)

    def _read_health(self) -> None:
        self._health = self._balancer.health()

    def _try(self, part: str, act: Callable[[], object]) -> None:
        """Let a part of the lab act; log what goes wrong, once."""
        try:
            act()
        except Exception as error:  # noqa: BLE001 - whatever it is, the API must go on to say so
            told = f"{type(error).__name__}: {error}"
            if self._troubles.get(part) != told:
                _LOG.exception("trouble with the %s", part)
            self._troubles[part] = told
        else:
            self._troubles.pop(part, None)

    def metadata(self, task_id: str) -> Mapping[str, Any] | None:
        """Return the metadata of a task."""
        with self._lock:
            return self._world.task_metadata(task_id)

    def events(self, since: int, most: int) -> tuple[int, Sequence[WorldEvent]]:
        """Return at most `most` events from number `since` on, and the number of the first of them."""
        with self._lock:
            return self._world.events.since(since, most)

    def status(self) -> Mapping[str, Any]:
        """Return what the lab does now."""
        tasks, plane = self._seen
        return {
            "now_s": self._clock(),
            "tasks": len(tasks),
            "listeners": [f"{one.host}:{one.port}" for one in plane.listeners],
            "groups": [group.name for group in plane.groups],
            "events": self._world.events.next,
            "faults": len(self._mischief.faults()),
            "troubles": dict(self._troubles),
        }
