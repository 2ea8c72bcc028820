"""Waiting: judged against looks that grow narrower the longer nothing happens, within AWS's API budgets."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from teal.execute.acting import once_more
from teal.execute.diagnosis import diagnose
from teal.execute.questions import Verdict, ask
from teal.execute.session import Session
from teal.judge.startup import Startup, judge_startup
from teal.model.event import Diagnosed, Event, Noted, StepEnded, StepFailed, Waited
from teal.model.identity import Slot
from teal.model.run import TurnBack
from teal.model.spec import Rung, RunGate
from teal.model.step import AwaitWhole, PassGate, ProbeProduction, ProveIdentity, Question, Wait
from teal.model.step_retire import AwaitDrained
from teal.model.workload import revision_of
from teal.plan.watch import Answer, Done, Failed, NotYet, check, harm

FULL_LOOK_S = 60.0
SERVICE_LOOK_S = 10.0
SAY_STILL_WAITING_S = 30.0
ANSWER_DEADLINE_S = 60.0
SHORTEST_ANSWER_DEADLINE_S = 20.0  # however fast the lab's clock: the data plane of the lab is slow in real seconds


@dataclass(slots=True)
class _Looks:
    """When what was looked at last."""

    full_s: float
    service_s: float
    said_s: float
    said: str = ""


def wait(session: Session, step: Wait) -> Iterator[Event]:
    """Wait until a step is done or has failed; a failure latches the verdict to go back."""
    began_s = session.now_s
    looks = _Looks(full_s=began_s, service_s=began_s, said_s=0.0)
    verdict = session.run.turn_back
    while session.run.turn_back is verdict and once_more(session) is None:  # a look may notice either
        stop = session.heed() or _harm(session)
        if stop is not None:
            yield stop
            return
        answer = _judge(session, step)
        if not isinstance(answer, NotYet):
            yield from _over(session, step, answer, began_s)
            return
        event = _progress(session, step, answer, looks)
        if event is not None:
            yield event
        session.ports.clock.sleep(answer.retry_after_s)
        _look_again(session, step, looks)


def _harm(session: Session) -> Event | None:
    why = harm(session.facts) if session.run.turn_back is None else None
    return session.latch(why) if why is not None else None


def _judge(session: Session, step: Wait) -> Answer:
    answer = check(step, session.spec, session.snapshot, session.run, session.now_s)
    if isinstance(answer, NotYet) and isinstance(step, AwaitWhole) and not step.putting_back:
        hopeless = _startup(session, step).hopeless
        if hopeless:
            return Failed(reason=hopeless)
    return answer


def _startup(session: Session, step: AwaitWhole) -> Startup:
    state = session.snapshot.slot(step.slot)
    primary = next((d for d in state.service.deployments if d.status == "PRIMARY"), None) if state.service else None
    if primary is None or revision_of(primary.task_definition_arn)[1] != step.revision:
        return judge_startup(None, (), ())
    mine = [
        task
        for task in state.tasks
        if task.task_definition_arn == primary.task_definition_arn and task.created_at_s >= primary.created_at_s - 1
    ]
    targets = [t for group in state.groups for t in group.targets or () if t.target_id in {x.address for x in mine}]
    return judge_startup(primary, mine, targets)


def _over(session: Session, step: Wait, answer: Done | Failed, began_s: float) -> Iterator[Event]:
    if isinstance(answer, Done):
        if isinstance(step, AwaitWhole):
            session.note(raised_from=None)
        session.look()
        yield session.tell(StepEnded(at_s=session.now_s, step=step, took_s=session.now_s - began_s))
        return
    follows = "stop" if isinstance(step, AwaitDrained) else "back"
    yield session.tell(StepFailed(at_s=session.now_s, step=step, reason=answer.reason, follows=follows))
    if isinstance(step, AwaitWhole):
        facts = diagnose(session.scene, step.slot, _startup(session, step))
        yield session.tell(Diagnosed(at_s=session.now_s, facts=(*session.run.notes, *facts)))
    putting_back = isinstance(step, AwaitWhole) and step.putting_back
    if putting_back:
        session.note(turn_back=replace_failed(session))
        return
    stop = session.latch(TurnBack(reason=answer.reason, failed=True))
    if stop is not None:
        yield stop


def replace_failed(session: Session) -> TurnBack:
    """Return the verdict of a run whose putting back failed too: the slot stays as it is, for a look."""
    why = session.run.turn_back or TurnBack(reason="putting back failed")
    return replace(
        why, failed=False, exit_code=5, reason=f"{why.reason}; what the slot held before did not come up again"
    )


def _progress(session: Session, step: Wait, answer: NotYet, looks: _Looks) -> Event | None:
    what = answer.progress.partition(";")[0]
    now_s = session.now_s
    if what == looks.said and now_s - looks.said_s < SAY_STILL_WAITING_S:
        return None
    looks.said, looks.said_s = what, now_s
    return session.tell(Waited(at_s=now_s, step=step, progress=answer.progress))


def _look_again(session: Session, step: Wait, looks: _Looks) -> None:
    pace = min(max(session.scale * 4, 0.03), 1.0)
    now_s = session.now_s
    if now_s - looks.full_s >= FULL_LOOK_S * pace:
        session.look()
        looks.full_s = looks.service_s = now_s
        return
    service = isinstance(step, AwaitWhole | AwaitDrained) and now_s - looks.service_s >= SERVICE_LOOK_S * pace
    session.watch(step.slot, service=service)
    _note_health(session, step)
    if service:
        looks.service_s = now_s


def _note_health(session: Session, step: Wait) -> None:
    """Remember what health checks said: when the tasks are gone, so is their health."""
    said = {
        f"health check: {target.description or target.reason}"
        for group in session.snapshot.slot(step.slot).groups
        for target in group.targets or ()
        if target.state == "unhealthy" and target.reason
    }
    new = said - set(session.run.notes)
    if new:
        session.note(notes=(*session.run.notes, *sorted(new)))


def put_question(session: Session, step: Question) -> Iterator[Event]:
    """Put a question until it is answered or its time is over; a bad answer latches the verdict to go back."""
    began_s = session.now_s
    said, verdict = "", session.run.turn_back
    while session.run.turn_back is verdict:
        stop = session.heed() or _harm(session)
        if stop is not None:
            yield stop
            return
        answer = ask(step, session.scene)
        stop = session.heed()
        if stop is not None:  # a signal ends a gate's command too: that convicts nobody
            yield stop
            return
        late = session.now_s - began_s > _limit_s(session, step)
        if answer.state == "PASS":
            yield from _passed(session, step, began_s)
            return
        if answer.state == "FAIL" or late:
            yield from _failed(session, step, answer)
            return
        if answer.reason != said:
            said = answer.reason
            yield session.tell(Waited(at_s=session.now_s, step=step, progress=said))
        session.ports.clock.sleep(max(answer.retry_after_s * min(session.scale * 4, 1.0), 0.2))
        session.watch(step.slot, service=isinstance(step, ProveIdentity))


def _limit_s(session: Session, step: Question) -> float:
    if isinstance(step, PassGate) and isinstance(step.gate, RunGate):
        return step.gate.timeout_s
    draining_s = _draining_s(session, step.slot) if isinstance(step, ProveIdentity) else 0.0
    return max((ANSWER_DEADLINE_S + draining_s) * session.scale, SHORTEST_ANSWER_DEADLINE_S)


def _draining_s(session: Session, slot: Slot) -> float:
    """Return how long targets that leave a slot's groups may take: those of a newcomer that failed a moment ago."""
    delays = [
        group.group.deregistration_delay_s
        for group in session.snapshot.slot(slot).groups
        if group.group is not None and any(target.state == "draining" for target in group.targets or ())
    ]
    return float(max(delays, default=0))


