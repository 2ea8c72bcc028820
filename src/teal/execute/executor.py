"""The loop: observe completely, decide purely, act once, look again.

Every round asks the planner anew and does the first step of its answer. So the run that was never interrupted, the run
that takes up another's work and the way back are one path. The executor adds what a decision cannot have: it looks
within a budget, waits with deadlines, sees each write before it goes on, latches the verdict to go back, and stops when
somebody else is at work.
"""

from collections.abc import Callable, Generator, Iterator

from teal.errors import TealError, UsageError
from teal.execute.acting import ROUTING, act, once_more
from teal.execute.laws import LAWS, Laws
from teal.execute.locking import begin, explained, keep_watch, let_go, preempt
from teal.execute.reading import OLD_LOOK_S
from teal.execute.session import Session
from teal.execute.stages import stage_of
from teal.execute.waiting import put_question, wait
from teal.model.decision import Decision, Finished, Refused, Steps
from teal.model.event import Event, Planned, RunEnded, RunStarted, StepBegan
from teal.model.identity import Caller, Slot
from teal.model.run import Deploy, Flip, Intent, Retire, Run
from teal.model.snapshot import Snapshot
from teal.model.spec import Rung, Spec
from teal.model.step import CreateRoute, DeleteRoute, Question, Step, TagMove, Wait, WriteRoute
from teal.model.tags import Stage
from teal.plan.preflight import failed_checks, preflight, refusing
from teal.plan.situation import Row, share_of
from teal.plan.watch import harm
from teal.plan.whole import primary_revision
from teal.ports import Ports

ROUND_LIMIT = 10_000
LOOKS_AGAIN_MOST = 3
UNDER_WAY = frozenset({Row.ANNOUNCED, Row.STEP, Row.WRITING, Row.MIXTURE, Row.BAKING, Row.SERVED})
Approve = Callable[[Decision, Snapshot], bool]


