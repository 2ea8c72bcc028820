"""What tests of the lock share: processes, records, a clock that is set by hand, and a store that can misbehave."""

from collections.abc import Callable
from dataclasses import dataclass, field

from teal.errors import BusyError, TransientError
from teal.host.lock import Keeper, Who
from teal.model.identity import Caller, LabFacts
from teal.model.lock import Life, LockRecord, Owner
from teal.ports import Kept

CALLER = Caller(account="123456789012", arn="arn:aws:iam::123456789012:user/ann", region="eu-west-1")
LAB = Caller(account="1", arn="a", region="r", lab=LabFacts(time_scale=0.01, low_port_offset=0))


def owner(name: str) -> Owner:
    """Return a process of somebody."""
    return Owner(user=name, host=f"host-of-{name}", pid=42)


@dataclass(slots=True)
class HandClock:
    """A clock that tests set."""

    at_s: float = 1000.0

    def elapsed_s(self) -> float:
        """Return the instant."""
        return self.at_s


class NoPulse:
    """A heart that tests beat by hand."""

    def start(self, beat: Callable[[], None], every_s: float) -> None:
        """Begin nothing."""

    def stop(self) -> None:
        """End nothing."""


@dataclass(slots=True)
class MemoryStore:
    """A record in memory. `faults` name what happens to the next calls: "down", "answer lost", "late", "" for nothing.

    "answer lost" carries a write out and says that nobody knows; "late" does so once the next call comes.
    """

    kept: Kept | None = None
    faults: list[str] = field(default_factory=list[str])
    writes: list[LockRecord] = field(default_factory=list[LockRecord])
    late: list[tuple[LockRecord, str | None]] = field(default_factory=list[tuple[LockRecord, str | None]])
    before_write: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])

    @property
    def record(self) -> LockRecord:
        """The record, which must be there."""
        assert self.kept is not None
        return self.kept.record

    def read(self) -> Kept | None:
        """Return what is there."""
        self._arrive()
        self._fault()
        return self.kept

    def write(self, record: LockRecord, over: str | None) -> str | None:
        """Write under the condition."""
        self._arrive()
        if self.before_write:
            self.before_write.pop(0)()
        fault = self._fault()
        if fault == "late":
            self.late.append((record, over))
            raise _lost()
        version = self._put(record, over)
        if fault == "answer lost":
            raise _lost()
        return version

    def _put(self, record: LockRecord, over: str | None) -> str | None:
        if (self.kept.version if self.kept is not None else None) != over:
            return None
        self.writes.append(record)
        self.kept = Kept(record=record, version=record.nonce)
        return record.nonce

    def _arrive(self) -> None:
        while self.late:
            self._put(*self.late.pop(0))

    def _fault(self) -> str:
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "down":
            raise _lost()
        return fault


def _lost() -> TransientError:
    return TransientError("no answer", code="ReadTimeout", operation="store:any")


@dataclass(slots=True)
class Contest:
    """Several runs and one store."""

    store: MemoryStore = field(default_factory=MemoryStore)
    clock: HandClock = field(default_factory=HandClock)
    dead: set[str] = field(default_factory=set[str])
    caller: Caller = CALLER
    runs: int = 0

    def run(self, name: str, command: str = "deploy") -> Keeper:
        """Return the lock of one more run."""
        self.runs += 1
        who = Who(owner=lambda: owner(name), token=f"run-{self.runs}", life=self._life)
        keeper = Keeper(lambda _: self.store, self.clock, who, NoPulse())
        keeper.begin(self.caller, command)
        return keeper

    def _life(self, other: Owner) -> Life:
        return Life.DEAD if other.user in self.dead else Life.UNKNOWN


def refused(keeper: Keeper) -> str:
    """Return why a write may not be sent; empty when it may."""
    try:
        keeper.may_send()
    except BusyError as error:
        return error.message
    return ""
