"""A session whose looks are told beforehand; only sleeping moves its clock, and its lock says what it is told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from aws.canned import VirtualClock
from plan.scenes import LONG_AGO, Scene, run, spec
from region_fakes import Story
from teal.execute.laws import LAWS, Laws
from teal.execute.session import Session
from teal.model.event import Event, Waited
from teal.model.identity import Caller, LabFacts, Slot
from teal.model.lock import Claim, Claimed
from teal.model.run import Intent, Run
from teal.model.snapshot import Snapshot
from teal.model.spec import Spec
from teal.model.workload import Service
from teal.observe.observer import Observer
from teal.ports import Ports

HALF = Fraction(1, 2)
STARTING = Scene(move=f"d7.a.b.prepare.{LONG_AGO}", shares=(0, 0), b="d7.42").seen()
ANNOUNCED = Scene(move=f"d7.a.b.shift.{LONG_AGO}", shares=(0, 0), b="d7.42").seen()
SPLIT = Scene(move=f"d7.a.b.shift.{LONG_AGO}", shares=(HALF, HALF), b="d7.42").seen()
BAKING = Scene(move=f"d7.a.b.shift.{LONG_AGO}", shares=(1, 1), b="d7.42").seen()
DONE = Scene(move=f"d7.a.b.done.{LONG_AGO}", shares=(1, 1), b="d7.42.served").seen()
Look = Snapshot | Exception
FAST, SERVICE, FULL = "slot b", "slot b and its service", "full"


def shares(*parts: Fraction | int) -> Snapshot:
    """Return the app in the middle of its shift, with these shares of slot b."""
    return Scene(move=str(SPLIT.move), shares=parts, b="d7.42").seen()


def of_service(slot: Slot, make: Callable[[Service], Service], found: Snapshot = SPLIT) -> Snapshot:
    """Return the app with something of a slot's service changed."""
    state = found.slot(slot)
    assert state.service is not None
    return replace(found, slots={**found.slots, slot: replace(state, service=make(state.service))})


def counted(slot: Slot, count: int, found: Snapshot = SPLIT) -> Snapshot:
    """Return the app with another count asked of a slot."""
    return of_service(slot, lambda service: replace(service, desired=count), found)


@dataclass(slots=True)
class Lock:
    """A lock that says what it is told, and remembers what it was told."""

    lost_to: str = ""
    lost_from_s: float = 0.0
    clock: VirtualClock = field(default_factory=VirtualClock)
    is_leaving: bool = False
    unsettled_: list[str] = field(default_factory=list[str])  # in turn; nobody once it is empty
    unwatched_: bool = False
    claims: list[Claim | Exception] = field(default_factory=list[Claim | Exception])
    told: list[str] = field(default_factory=list[str])

    def begin(self, caller: Caller, command: str) -> None:
        """Begin."""
        self.told.append(f"begin {command} of {caller.account}")

    def claim(self) -> Claim:
        """Answer a claim."""
        self.told.append("claim")
        claim = self.claims.pop(0) if self.claims else Claimed(epoch=1)
        if isinstance(claim, Exception):
            raise claim
        return claim

    def preempt(self) -> None:
        """Note it."""
        self.told.append("preempt")

    def enter(self, phase: str) -> None:
        """Note it."""
        self.told.append(f"enter {phase}")

    def excuse(self, *, excused: bool) -> None:
        """Note it."""
        self.told.append(f"excused {excused}")

    def renew(self) -> None:
        """Note it."""
        self.told.append("renew")

    def lost(self, *, afresh: bool = False) -> str:
        """Say who has it; where that is not yet known, only once it is asked afresh."""
        self.told += ["afresh"] * afresh
        return self.lost_to if self.clock.now_s() >= self.lost_from_s else ""

    def leaving(self) -> bool:
        """Say it."""
        return self.is_leaving

    def unsettled(self) -> str:
        """Name who is left."""
        return self.unsettled_.pop(0) if self.unsettled_ else ""

    def unwatched(self) -> bool:
        """Say it."""
        return self.unwatched_

    def release(self) -> None:
        """Note it."""
        self.told.append("release")


class Looks(Observer):
    """An observer that sees what it is told, look by look; the last one for ever."""

    def __init__(self, configured: Spec, ports: Ports, looks: Sequence[Look]) -> None:
        super().__init__(configured, ports)
        self.left = list(looks)
        self.taken: list[str] = []  # `full`, `glance`, `slot b`, `slot b and its service`
        self.recent_again = 0
        self.clock = ports.clock
        self.watch_takes_s = 0.0
        self.hurried = False  # whether the last glance was to wait for nothing
        self.takes_s: list[float] = []  # how long the next looks take, full ones and glances

    def full(self, *, lean: bool = False) -> Snapshot:
        """Look."""
        self.taken.append("lean" if lean else "full")
        began_s = self.clock.now_s()
        return replace(self._next(), taken_at_s=began_s)

    def glance(self, snapshot: Snapshot, *, hurried: bool = False) -> Snapshot:
        """Look at the routes."""
        self.taken.append("glance")
        self.hurried = hurried
        return replace(snapshot, routes=self._next().routes, taken_at_s=self.clock.now_s())

    def watch(self, snapshot: Snapshot, slot: Slot, *, service: bool) -> Snapshot:
        """Look at a slot."""
        self.taken.append(f"slot {slot}{' and its service' if service else ''}")
        if self.watch_takes_s:
            self.clock.sleep(self.watch_takes_s)
        found = self._next()
        if found.slots == snapshot.slots:
            return snapshot
        return replace(snapshot, slots={**snapshot.slots, slot: found.slot(slot)})

    def read_recent_again(self) -> None:
        """Note it."""
        self.recent_again += 1

    def _next(self) -> Snapshot:
        assert self.left, "nobody said what there is to see"
        if self.takes_s:
            self.clock.sleep(self.takes_s.pop(0))
        look = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        if isinstance(look, Exception):
            raise look
        return replace(look, taken_at_s=self.clock.now_s())


def scripted(
    ports: Ports,
    intent: Intent,
    *looks: Look,
    knows: Run | None = None,
    lock: Lock | None = None,
    configured: Spec | None = None,
    laws: Laws = LAWS,
) -> Session:
    """Return a session that has not looked yet."""
    clock = lock.clock if lock is not None else VirtualClock()
    wanted = configured or spec(2)
    around = replace(ports, clock=clock, journal=Story(), lock=lock)
    session = Session(wanted, around, intent, knows or run(started_at_s=clock.now_s()), laws)
    session.observer = Looks(wanted, around, looks)
    return session


def looked(session: Session) -> Looks:
    """Return what a session looks with."""
    assert isinstance(session.observer, Looks)
    return session.observer


def kinds(events: Sequence[Event]) -> list[str]:
    """Return the names of what happened, but for what was said meanwhile."""
    return [type(event).__name__ for event in events if not isinstance(event, Waited)]


def faster(found: Snapshot, time_scale: float) -> Snapshot:
    """Return the app in a lab."""
    lab = LabFacts(time_scale=time_scale, low_port_offset=0)
    return replace(found, caller=replace(found.caller, lab=lab))
