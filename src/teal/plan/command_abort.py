"""The command table's row of `abort`, and how a run that failed ends: the same ways back, with another exit code."""

from teal.model.decision import Decision, Finished, Refused, Steps
from teal.model.identity import Slot
from teal.model.run import Abort, Deploy, Flip, Intent, TurnBack
from teal.model.step import Step, TagMove, WriteRoute
from teal.model.tags import Outcome, Stage
from teal.plan.back import keep, onto_untouched, put_back, restore_earlier, take_back
from teal.plan.facts import Facts
from teal.plan.retiring import retired
from teal.plan.situation import FINISHED_FIRST_ROWS, RESTING_ROWS, Row
from teal.plan.whole import holds

WENT_BACK, NEEDS_PERSON = 4, 5


def abort(facts: Facts) -> Decision:
    """Return what `abort` does where things stand."""
    row = facts.situation.row
    move = facts.situation.move
    if row == Row.SERVED and move is not None and move.origin is None:
        done = TagMove(tag=move.entering(Stage.DONE, facts.now_s))
        return Steps(steps=(done,), ends="nothing to abort: the first deployment serves")
    if _ended(facts):
        return Finished(message="nothing to abort")
    touched = row == Row.STARTING and not holds(facts.spec, facts.target, facts.revision)
    why = TurnBack(reason="aborted by a person", judged=False, failed=touched)
    return turned_back(facts, why, Abort())


def turned_back(facts: Facts, why: TurnBack, intent: Intent) -> Decision:
    """Return the rest of the way back, or how it ended."""
    exit_code = _exit_code(facts, why, intent)
    steps = _way_back(facts, why)
    if not steps:
        return Finished(message=f"went back: {why.reason}", exit_code=exit_code)
    refusal = onto_nobody(facts, steps)
    if refusal is not None:
        return refusal
    safe = facts.situation.origin or "none, as before"
    return Steps(steps=steps, ends=f"production is with slot {safe}: {why.reason}", exit_code=exit_code)


def _exit_code(facts: Facts, why: TurnBack, intent: Intent) -> int:
    """Return how a run that went back ends. An abort asked for it, and ends well unless something is lost with it."""
    if isinstance(intent, Deploy | Flip):
        return why.exit_code
    before = facts.target.before
    spare = why.exit_code == NEEDS_PERSON and (before is None or before.outcome is not Outcome.SERVED)
    return 0 if why.exit_code == WENT_BACK or spare else why.exit_code


def onto_nobody(facts: Facts, steps: tuple[Step, ...]) -> Refused | None:
    """Return the refusal of steps that send production to a slot without a healthy target; None of all others."""
    towards = {step.shares[0][0] for step in steps if isinstance(step, WriteRoute)}
    return next((refusal for slot in towards if (refusal := no_healthy_target(facts, slot)) is not None), None)


def no_healthy_target(facts: Facts, slot: Slot) -> Refused | None:
    """Return the refusal to send production to a slot that is *seen* to have no healthy target; else None.

    A retired slot has none, whatever its targets say: they are on their way out.
    """
    state = facts.snapshot.slot(slot)
    if state.service is not None and retired(state):
        again = "`teal deploy` of what it held brings it up again"
        if facts.situation.row not in RESTING_ROWS:  # nobody retires then: somebody else scaled it down
            where = f"--cluster {facts.spec.cluster} --service {state.service.name}"
            again = f"`aws ecs update-service {where} --desired-count …` brings it up; then run this again"
        return Refused(
            exit_code=5,
            message=f"slot {slot} is retired: it has no tasks, and production stays where it is",
            hint=f"{again}; `teal rollback --force` does not wait for that",
        )
    stopped = state.service is not None and state.service.running == 0
    dead = [g.spec.name for g in state.groups if (g.healthy == 0 if g.targets is not None else stopped)]
    if not dead:
        return None
    finished_first = facts.situation.row in FINISHED_FIRST_ROWS
    otherwise = "run this again once it has one" if finished_first else "`teal deploy` fixes forward"
    return Refused(
        exit_code=5,
        message=f"slot {slot} has no healthy target in {', '.join(dead)}: production stays where it is",
        hint=f"`teal rollback --force` sends it there all the same; {otherwise}",
    )


def _ended(facts: Facts) -> bool:
    """Say whether there is nothing to take back. A first deployment that served has nothing to go back to."""
    row, tag = facts.situation.row, facts.situation.deployment
    if row == Row.SERVED and facts.situation.origin is None:
        return True
    return row in RESTING_ROWS or (row == Row.NO_ROUTE and (tag is None or tag.outcome is Outcome.BACK))


def _way_back(facts: Facts, why: TurnBack) -> tuple[Step, ...]:
    row = facts.situation.row
    if _ended(facts):
        return ()
    if row in {Row.UNTOUCHED, Row.NOTHING_GOOD}:
        return restore_earlier(facts)
    if row == Row.ONTO_UNTOUCHED:
        return onto_untouched(facts)
    if row in {Row.STARTING, Row.HELD}:
        return put_back(facts, why) if why.failed else keep(facts, why)
    return take_back(facts, why)
