"""Acting: one write at a time, guarded before, seen afterwards."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from itertools import takewhile

from teal.errors import AwsError, CredentialError, NeedsPersonError, TealError, TransientError, UnknownAnswerError
from teal.execute.guard import step_key
from teal.execute.locking import excuse, preempt
from teal.execute.perform import Outcome, aws_detail, perform
from teal.execute.reading import GLANCE_PATIENCE_S
from teal.execute.seen import as_written, value_of
from teal.execute.session import Session
from teal.execute.stages import stage_of
from teal.model.event import Event, Noted, StepBegan, StepEnded, StepFailed
from teal.model.run import TurnBack
from teal.model.step import (
    Act,
    CreateGroup,
    CreateRoute,
    CreateService,
    CreateTaste,
    DeleteRoute,
    Register,
    Step,
    TagDeployment,
    TagMove,
    TagVerdict,
    UpdateService,
    WriteRoute,
)
from teal.model.step_order import TagOrder
from teal.model.step_retire import RetireSlot
from teal.model.tags import Stage
from teal.plan.back import ROUTES_FIRST
from teal.plan.standing import expired, written

SEEN_DEADLINE_S = 60.0
RETRY_DEADLINE_S = 60.0
BACK_DEADLINE_S = 600.0
REFUSED_LIMIT = 5
ROUTING = (WriteRoute, CreateRoute, DeleteRoute)
FRESH = (*ROUTING, RetireSlot)  # what follows a read of the routes that is at most a second old
BUILDING = (CreateGroup, CreateTaste, Register, CreateService, UpdateService)


def once_more(session: Session) -> TagMove | None:
    """Return what writes the newest tag of this run again, where an earlier one came late over it.

    Whoever read that would take the app to stand where it stood before. On a way back the weights come first.
    """
    own = session.run.own_move
    if own is None or session.going_back or not session.is_late:
        return None
    return TagMove(tag=own, percent=session.run.announced_percent)


def act(session: Session, steps: Sequence[Step]) -> Generator[Event, None, bool]:
    """Do the first step; of writes to routes all that come first, in their order, from one look.

    Return (to `yield from`) whether anything was tried: what is seen meanwhile may want another decision.
    """
    first, before, tried = steps[0], session.snapshot, False
    batch: list[Act] = [
        step for step in takewhile(lambda step: isinstance(step, ROUTING), steps) if isinstance(step, Act)
    ]
    if not batch and isinstance(first, Act):
        batch = [first]
    done: list[Act] = []
    for step in batch:
        excuse(session, step, stage_of(step, going_back=session.going_back))
        if isinstance(step, FRESH) and not _is_fresh(session):
            stood = session.run.turn_back, session.snapshot.move
            session.glance()
            _see_who_is_there(session, step)
            if (session.run.turn_back, session.snapshot.move) != stood:
                break  # somebody else was there first: nothing is written over what they wrote
        if isinstance(step, WriteRoute) and not session.going_back and expired(session.snapshot.move, session.now_s):
            break  # what was announced so long ago is announced anew
        tried = True
        ended = yield from _act_once(session, step)
        if not ended:
            break  # decide the rest anew: on a way back the other routes come first now, and each is tried again
        done.append(step)
    yield from preempt(session, before)
    yield from _see(session, done)
    return tried


def _see_who_is_there(session: Session, step: Act) -> None:
    """See whether the slot that a verdict sends production back to is still healthy: the last full look may be old.

    Where reads do not succeed nothing is waited for, and the last look has to do.
    """
    if session.lean or not session.going_back or not _is_fresh(session) or not isinstance(step, WriteRoute):
        return
    for slot, _ in step.shares:
        with suppress(AwsError, CredentialError):
            session.watch(slot, service=False)
    if not _is_fresh(session):
        session.glance()  # that took long, and has made the read of the routes old


def _is_fresh(session: Session) -> bool:
    return session.now_s - session.snapshot.taken_at_s <= session.laws.fresh_look_s


def _act_once(session: Session, step: Act) -> Generator[Event, None, bool]:
    """Do one act; return (to `yield from`) whether AWS acknowledged it."""
    problem = session.laws.broken(session.intent, session.facts, step, going_back=session.going_back)
    if problem:
        raise NeedsPersonError(
            f"{step.sentence()} was not done: {problem}", hint="`teal status` shows where things stand"
        )
    endless = (session.going_back and isinstance(step, ROUTING)) or (isinstance(step, TagMove) and session.is_late)
    session.bounded(session.bounds.count(step, endless=endless))
    session.step_number += 1
    began_s = session.now_s
    stage = stage_of(step, going_back=session.going_back)
    yield session.tell(StepBegan(at_s=began_s, step=step, number=session.step_number, stage=stage))
    _intend(session, step)
    try:
        outcome = perform(step, session.scene)
    except (TransientError, UnknownAnswerError) as error:
        if not endless:
            session.bounds.forgive(step)
        yield from _retry(session, step, error)
        return False
    except (AwsError, CredentialError) as error:
        yield from _refused(session, step, error)
        return False
    _remember(session, step, outcome)
    session.succeeded(step_key(step))
    yield session.tell(StepEnded(at_s=session.now_s, step=step, took_s=session.now_s - began_s, detail=outcome.detail))
    return True


def _intend(session: Session, step: Act) -> None:
    """Remember how many tasks a slot wanted, before it is given more of the same or none at all.

    What starts is not yet sick; what is retired may have to be given back.
    """
    if isinstance(step, RetireSlot):
        session.note(emptied=(step.slot, step.count))
    if not isinstance(step, UpdateService) or step.revision is not None or session.going_back:
        return
    service = session.snapshot.slot(step.slot).service
    if service is not None and session.run.raised_from is None:
        session.note(raised_from=service.desired)


def _retry(session: Session, step: Act, error: AwsError) -> Iterator[Event]:
    """AWS was busy, or its answer got lost: try again, for a minute forward, on a way back for as long as it takes."""
    if isinstance(step, TagVerdict | TagOrder):
        yield from _without_mark(session, step, aws_detail(error))
        return
    yield session.tell(StepFailed(at_s=session.now_s, step=step, reason=aws_detail(error), follows="retry"))
    if _put_off(session, step):
        return
    _count_failure(session, step)
    _may_have_been_done(session, step)
    failing_s = session.failing_s(step_key(step))
    if not session.going_back and failing_s > RETRY_DEADLINE_S:
        stop = session.latch(TurnBack(reason=f"{step.sentence()}: {aws_detail(error)}", judged=False))
        if stop is not None:
            yield stop
    if session.going_back and failing_s > BACK_DEADLINE_S and not isinstance(step, ROUTING):
        raise NeedsPersonError(f"{step.sentence()} is outstanding: {aws_detail(error)}", hint="run the command again")
    session.ports.clock.sleep(0.5)


def _put_off(session: Session, step: Act) -> bool:
    """Put off what a way back would record before it tries a route once more: no route waits for a record."""
    early = session.going_back and isinstance(step, TagDeployment) and bool(session.run.failed_writes)
    if not early or ROUTES_FIRST in session.run.passed:
        return False
    session.note(passed=session.run.passed | {ROUTES_FIRST})
    return True


def _may_have_been_done(session: Session, step: Act) -> None:
    """Expect to see the effect of an act whose answer got lost, at the next look or later."""
    if isinstance(step, WriteRoute | DeleteRoute):
        session.wrote.add(step.index)
        _expect(session, f"route:{step.index}", step)
    elif isinstance(step, UpdateService | RetireSlot):
        session.updated.add(step.slot)
        _expect(session, f"service:{step.slot}", step)
    elif isinstance(step, Register):
        session.observer.read_recent_again()
    elif isinstance(step, TagMove):
        session.announcing[step.tag] = step
    elif isinstance(step, CreateRoute) and step.tag is not None:
        session.announcing[step.tag] = TagMove(tag=step.tag, percent=100)  # the rule is made with it, for all traffic


def _expect(session: Session, key: str, step: Act) -> None:
    session.unheard[key] = value_of(key, as_written(step, session.snapshot))


def _without_mark(session: Session, step: TagVerdict | TagOrder, reason: str) -> Iterator[Event]:
    """A mark on a task definition is worth a try, not a failed command."""
    session.note(passed=session.run.passed | {_mark_of(step)})
    yield session.tell(Noted(at_s=session.now_s, message=f"revision {step.revision} could not be marked: {reason}"))


def _mark_of(step: TagVerdict | TagOrder) -> str:
    return f"verdict:{step.revision}" if isinstance(step, TagVerdict) else "seq"


def _count_failure(session: Session, step: Act) -> int:
    if not isinstance(step, ROUTING):
        return 0
    failed = {**session.run.failed_writes, step.index: session.run.failed_writes.get(step.index, 0) + 1}
    session.note(failed_writes=failed)
    return failed[step.index]


def _refused(session: Session, step: Act, error: TealError) -> Iterator[Event]:
    reason = aws_detail(error) if isinstance(error, AwsError) else error.message
    if isinstance(step, TagVerdict | TagOrder):
        yield from _without_mark(session, step, reason)
        return
    if _put_off(session, step):
        yield session.tell(StepFailed(at_s=session.now_s, step=step, reason=reason, follows="retry"))
        return
    yield session.tell(StepFailed(at_s=session.now_s, step=step, reason=reason, follows=session.after_failure))
    if session.after_failure == "stop":
        raise error
    if session.going_back:
        if not isinstance(step, ROUTING) or _count_failure(session, step) >= REFUSED_LIMIT:
            hint = "production is where the routes say; `teal status` shows it; run the command again"
            raise NeedsPersonError(f"{step.sentence()} is outstanding: {reason}", hint=hint) from error
        session.ports.clock.sleep(0.5)
        return
    move = session.snapshot.move
    shifting = isinstance(step, ROUTING) or (move is not None and move.stage is Stage.SHIFT)
    exit_code = 4 if shifting else 3 if isinstance(error, CredentialError) else 2 if isinstance(step, BUILDING) else 4
    stop = session.latch(
        TurnBack(
            reason=f"{step.sentence()}: {reason}", judged=False, failed=isinstance(step, BUILDING), exit_code=exit_code
        )
    )  # fmt: skip
    if stop is not None:
        yield stop


def _remember(session: Session, step: Act, outcome: Outcome) -> None:
    match step:
        case TagMove():
            session.announced(step)
        case Register() if outcome.registered is not None:
            session.observer.remember(outcome.registered)
            session.note(registered=outcome.registered.revision)
        case TagVerdict() | TagOrder():
            session.note(passed=session.run.passed | {_mark_of(step)})
        case WriteRoute() | CreateRoute() | DeleteRoute():
            session.acknowledged(f"route:{step.index}", as_written(step, session.snapshot))
            left = {index: count for index, count in session.run.failed_writes.items() if index != step.index}
            session.note(failed_writes=left, weights=written(session.snapshot, session.now_s))
            if isinstance(step, CreateRoute) and step.tag is not None:
                session.note(own_move=step.tag)
        case TagDeployment():
            session.acknowledged(f"tag:{step.slot}", session.snapshot)
        case CreateService() | UpdateService() | RetireSlot():
            session.acknowledged(f"service:{step.slot}", as_written(step, session.snapshot))
            retired = {"retired"} if isinstance(step, RetireSlot) else set[str]()
            session.note(whole_since_s=None, passed=session.run.passed | retired)
        case _:
            return


def _see(session: Session, done: Sequence[Act]) -> Iterator[Event]:
    """Look until every acknowledged write is seen, or an earlier tag over it; what shows the value before is stale.

    A way back does not wait for long to see a weight: somebody else may have written the value before once more.
    """
    began_s, retry_s, verdict = session.now_s, 0.1, session.run.turn_back
    wrote, updated = set(session.wrote), set(session.updated)
    while True:
        session.wrote |= wrote
        session.updated |= updated
        snapshot = session.look()
        unseen = [step for step in done if not session.laws.seen(step, snapshot)]
        if not unseen or session.is_late or session.run.turn_back is not verdict:  # the look may have turned it back
            return
        waited_s = session.now_s - began_s
        if waited_s > (GLANCE_PATIENCE_S if session.lean and isinstance(unseen[0], ROUTING) else SEEN_DEADLINE_S):
            reason = f"AWS accepted it {waited_s:.0f} s ago, and does not show it: {unseen[0].sentence()}"
            yield session.tell(StepFailed(at_s=session.now_s, step=unseen[0], reason=reason, follows="retry"))
            return
        session.ports.clock.sleep(retry_s)
        retry_s = min(2 * retry_s, 2.0)
