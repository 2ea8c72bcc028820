"""The lock of one run: claimed, renewed, lost, given back.

The lease is looked at by the thread that writes, right before a request leaves (`may_send`), and renewed by that thread
and by a heartbeat. What is known of it is one value that is replaced as a whole; the store is asked by one thread at a
time, and never by `may_send`, which must not wait.

A conditional write whose answer was lost is read again: the nonce in the record says whether it was ours.

Whoever was pre-empted says so in the record once nothing that it sent can still be done; then the way back ends.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import count
from threading import Lock
from typing import Protocol

from teal.errors import BusyError, NeedsPersonError, TealError, TransientError, UnknownAnswerError
from teal.host.sending import Sending
from teal.model.identity import Caller
from teal.model.lock import Claim, Claimed, LeaseTimes, Life, LockRecord, Owner, Waiting
from teal.plan.lease import (
    Sighting,
    Taker,
    acknowledged,
    all_dead,
    held_by,
    left_s,
    living,
    preempting,
    released,
    renewed,
    sighted,
    taken,
)
from teal.ports import Kept, LeaseClock, LockStore

RACES_MOST = 5
OpenStore = Callable[[Caller], LockStore]


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Who asks for the lock: its name, a text that no other process has, and what it can know of others.

    The name is asked for when it is written, not before: to look up a user may take long, and a way back does not wait.
    """

    owner: Callable[[], Owner]
    token: str
    life: Callable[[Owner], Life]