class Executor:
    """Executes one command.

    Args:
        spec: what is configured.
        ports: the world.
        intent: what is asked.
        run: what this run knows at its beginning: its id, its secrets, its start.
        command: the command's name, for the story.
        approve: asked once, before the first write of `deploy`, `flip` and `retire`.
        timeout_s: after so long the run stops where it is; None means never.
        laws: the safeguards; no command takes others than these.
    """

    def __init__(  # noqa: PLR0913 - a run has these eight parts; a value for them would be the same list
        self,
        *,
        spec: Spec,
        ports: Ports,
        intent: Intent,
        run: Run,
        command: str,
        approve: Approve,
        timeout_s: float | None = None,
        laws: Laws = LAWS,
    ) -> None:
        self._session = Session(spec, ports, intent, run, laws)
        self._command = command
        self._approve = approve
        self._asked: set[bool] = set()  # whether leave was asked for what settles, and for what was asked
        self._ends = ""
        self._looks_again = 0  # at the end
        self._looked = False  # once more, before the act that comes next
        if timeout_s is not None:
            self._session.deadline_s = run.started_at_s + timeout_s

    def events(self) -> Iterator[Event]:
        """Execute, yielding what happened; the last event is RunEnded. Never raises a TealError."""
        session = self._session
        try:
            caller = yield from self._begun()
            nothing_due = self._nothing_due()
            if nothing_due is None:
                yield from begin(session, caller, self._command)
                yield from self._rounds_and_back()
            else:
                yield nothing_due
        except TealError as error:
            yield from session.unsaid()
            why = explained(session, error)
            yield self._end(why.exit_code, why.message, why.hint)
        except (Exception, GeneratorExit):  # a mistake of ours, or whoever listened left: nothing goes on any more
            let_go(session)
            raise
        let_go(session)

    def _begun(self) -> Generator[Event, None, Caller]:
        """Say that the run began; return (to `yield from`) whose it is.

        A way back asks for that beside what it looks at anyway: its first write does not wait for the answer.
        """
        session = self._session
        try:
            caller = session.snapshot.caller if session.lean else session.observer.caller()
        except TealError:
            yield self._started(session.observer.known_caller)
            raise
        yield self._started(caller)
        return caller

    def _started(self, caller: Caller) -> Event:
        session = self._session
        return session.tell(
            RunStarted(
                at_s=session.now_s,
                command=self._command,
                app=session.spec.app,
                account=caller.account,
                region=caller.region,
                caller=caller.arn,
                run_id=session.run.id,
            )
        )

    def _nothing_due(self) -> Event | None:
        """Return the end of a scheduled `retire` that is not due: it asks for no lock, and is in nobody's way."""
        session = self._session
        if session.ports.lock is None or not (isinstance(session.intent, Retire) and session.intent.if_due):
            return None
        ahead = Session(session.spec, session.ports, session.intent, session.run, session.laws)
        decision = ahead.laws.plan(ahead.intent, ahead.spec, ahead.snapshot, ahead.run, ahead.now_s)
        if not isinstance(decision, Finished):
            return None  # what was seen without the lock is looked at again with it
        self._session = ahead
        return self._finished(decision)

    def _rounds_and_back(self) -> Iterator[Event]:
        """Go on until it is done; what stops a run while traffic is split sends production back first."""
        while True:
            try:
                yield from self._rounds()
            except TealError as error:
                turned = self._session.turn_back_for(error)
                if turned is None:
                    raise
                yield turned
            else:
                return

    def _rounds(self) -> Iterator[Event]:
        session = self._session
        for _ in range(ROUND_LIMIT):
            yield from self._heed()
            facts = session.facts
            session.bounded(session.bounds.stand(facts.situation, going_back=session.going_back))
            decision = session.laws.plan(session.intent, session.spec, facts.snapshot, session.run, facts.now_s)
            if isinstance(decision, Refused):
                yield self._end(decision.exit_code, decision.message, decision.hint)
                return
            if isinstance(decision, Finished):
                if decision.exit_code == 0 and (yield from self._goes_on()):
                    continue
                yield self._finished(decision)
                return
            if decision.settles not in self._asked:
                yield from self._ask_leave(decision)
                if session.now_s - session.snapshot.taken_at_s > session.laws.fresh_look_s:
                    session.look()  # a person took their time; what was approved must still be what is true
                    continue
            if not decision.settles or not self._ends:
                self._ends = decision.ends
            yield from self._first(decision.steps)
        session.bounded(f"no end after {ROUND_LIMIT} rounds")

    def _goes_on(self) -> Generator[Event, None, bool]:
        """Watch, or look once more where the last look is old: a machine may have slept over it.

        Return (to `yield from`) whether the plan has to be asked again before it is said that all is well.
        """
        session = self._session
        if (yield from keep_watch(session)):
            return True
        is_old = session.now_s - session.snapshot.taken_at_s >= OLD_LOOK_S
        if not is_old or session.going_back or self._looks_again == LOOKS_AGAIN_MOST:
            return False
        self._looks_again += 1
        session.look()
        return True

    def _heed(self) -> Iterator[Event]:
        """Heed the wish to stop, then the health of a green with weight, then what stands over this run's record."""
        session = self._session
        for _ in range(ROUND_LIMIT):
            yield from session.unsaid()
            stop = session.heed()
            forward = isinstance(session.intent, Deploy | Flip) and not session.going_back
            why = harm(session.facts) if forward else None
            stop = stop or (session.latch(why) if why is not None else None)
            if stop is not None:
                yield stop
            again = once_more(session)
            if again is None:
                return
            yield from act(session, (again,))

    def _ask_leave(self, decision: Steps) -> Iterator[Event]:
        """Show the plan and ask, once for what settles and once for what was asked; first every check must pass.

        Raises:
            UsageError: a check failed, or the plan was not approved; nothing of it was done.
        """
        session = self._session
        self._asked.add(decision.settles)
        session.bounds.expect(len(decision.steps))
        forward = isinstance(session.intent, Deploy | Flip | Retire) and session.run.turn_back is None
        if forward and session.facts.situation.row not in UNDER_WAY:
            self._preflight()
        sentences = tuple(step.sentence() for step in decision.steps)
        yield session.tell(Planned(at_s=session.now_s, sentences=sentences, warnings=decision.warnings))
        if forward and not self._approve(decision, session.snapshot):
            raise UsageError("the plan was not approved; nothing was touched")

    def _preflight(self) -> None:
        session = self._session
        bad = refusing(preflight(session.spec, session.snapshot))
        if bad:
            error = UsageError(failed_checks(bad), hint="`teal check` shows every check; nothing was touched")
            error.exit_code = bad[0].exit_code
            raise error

    def _first(self, steps: tuple[Step, ...]) -> Iterator[Event]:
        session, step = self._session, steps[0]
        if isinstance(step, Wait | Question):
            session.bounded(session.bounds.count(step, endless=False))
            session.step_number += 1
            stage = stage_of(step, going_back=session.going_back)
            yield session.tell(StepBegan(at_s=session.now_s, step=step, number=session.step_number, stage=stage))
            yield from wait(session, step) if isinstance(step, Wait) else put_question(session, step)
            return
        deletes = isinstance(step, DeleteRoute)  # what cannot be undone rests on a look of this moment
        if deletes or not isinstance(step, ROUTING):
            old_s = session.laws.fresh_look_s if deletes else OLD_LOOK_S
            if not self._looked and session.now_s - session.snapshot.taken_at_s > old_s:
                self._looked = True  # once: it may take as long again
                session.look()  # a machine may have slept, and others gone on
                return
            self._looked = False
        if not isinstance(step, ROUTING):
            yield from preempt(session, session.snapshot)  # what moves traffic is written first
        move = session.snapshot.move
        tried = yield from act(session, steps)
        done = isinstance(step, TagMove) and step.tag.stage is Stage.DONE
        if done and session.run.rung is None and session.run.turn_back is None:
            session.note(rung=Rung.HELD)  # the record says "done" only after the weight was held
        if isinstance(step, WriteRoute | CreateRoute) and session.going_back:
            rung = Rung.READ_BACK if tried else session.run.rung
            session.note(rung=rung, went_back=session.run.went_back or move)

    def _finished(self, decision: Finished) -> Event:
        session = self._session
        held = (
            isinstance(session.intent, Deploy) and not session.intent.hold and session.facts.situation.row == Row.HELD
        )
        did_something = (
            self._ends and decision.exit_code == 0 and not held
        )  # another run has held it: it does not serve
        message = self._ends if did_something and session.run.turn_back is None else decision.message
        why = session.run.turn_back
        exit_code = why.exit_code if why is not None and decision.exit_code != 0 else decision.exit_code
        return self._end(exit_code, message, decision.hint)

    def _end(self, exit_code: int, message: str, hint: str = "") -> Event:
        session = self._session
        return session.tell(
            RunEnded(
                at_s=session.now_s,
                exit_code=exit_code,
                message=message,
                serving=_serving(session),
                seen=str(session.run.rung or ""),
                hint=hint or session.untold,
                took_s=session.now_s - session.run.started_at_s,
            )
        )


def _serving(session: Session) -> str:
    """Say what serves production, as last seen."""
    snapshot = session.last
    if snapshot is None:
        return "unknown: nothing was read"
    if not snapshot.rules:
        return "nothing that is configured: no production rule was found"
    parts: list[str] = []
    for slot in Slot:
        shares = {share_of(snapshot, route, slot) for route in snapshot.routes if route.rule is not None}
        service = snapshot.slot(slot).service
        revision = primary_revision(service) if service is not None else 0
        if any(shares):
            percents = ", ".join(f"{float(100 * share):g} %" for share in sorted(shares))
            parts.append(f"slot {slot} (revision {revision}) {percents}")
    return "; ".join(parts) or "unknown"
