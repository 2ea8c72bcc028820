"""The lock in the simulation: one record that all processes share, a store that fails like AWS, and hearts that beat.

The lock is the product's (`teal.host.lock`), and so is the look at the lease right before a write is sent
(`teal.aws.leased`). A heart beats at an instant: what it asks the store is answered at once, or not at all.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from region import Killed
from sim.cloud import Cloud
from sim.faults import Weather, fault_of
from sim.scenario import Kind
from sim.story import Story
from teal.aws import leased
from teal.host.lock import Keeper, Who
from teal.model.lock import Life, LockRecord, Owner
from teal.ports import Kept

UNANSWERED = frozenset({Kind.THROTTLE, Kind.DOWN, Kind.TIMEOUT, Kind.LATE})
SLOW_STORE_S = 3.0  # how long a question takes that is not answered
LANDS_WITHIN_S = 12.0
NOT_OF_A_STORE = frozenset({Kind.GARBAGE, Kind.STALE, Kind.DENIED, Kind.EXPIRED, Kind.PAUSE})


class Process(Protocol):
    """A process that may hold the lock."""

    name: str
    cloud: Cloud
    story: Story
    weather: Weather
    life: int  # counts the processes of a machine
    dead: bool
    asleep_until_s: float

    @property
    def misdated(self) -> bool:
        """Whether what it signs is refused."""
        ...

    def spend(self, seconds: float) -> None:
        """Let time pass."""
        ...

    def travel(self) -> None:
        """Let a request or its answer travel."""
        ...


@dataclass(slots=True)
class Shelf:
    """Where the record of the app is kept, and when nobody is answered there."""

    outages: tuple[tuple[float, float], ...] = ()  # instants, from and to
    kept: Kept | None = None
    epochs: dict[str, int] = field(default_factory=dict[str, int])  # by token of a process: the epoch it had last

    def put(self, record: LockRecord, over: str | None) -> str | None:
        """Write if the version there is still `over`."""
        if (self.kept.version if self.kept is not None else None) != over:
            return None
        self.kept = Kept(record=record, version=record.nonce)
        if record.owner is not None:
            self.epochs[token_of(record.owner.host, record.owner.pid)] = record.epoch
        return record.nonce

    @property
    def writers(self) -> frozenset[int]:
        """The epochs of all who may write now, or may have a write under way."""
        return frozenset(holder.epoch for holder in self.kept.record.writers) if self.kept is not None else frozenset()

    def is_down(self, now_s: float) -> bool:
        """Say whether nobody is answered now."""
        return any(begins_s <= now_s < ends_s for begins_s, ends_s in self.outages)


@dataclass(slots=True)
class Store:
    """The record, as one process reaches it."""

    shelf: Shelf
    process: Process
    at_once: bool = False  # while a heart beats

    def read(self) -> Kept | None:
        """Return what is there."""
        self._ask(self._befalls())
        kept = self.shelf.kept
        self._answered()
        return kept

    def write(self, record: LockRecord, over: str | None) -> str | None:
        """Write under the condition."""
        kind = self._befalls()
        if kind is Kind.LATE:
            at_s = self.process.cloud.now_s + self.process.weather.writes.chance.uniform(0.0, LANDS_WITHIN_S)
            self.process.cloud.time.at(at_s, lambda: self._land(record, over))
        self._ask(kind)
        version = self._put(record, over)
        if kind is Kind.KILLED_AFTER:
            raise Killed
        if kind is Kind.LOST:
            self._unanswered(kind)
        self._answered()
        return version

    def _land(self, record: LockRecord, over: str | None) -> None:
        self._put(record, over)

    def _put(self, record: LockRecord, over: str | None) -> str | None:
        before = self.shelf.kept
        version = self.shelf.put(record, over)
        if version is not None and (before is None or record.epoch > before.record.epoch):
            self.process.story.count("times that the lock was taken")
            if record.preempted:
                self.process.story.count("times that the lock was pre-empted")
            elif before is not None and before.record.writers:
                self.process.story.count("times that the lock was stolen")
            self.process.story.tell(self.process.cloud.now_s, self.process.name, f"  lock: {record}")
        return version

    def _befalls(self) -> Kind | None:
        process = self.process
        if process.dead:
            raise Killed  # whatever a process that is no more would still clear up
        if self.shelf.is_down(process.cloud.now_s) or process.misdated:
            return Kind.DOWN
        kind = process.weather.strikes_store()
        harmless = NOT_OF_A_STORE | ({Kind.SLOW, Kind.KILLED_BEFORE, Kind.KILLED_AFTER} if self.at_once else set())
        return None if kind in harmless else kind

    def _ask(self, kind: Kind | None) -> None:
        if kind is not None:
            self.process.story.count("calls of the lock's store that went wrong")
        if kind is Kind.KILLED_BEFORE:
            raise Killed
        if not self.at_once:
            self.process.travel()
        if kind is Kind.SLOW:
            self.process.spend(SLOW_STORE_S)
        if kind in UNANSWERED:
            self._unanswered(kind)

    def _unanswered(self, kind: Kind) -> None:
        if not self.at_once:
            self.process.spend(SLOW_STORE_S)
        raise fault_of(kind, "lock:ask")

    def _answered(self) -> None:
        if not self.at_once:
            self.process.travel()

    @contextmanager
    def instantly(self) -> Generator[None]:
        """Let no time pass meanwhile."""
        self.at_once = True
        try:
            yield
        finally:
            self.at_once = False


@dataclass(slots=True)
class Heart:
    """Renews a lease while its process waits; stands still while the machine sleeps, and stops with its process."""

    store: Store
    process: Process
    _going: bool = False

    def start(self, beat: Callable[[], None], every_s: float) -> None:
        """Begin; once begun it goes on."""
        if self._going:
            return
        self._going = True
        life, process = self.process.life, self.process

        def go_on() -> None:
            if not self._going or process.life != life or process.dead:
                return
            now_s = process.cloud.now_s
            if now_s < process.asleep_until_s:
                process.cloud.time.at(process.asleep_until_s + every_s, go_on)
                return
            with self.store.instantly():
                beat()
            process.cloud.time.at(now_s + every_s, go_on)

        process.cloud.time.at(process.cloud.now_s + every_s, go_on)

    def stop(self) -> None:
        """End."""
        self._going = False


@dataclass(slots=True)
class LeaseTime:
    """The clock of a machine that nobody sets."""

    cloud: Cloud

    def elapsed_s(self) -> float:
        """Return the virtual instant."""
        return self.cloud.now_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Locksmith:
    """Makes the locks of processes, and the look at the lease before each write: the product's, both."""

    keeper: type[Keeper] = Keeper
    guard: Callable[[Callable[[str, str], None], leased.Lease], Callable[[str, str], None]] = leased.guard

    def lock(self, shelf: Shelf, process: Process) -> Keeper:
        """Return the lock of a process."""
        machine, life = process.name, process.life

        def life_of(other: Owner) -> Life:
            """One process after another runs on a machine; of other machines nothing is known."""
            if other.host != machine:
                return Life.UNKNOWN
            return Life.ALIVE if other.pid == life else Life.DEAD

        store = Store(shelf, process)
        me = Owner(user=machine, host=machine, pid=life)
        who = Who(owner=lambda: me, token=token_of(machine, life), life=life_of)
        # No patience in real seconds: hearts beat at an instant, so nobody ever waits for another thread.
        return self.keeper(lambda _: store, LeaseTime(process.cloud), who, Heart(store, process), patience_s=0.0)


LOCKSMITH = Locksmith()


def token_of(machine: str, life: int) -> str:
    """Return the text that no other process has."""
    return f"{machine}/{life}"
