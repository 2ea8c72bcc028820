"""Virtual time, and actors of whom exactly one runs at any moment.

An actor is ordinary blocking code in a thread of its own. It holds the baton while it runs; when it waits, the baton
goes to whoever is due next. So the order of everything is that of the instants waited for, and of the order of asking
among equals: the threads of the machine have no say in it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from threading import Lock, Thread
from typing import Protocol


class Watch(Protocol):
    """Where the present instant is kept."""

    now_s: float


@dataclass(slots=True, eq=False)
class Actor:
    """Somebody who waits, and the lock that keeps the thread from running on until it is due."""

    name: str
    baton: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self.baton.acquire()


Action = Callable[[], None]


@dataclass(slots=True)
class Timeline:
    """What is due, in order.

    Args:
        watch: whose `now_s` is moved on.
    """

    watch: Watch
    _due: list[tuple[float, int, Actor | Action]] = field(default_factory=list[tuple[float, int, Actor | Action]])
    _order: int = 0
    _running: Actor = field(default_factory=lambda: Actor("main"))
    _alive: int = 0
    _failed: BaseException | None = None

    def at(self, at_s: float, what: Actor | Action) -> None:
        """Let something be done, or an actor go on, at an instant."""
        self._order += 1
        heappush(self._due, (at_s, self._order, what))

    def wait(self, seconds: float) -> None:
        """Let time pass for the actor that calls; others run meanwhile."""
        until_s = self.watch.now_s + seconds
        if not self._due or until_s < self._due[0][0]:
            self.watch.now_s = until_s  # nobody else is due before
            return
        me = self._running
        self.at(until_s, me)
        self._pass_on(me)

    def start(self, name: str, body: Action, after_s: float) -> None:
        """Let an actor begin after a while."""
        actor = Actor(name)
        self._alive += 1

        def run() -> None:
            actor.baton.acquire()
            self._do(body)
            self._alive -= 1
            self._pass_on(None)

        self.at(self.watch.now_s + after_s, actor)
        Thread(target=run, name=name, daemon=True).start()

    def join(self) -> None:
        """Wait until all actors but the one that calls have ended; raise what one of them raised."""
        while self._alive:
            self.wait(5.0)
        if self._failed is not None:
            raise self._failed

    def _do(self, what: Action) -> None:
        """Do something in whatever thread it is due; what it raises is raised where the actors are waited for."""
        try:
            what()
        except BaseException as error:  # noqa: BLE001 - a thread that dies with the baton would stop everybody
            self._failed = self._failed or error

    def _pass_on(self, me: Actor | None) -> None:
        """Do what is due until it is the turn of an actor: `me` goes on, for any other one `me` stands still."""
        while True:
            at_s, _, what = heappop(self._due)
            self.watch.now_s = max(self.watch.now_s, at_s)
            if not isinstance(what, Actor):
                self._do(what)
                continue
            self._running = what
            if what is me:
                return
            what.baton.release()
            if me is not None:
                me.baton.acquire()
            return
