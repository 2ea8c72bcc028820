"""The lock around a run: taken before whoever goes forward looks for the first time, pre-empted by whoever goes back.

A way back waits for nobody. It writes first, then takes the lock, and stays to watch as long as somebody that it did
not wait for may still have a write under way. What such a write can have written is undone; anything else is drift.
"""

from collections.abc import Generator, Iterator
from fractions import Fraction

from teal.errors import BusyError, DriftError, LostLockError, StoppedError, TealError, TransientError, UsageError
from teal.execute.guard import refuse_foreign
from teal.execute.session import Session
from teal.model.event import Event, Noted
from teal.model.identity import Caller, Slot
from teal.model.lock import Claim, Claimed, LeaseTimes
from teal.model.run import Abort, Retire, Rollback
from teal.model.snapshot import Snapshot
from teal.model.step import Act, UpdateService
from teal.plan.situation import share_of
from teal.ports import RunLock

STORE_DEADLINE_S = 30.0
STORE_RETRY_S = 0.5
POLL_S = 2.0
SHORTEST_POLL_S = 0.02
PREEMPT_PATIENCE_S = 2.0
EXPLAIN_POLL_S = 0.2
WATCH_S = 5.0
SKEW_LIMIT_S = 30.0
NO_LOCK = "no lock is configured: tags and fresh reads protect against a second deployer as far as they can"


def begin(session: Session, caller: Caller, command: str) -> Iterator[Event]:
    """Take the lock, unless this run goes back.

    Raises:
        BusyError: somebody else has it, for longer than this run waits.
        UsageError: this computer's clock is wrong by so much that its instants in tags mislead, and signatures prove
            nothing.
        AwsError: the store does not answer.
    """
    lock = session.ports.lock
    if not session.lean:
        _refuse_skew(caller)
    if lock is None:
        if not session.lean:
            yield session.tell(Noted(at_s=session.now_s, message=NO_LOCK))
        return
    lock.begin(caller, command)
    if not session.lean:
        yield from _take(session, lock)


def excuse(session: Session, step: Act, stage: str) -> None:
    """Say whether an act needs the lease, and renew it then: before the look on which the act rests.

    All acts need it but those of a rollback, and of an abort what it does to traffic.
    """
    lock = session.ports.lock
    if lock is None:
        return
    puts_back = isinstance(step, UpdateService) and step.putting_back
    lock.enter(stage)
    lock.excuse(excused=isinstance(session.intent, Rollback) or (isinstance(session.intent, Abort) and not puts_back))
    lock.renew()


def preempt(session: Session, before: Snapshot) -> Iterator[Event]:
    """Take the lock from whoever has it, once; a store that does not answer soon is gone on without.

    `before` is what was seen before this way back wrote anything: what it shows, the pre-empted run may write again.
    """
    lock = session.ports.lock
    if lock is None or session.preempted is not None or not session.lean:
        return
    session.preempted = _shares(before)

    def attempt() -> str:
        try:
            lock.preempt()
        except TealError as error:
            return error.message
        return ""

    problem = session.ports.within([attempt], PREEMPT_PATIENCE_S)[0]
    if problem is None or problem:
        why = problem or f"no answer in {PREEMPT_PATIENCE_S:g} s"
        yield session.tell(Noted(at_s=session.now_s, message=f"going back without the lock: {why}"))


