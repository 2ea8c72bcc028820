"""The lease: when a record may be taken, what it becomes, and when its holder must stop. Pure.

No clock is compared with another computer's. A waiter counts for how long it has seen a record *unchanged*, on its own
clock; a holder counts the age of its lease from before the call that renewed it, on its own clock, sleep included. This
is the rule of DynamoDB's lock client and of the leader election of Kubernetes. What they lack, that a holder which was
paused after its last look may still write, is bounded here by the age at which AWS refuses a signature.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from teal.model.lock import Holder, LeaseTimes, Life, LockRecord, Owner


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A record that a waiter has seen unchanged since `since_s` on its own clock."""

    nonce: str
    since_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Taker:
    """Who writes a record: the process, what it does, and a text that no other body has."""

    owner: Owner
    command: str
    nonce: str
    lease_s: float


def sighted(before: Sighting | None, record: LockRecord, now_s: float) -> Sighting:
    """Return what a waiter knows after it has read `record`."""
    if before is not None and before.nonce == record.nonce:
        return before
    return Sighting(nonce=record.nonce, since_s=now_s)


def left_s(record: LockRecord, unchanged_s: float, life: Callable[[Owner], Life], times: LeaseTimes) -> float:
    """Return for how long `record` must still stand unchanged until the lock may be taken; 0.0 is now."""
    if not record.writers:
        return 0.0
    needed_s = times.dead_s if all_dead(record, life) else record.lease_s + times.fence_s + times.skew_s
    return max(needed_s - unchanged_s, 0.0)


def all_dead(record: LockRecord, life: Callable[[Owner], Life]) -> bool:
    """Say whether everybody who could write under `record` is known to be no more."""
    return all(life(holder.owner) is Life.DEAD for holder in record.writers)


def taken(record: LockRecord | None, taker: Taker) -> LockRecord:
    """Return the record of a new holder, once those before it can write no more."""
    return _next(record, taker, ())


def preempting(record: LockRecord | None, taker: Taker) -> LockRecord:
    """Return the record of a rollback that waits for nobody: those before it may still write."""
    return _next(record, taker, () if record is None else record.writers)


def broken(record: LockRecord, nonce: str) -> LockRecord:
    """Return the record of a lock that a person broke: free, and above whoever held it."""
    return replace(record, epoch=record.epoch + 1, nonce=nonce, owner=None, command="", phase="", preempted=())


def renewed(record: LockRecord, nonce: str, phase: str) -> LockRecord:
    """Return the record after a heartbeat."""
    return replace(record, nonce=nonce, phase=phase)


def released(record: LockRecord, nonce: str) -> LockRecord:
    """Return the record that its holder leaves behind."""
    return replace(record, nonce=nonce, owner=None, phase="", preempted=())


def acknowledged(record: LockRecord, epoch: int, nonce: str) -> LockRecord:
    """Return the record once the pre-empted holder of `epoch` has said that it writes no more."""
    left = tuple(holder for holder in record.preempted if holder.epoch != epoch)
    return replace(record, nonce=nonce, preempted=left)


def held_by(record: LockRecord | None, epoch: int) -> bool:
    """Say whether the lock is still that of `epoch`: an epoch belongs to one holder."""
    return record is not None and record.epoch == epoch and record.owner is not None


def living(preempted: tuple[Holder, ...], life: Callable[[Owner], Life]) -> tuple[Holder, ...]:
    """Return those who are not known to be no more."""
    return tuple(holder for holder in preempted if life(holder.owner) is not Life.DEAD)


def skew_s(told_s: float, asked_s: float, answered_s: float) -> float:
    """Return by how much a server's clock is ahead of ours, at least; 0.0 where the answer could be on time.

    `told_s` is the server's `Date`, in whole seconds; `asked_s` and `answered_s` are when we sent and received.
    """
    return max(told_s - answered_s, 0.0) + min(told_s + 1.0 - asked_s, 0.0)


def _next(record: LockRecord | None, taker: Taker, preempted: tuple[Holder, ...]) -> LockRecord:
    return LockRecord(
        epoch=1 if record is None else record.epoch + 1,
        nonce=taker.nonce,
        owner=taker.owner,
        command=taker.command,
        lease_s=taker.lease_s,
        preempted=preempted,
    )