class Pulse(Protocol):
    """Calls something again and again while the run does other things."""

    def start(self, beat: Callable[[], None], every_s: float) -> None:
        """Begin."""
        ...

    def stop(self) -> None:
        """End."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """A lease of ours. `lost` names who has the lock now; `failing` says that the last renewal was not answered."""

    kept: Kept
    epoch: int
    renewed_s: float  # on our clock, from before the call that renewed it
    lost: str = ""
    failing: bool = False
    left: bool = False  # we have said that we write no more


class Keeper:
    """The lock of one run.

    Args:
        open_store: returns the record of the app, once it is known whose account it is in.
        clock: counts the age of the lease; goes on while the computer sleeps.
        who: this process.
        pulse: renews the lease while the run waits.
        patience_s: how long one thread waits for another that asks the store.
    """

    def __init__(
        self, open_store: OpenStore, clock: LeaseClock, who: Who, pulse: Pulse, patience_s: float = 10.0
    ) -> None:
        self._patience_s = patience_s
        self._open_store = open_store
        self._clock = clock
        self._who = who
        self._pulse = pulse
        self._caller: Caller | None = None
        self._opened: LockStore | None = None
        self._command = self._phase = ""
        self._times = LeaseTimes()
        self._numbers = count(1)
        self._asking = Lock()  # held while the store is asked
        self._sending = Sending(clock)
        self._held: _Held | None = None
        self._excused = False
        self._sighting: Sighting | None = None
        self._tried_s = self._rests_until_s = 0.0  # a store that did not renew the lease is left alone until then
        self._preempted_s: float | None = None

    # What the executor asks

    def begin(self, caller: Caller, command: str) -> None:
        """Begin a run: say whose lock it is about, and for what. Asks nothing yet."""
        self._held = self._sighting = self._preempted_s = None
        self._excused, self._phase = False, ""
        self._caller, self._opened = caller, None
        self._command = command
        self._times = LeaseTimes.scaled(caller.time_scale)

    def claim(self) -> Claim:
        """Take the lock if it is free, or if its holder can write no more."""
        with self._alone():
            for _ in range(RACES_MOST):
                asked_s = self._clock.elapsed_s()
                kept = self._store.read()
                if kept is not None and self._is_ours(kept.record):
                    return self._adopted(kept, self._tried_s)
                waiting = None if kept is None else self._waiting(kept.record, asked_s)
                if waiting is not None:
                    return waiting
                record = taken(kept.record if kept is not None else None, self._taker())
                put = self._put(record, kept)
                if put is not None:
                    self._adopted(put, asked_s)
                    return Claimed(epoch=record.epoch, broke=kept.record.writers if kept is not None else ())
        return Waiting(holder="a run that was faster", left_s=self._times.steal_s, dead=False)

    def preempt(self) -> None:
        """Take the lock from whoever has it, without waiting for them."""
        if self._preempted_s is None:
            self._preempted_s = self._clock.elapsed_s()
        with self._alone():
            for _ in range(RACES_MOST):
                asked_s = self._clock.elapsed_s()
                kept = self._store.read()
                put = self._put(preempting(kept.record if kept is not None else None, self._taker()), kept)
                if put is not None:
                    self._adopted(put, asked_s)
                    return
        raise BusyError("several runs take the lock at once")

    def enter(self, phase: str) -> None:
        """Say in the record, with the next heartbeat, how far the run has come."""
        self._phase = phase

    def excuse(self, *, excused: bool) -> None:
        """Say whether the next writes are those of a way back, which need no lease."""
        self._excused = excused

    def lost(self, *, afresh: bool = False) -> str:
        """Say who holds the lock now, once it is no longer ours; empty while it is. `afresh` asks the store first."""
        if afresh:
            with suppress(TealError):
                self._read_again()
        return self._held.lost if self._held is not None else ""

    def leaving(self) -> bool:
        """Say whether renewals have failed for so long that traffic must not be left split."""
        held = self._held
        return held is not None and held.failing and not held.lost and self._age_s(held) >= self._times.leave_s

    def unsettled(self) -> str:
        """Name those that were pre-empted and may still have a write under way; empty when there is nobody."""
        since_s = self._clock.elapsed_s() - (self._preempted_s if self._preempted_s is not None else 0.0)
        if since_s >= self._times.steal_s:
            return ""
        try:
            if self._held is None:
                self.preempt()
            else:
                self._read_again()
        except TealError as error:
            if self._held is None:
                return f"somebody that cannot be seen ({error.message})"
        held = self._held
        if held is None or held.lost:
            return ""
        left = held.kept.record.preempted
        if since_s >= self._times.dead_s:
            left = living(left, self._who.life)
        return ", ".join(str(holder.owner) for holder in left)

    def unwatched(self) -> bool:
        """Say whether an earlier way back took the lock, and was not seen to watch to the end. Never raises."""
        with suppress(TealError), self._alone():
            kept = self._store.read()
            return kept is not None and bool(kept.record.preempted)
        return False

    def release(self) -> None:
        """Give the lock back, unless somebody that was pre-empted may still write. Never raises."""
        self._pulse.stop()
        with suppress(TealError):
            if self.lost():
                self._acknowledge()
            elif self._preempted_s is None or not self.unsettled():
                self._give_back()

    def _give_back(self) -> None:
        with self._alone():
            held = self._held
            if held is None or held.lost:
                return
            kept: Kept | None = held.kept
            for _ in range(RACES_MOST):
                if kept is None or not held_by(kept.record, held.epoch):
                    break
                if self._put(released(kept.record, self._nonce()), kept) is not None:
                    break
                kept = self._store.read()
            self._held = None

    # What a write asks

    def renew(self) -> None:
        """Renew if it is due: before the look that a write rests on, which a slow store would make old."""
        if not self._excused:
            self._renew_if_due()

    @contextmanager
    def writing(self) -> Generator[None]:
        """While this lasts a write may be under way; the store is not asked, for that would make the last look old."""
        try:
            with self._sending.writing():
                yield
        finally:
            if self.lost():
                self._acknowledge()

    def may_send(self) -> None:
        """Return if a write may be sent now; it is taken to be.

        Raises:
            BusyError: the lease is lost, or has run out.
        """
        if not self._excused:
            self._refuse_without_lease()
        self._sending.sends()

    def _refuse_without_lease(self) -> None:
        held = self._held
        if held is None:
            raise BusyError("this run does not hold the lock; nothing was sent")
        if held.lost:
            raise BusyError(f"the lock was lost to {held.lost}; nothing was sent", hint="`teal status` shows more")
        if self._age_s(held) >= self._times.stop_s:
            message = f"the lock could not be renewed for {self._age_s(held):.0f} s; nothing was sent"
            raise BusyError(message, hint="see why its store does not answer, then run the same command again")

    # What the heartbeat does

    def beat(self) -> None:
        """Renew if it is due; once the lock is lost, say that nothing more will be written."""
        self._renew_if_due()
        if self.lost():
            self._acknowledge(wait=False)

    def _renew_if_due(self) -> None:
        with suppress(TransientError), self._alone():  # where another thread waits for the store, it renews, or nobody
            held = self._held
            rests = self._clock.elapsed_s() < self._rests_until_s
            if held is None or held.lost or rests or self._age_s(held) < self._times.heartbeat_s:
                return
            try:
                self._held = self._renewed(held)
            except TealError:
                self._held = replace(held, failing=True)
                self._rests_until_s = self._clock.elapsed_s() + self._times.heartbeat_s / 4

    def _renewed(self, held: _Held) -> _Held:
        """Return the lease renewed, or lost. It is ours as long as the record says so, whatever its age."""
        asked_s, kept = self._clock.elapsed_s(), held.kept
        for _ in range(RACES_MOST):
            put = self._put(renewed(kept.record, self._nonce(), self._phase), kept)
            if put is not None:
                return replace(held, kept=put, renewed_s=asked_s, failing=False)
            there = self._store.read()
            if there is None or not held_by(there.record, held.epoch):
                return _lost(held, there)
            kept = there  # somebody that we pre-empted has said that it writes no more
        return replace(held, kept=kept, failing=True)

    def _acknowledge(self, *, wait: bool = True) -> None:
        """Say that we write no more; a write under way is waited for, or else told by whoever sent it."""
        held = self._held
        if held is None or held.left:
            return
        with self._sending.ended(self._times.steal_s, wait=wait) as ended:
            if ended:
                self._leave(held)

    def _leave(self, held: _Held) -> None:
        with suppress(TealError), self._alone():
            for _ in range(RACES_MOST):
                kept = self._store.read()
                waits = kept is not None and any(h.epoch == held.epoch for h in kept.record.preempted)
                left = acknowledged(kept.record, held.epoch, self._nonce()) if kept is not None and waits else None
                if left is None or self._put(left, kept) is not None:
                    self._held = replace(held, left=True)
                    return

    # The store

    @contextmanager
    def _alone(self) -> Generator[None]:
        if not self._asking.acquire(timeout=self._patience_s):
            raise TransientError("the lock's store leaves a question unanswered", code="Hangs", operation="lock:ask")
        try:
            yield
        finally:
            self._asking.release()

    @property
    def _store(self) -> LockStore:
        if self._caller is None:
            raise NeedsPersonError("the lock is asked for before its run began")
        if self._opened is None:
            self._opened = self._open_store(self._caller)
        return self._opened

    def _put(self, record: LockRecord, over: Kept | None) -> Kept | None:
        """Write over what was read; None where somebody else was first."""
        self._tried_s = self._clock.elapsed_s()
        unsure: TealError | None = None
        try:
            version = self._store.write(record, None if over is None else over.version)
        except (TransientError, UnknownAnswerError) as error:
            version, unsure = None, error
        if version is not None:
            return Kept(record=record, version=version)
        there = self._store.read()
        if there is not None and there.record.nonce == record.nonce:
            return there
        if unsure is not None:
            raise unsure
        return None

    def _read_again(self) -> None:
        with self._alone():
            held = self._held
            if held is None or held.lost:
                return
            there = self._store.read()
            still_ours = there is not None and held_by(there.record, held.epoch)
            self._held = replace(held, kept=there) if there is not None and still_ours else _lost(held, there)

    # Small parts

    def _waiting(self, record: LockRecord, now_s: float) -> Waiting | None:
        """Return what to wait for; None where the lock may be taken."""
        self._sighting = sighted(self._sighting, record, now_s)
        rest_s = left_s(record, now_s - self._sighting.since_s, self._who.life, self._times)
        if rest_s <= 0.0:
            return None
        return Waiting(holder=str(record), left_s=rest_s, dead=all_dead(record, self._who.life))

    def _adopted(self, kept: Kept, renewed_s: float) -> Claimed:
        self._held = _Held(kept=kept, epoch=kept.record.epoch, renewed_s=renewed_s)
        self._pulse.start(self.beat, self._times.heartbeat_s / 3)
        return Claimed(epoch=kept.record.epoch)

    def _taker(self) -> Taker:
        return Taker(owner=self._who.owner(), command=self._command, nonce=self._nonce(), lease_s=self._times.lease_s)

    def _is_ours(self, record: LockRecord) -> bool:
        """Say whether a write of ours that seemed lost has landed after all."""
        return record.owner is not None and record.nonce.startswith(f"{self._who.token}.")

    def _nonce(self) -> str:
        return f"{self._who.token}.{next(self._numbers)}"

    def _age_s(self, held: _Held) -> float:
        return self._clock.elapsed_s() - held.renewed_s


def _lost(held: _Held, there: Kept | None) -> _Held:
    if there is None:
        return replace(held, lost="nobody: its record is gone")
    record = there.record
    return replace(held, lost=str(record) if record.owner else f"somebody who broke it (epoch {record.epoch})")