def keep_watch(session: Session) -> Generator[Event, None, bool]:
    """Watch for a moment; return (to `yield from`) whether there was reason to, so that the plan is asked again.

    Raises:
        DriftError: a route has a value that the pre-empted run cannot have written.
        StoppedError: a signal; the lock is left as it is, so that the next run waits instead.
    """
    lock = session.ports.lock
    if lock is not None and session.preempted is None and session.lean and lock.unwatched():
        yield from preempt(session, session.snapshot)  # what a way back that was killed had begun to watch
    if lock is None or session.preempted is None:
        return False
    who = lock.unsettled()
    if not who and session.watching:  # what was under way has landed or will not, perhaps after the last look
        session.watching = False
        refuse_foreign(session.spec, session.preempted, session.look())
        return True
    if not who:
        return False
    if not session.watching:
        session.watching = True
        longest_s = LeaseTimes.scaled(session.scale).steal_s
        message = f"done; watching for up to {longest_s:.0f} s, because {who} may still have a write under way"
        yield session.tell(Noted(at_s=session.now_s, message=message))
    if session.deadline_s is not None and session.now_s > session.deadline_s:
        message = f"the time limit ends the watch; {who} may still have a write under way"
        yield session.tell(Noted(at_s=session.now_s, message=message))
        return False
    signal = session.ports.clock.stop_signal()
    if signal is not None:
        message = f"production went back; stopped by signal {signal} while watching {who}"
        stopped = StoppedError(message, hint="`teal status` shows whether it stays so")
        stopped.exit_code = 128 + signal
        raise stopped
    session.ports.clock.sleep(max(WATCH_S * min(session.scale, 1.0), SHORTEST_POLL_S))
    refuse_foreign(session.spec, session.preempted, session.look())
    return True


def explained(session: Session, error: TealError) -> TealError:
    """Return why a run ends: what looks like drift is no such thing where whoever changed it has the lock now.

    A way back writes first and takes the lock afterwards, so it is waited for. Of a lease that ran out, as of another
    run that was met, the store knows at once who has the lock instead.
    """
    lock, told = session.ports.lock, isinstance(error, LostLockError)
    if lock is None or session.lean or told or not isinstance(error, DriftError | BusyError):
        return error
    until_s = session.now_s + (PREEMPT_PATIENCE_S if isinstance(error, DriftError) else 0.0)
    while not (new_holder := lock.lost(afresh=True)) and session.now_s < until_s:
        session.ports.clock.sleep(EXPLAIN_POLL_S)
    return LostLockError(new_holder, seen=error.message) if new_holder else error


def let_go(session: Session) -> None:
    """Give the lock back."""
    if session.ports.lock is not None:
        session.ports.lock.release()


def _take(session: Session, lock: RunLock) -> Iterator[Event]:
    began_s, said = session.now_s, ""
    while True:
        claim = _claim(session, lock)
        if isinstance(claim, Claimed):
            if claim.broke:
                gone = ", ".join(str(holder.owner) for holder in claim.broke)
                yield session.tell(Noted(at_s=session.now_s, message=f"took over the lock of {gone}, which had ended"))
            return
        if not claim.dead and session.now_s - began_s >= session.run.lock_wait_s:
            raise _busy(session, claim.holder)
        if claim.holder != said:
            said = claim.holder
            message = f"waiting for the lock, held by {said}; unchanged, it is free in {claim.left_s:.0f} s"
            yield session.tell(Noted(at_s=session.now_s, message=message))
        session.heed()
        session.ports.clock.sleep(min(max(claim.left_s, SHORTEST_POLL_S), POLL_S))


def _busy(session: Session, holder: str) -> BusyError:
    error = BusyError(
        f"locked by {holder}",
        hint="--lock-wait 10m waits for it; `teal rollback` never does; `teal unlock` if that run is gone",
    )
    if isinstance(session.intent, Retire) and session.intent.if_due:
        error.exit_code = 0  # whoever is at work is left alone, and the next schedule comes
    return error


def _claim(session: Session, lock: RunLock) -> Claim:
    """Claim once; a store that hiccups is asked again for a while."""
    until_s = session.now_s + STORE_DEADLINE_S
    while True:
        try:
            return lock.claim()
        except TransientError as error:
            if session.now_s > until_s:
                error.hint = "see `lock:` in teal.yaml; `teal rollback` needs no lock"
                raise
        session.heed()
        session.ports.clock.sleep(STORE_RETRY_S)


def _refuse_skew(caller: Caller) -> None:
    if abs(caller.skew_s) <= SKEW_LIMIT_S:
        return
    way = "behind" if caller.skew_s > 0 else "ahead of"
    raise UsageError(
        f"this computer's clock is {abs(caller.skew_s):.0f} s {way} AWS's: neither holds nor a lock can be kept by it",
        hint="set the clock; more than 30 s are refused",
    )


def _shares(snapshot: Snapshot) -> frozenset[Fraction]:
    return frozenset(share_of(snapshot, route, slot) for route in snapshot.routes for slot in Slot)