def question_key(step: Question) -> str:
    """Return the name under which a run remembers that a question was answered well."""
    match step:
        case ProveIdentity():
            return "identity"
        case ProbeProduction():
            return "probed"
        case PassGate():
            return f"gate:{step.index}"


def _passed(session: Session, step: Question, began_s: float) -> Iterator[Event]:
    session.note(passed=session.run.passed | {question_key(step)})
    if isinstance(step, ProbeProduction):
        session.note(rung=Rung.PROBED)
    yield session.tell(StepEnded(at_s=session.now_s, step=step, took_s=session.now_s - began_s))
    session.look()


def _failed(session: Session, step: Question, verdict: Verdict) -> Iterator[Event]:
    asked_for = session.spec.deploy.require_seen is Rung.PROBED or verdict.contradicts
    optional = isinstance(step, ProbeProduction) and not asked_for
    if optional:
        session.note(passed=session.run.passed | {question_key(step)})
        message = f"not seen on the production route itself: {verdict.reason}; going on by the clock"
        yield session.tell(Noted(at_s=session.now_s, message=message))
        return
    yield session.tell(StepFailed(at_s=session.now_s, step=step, reason=verdict.reason, follows="back"))
    stop = session.latch(TurnBack(reason=f"{step.sentence()}: {verdict.reason}"))
    if stop is not None:
        yield stop
