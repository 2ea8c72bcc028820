"""The lock of an app: a record in a shared store that says who may write, and who may still have a write under way.

The record is for coordination only. Where things stand is read from AWS; losing the record loses nothing but the
knowledge of who is at work.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

import msgspec

from teal.model.text import clean

SCHEMA = 1
BY_HAND = "once nobody deploys, delete it by hand: it holds nothing else; `teal rollback` does without it"


class Life(StrEnum):
    """What one process can know of another."""

    ALIVE = "alive"
    DEAD = "dead"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A process that holds, or held, a lock: enough to name it to a person and to see on its own computer if it died.

    `machine` identifies the computer beyond its name, `boot_id` its start, `pid_space` the namespace in which `pid` is
    a number; each is empty where it cannot be known. `started` is when the process started, in ticks since boot.
    """

    user: str
    host: str
    pid: int
    machine: str = ""
    boot_id: str = ""
    pid_space: str = ""
    started: str = ""
    ci_url: str = ""

    def __str__(self) -> str:
        where = f", {self.ci_url}" if self.ci_url else ""
        return f"{self.user} on {self.host} (process {self.pid}{where})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """An owner at the time of one epoch."""

    epoch: int
    owner: Owner


@dataclass(frozen=True, slots=True, kw_only=True)
class LockRecord:
    """What the store holds for one app.

    `epoch` only grows, by one with each acquisition. `nonce` is new in each body, so that equal bodies do not exist.
    `owner` is None once it was released. `preempted` are earlier holders that were not waited for and have not yet
    said that they write no more.
    """

    epoch: int
    nonce: str
    owner: Owner | None
    command: str = ""
    phase: str = ""
    lease_s: float = 60.0
    preempted: tuple[Holder, ...] = ()
    schema: int = SCHEMA

    @property
    def writers(self) -> tuple[Holder, ...]:
        """All who may write now, or may have a write under way."""
        own = () if self.owner is None else (Holder(epoch=self.epoch, owner=self.owner),)
        return (*self.preempted, *own)

    def __str__(self) -> str:
        if self.owner is None:
            return f"nobody (epoch {self.epoch})"
        doing = f" `teal {self.command}`" if self.command else ""
        phase = f", in {self.phase}" if self.phase else ""
        return f"{self.owner}:{doing}{phase}, epoch {self.epoch}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseTimes:
    """The times of a lease in seconds, on the holder's or the waiter's own clock.

    `fence_s` is how long AWS takes a signed request after its signature: AWS documents that older ones are refused.
    `skew_s` is how far clocks may differ. `leave_s` is the age of a lease at which a run that leaves traffic split
    goes back while it still may write.
    """

    lease_s: float = 60.0
    heartbeat_s: float = 15.0
    leave_s: float = 45.0
    stop_s: float = 55.0
    fence_s: float = 300.0
    skew_s: float = 30.0
    dead_s: float = 10.0  # for what a process that died had sent

    @property
    def steal_s(self) -> float:
        """How long a record must stand unchanged until nobody named in it can write any more."""
        return self.lease_s + self.fence_s + self.skew_s

    @classmethod
    def scaled(cls, scale: float) -> "LeaseTimes":
        """Return the times at the scale of a lab, whose processes still stall in real seconds: a lease has a floor."""
        full = cls()
        short = max(min(scale, 1.0), SHORTEST_LEASE_S / full.lease_s)
        return cls(
            lease_s=full.lease_s * short,
            heartbeat_s=full.heartbeat_s * short,
            leave_s=full.leave_s * short,
            stop_s=full.stop_s * short,
            fence_s=full.fence_s * min(scale, 1.0),
            skew_s=full.skew_s * min(scale, 1.0),
            dead_s=full.dead_s * min(scale, 1.0),
        )


SHORTEST_LEASE_S = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """The lock is held. `broke` names those whose lock was taken over because it had ended."""

    epoch: int
    broke: tuple[Holder, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Somebody else holds the lock. `dead` says that the holder is known to be no more: it is not long now."""

    holder: str
    left_s: float  # until the lock may be taken, if nothing changes
    dead: bool


Claim = Claimed | Waiting


def lock_text(record: LockRecord) -> str:
    """Return the body of a record: JSON, in one line."""
    return msgspec.json.encode(record).decode()


def lock_from(text: str | bytes) -> LockRecord:
    """Return the record of a body, its texts without control characters.

    Raises:
        ValueError: it is no record of this schema.
    """
    record = msgspec.json.decode(text, type=LockRecord)
    if record.schema != SCHEMA:
        raise ValueError(f"the record has schema {record.schema}, this teal knows {SCHEMA}")
    return replace(
        record,
        owner=None if record.owner is None else _printable(record.owner),
        command=clean(record.command),
        phase=clean(record.phase),
        preempted=tuple(replace(holder, owner=_printable(holder.owner)) for holder in record.preempted),
    )


def _printable(owner: Owner) -> Owner:
    return replace(owner, user=clean(owner.user), host=clean(owner.host), ci_url=clean(owner.ci_url))
