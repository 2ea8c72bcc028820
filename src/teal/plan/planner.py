"""From what is asked, what was seen and what this run knows to what is done next.

`plan` is pure and total. What a person is shown, what is executed, how an interrupted run is taken up and how it goes
back are this one function: the executor does the first step, looks again and asks again.

Whatever was interrupted on its way back, and whatever only lacks its last tag, is settled before anything is asked of
it (`_settle`). Then the command table is read: one column per stage, one row per command.
"""

from typing import assert_never

from teal.model.decision import Decision, Finished, Refused, Steps
from teal.model.run import Abort, Deploy, Flip, Intent, Retire, Rollback, Run, TurnBack
from teal.model.snapshot import Snapshot
from teal.model.spec import Spec
from teal.model.step import Step, TagMove, WriteRoute
from teal.plan.back import onto_untouched, pause, routes_to, take_back
from teal.plan.command_abort import abort, onto_nobody, turned_back
from teal.plan.command_deploy import deploy
from teal.plan.command_flip import flip
from teal.plan.command_retire import retire, wanted_again
from teal.plan.command_rollback import overtaken, rollback
from teal.plan.drift import drifted
from teal.plan.facts import Facts
from teal.plan.situation import INTERRUPTED_ROWS, RESTING_ROWS, SPLIT_ROWS, UNKNOWN_ROWS, Row
from teal.plan.standing import SECOND_S
from teal.plan.unfinished import BOTH_WAYS, RULES_GONE

FRESH_SHIFT_S = 60.0


def plan(intent: Intent, spec: Spec, snapshot: Snapshot, run: Run, now_s: float) -> Decision:
    """Return what to do: steps, nothing, or why not.

    Args:
        intent: what was asked.
        spec: what is configured.
        snapshot: what was seen, complete.
        run: what this run alone knows.
        now_s: unix seconds.
    """
    facts = Facts.of(spec, snapshot, run, now_s)
    stop = wanted_again(facts) or _unexplained(intent, facts) or overtaken(facts, intent)
    if stop is not None:
        return stop
    if run.turn_back is not None and run.turn_back.pause:
        return _pause(facts, run.turn_back)
    if run.turn_back is not None:
        return turned_back(facts, run.turn_back, intent)
    return _settle(intent, facts) or _command(intent, facts)


def _command(intent: Intent, facts: Facts) -> Decision:
    match intent:
        case Deploy():
            return deploy(facts, intent)
        case Flip():
            return flip(facts, intent)
        case Rollback():
            return rollback(facts, intent)
        case Abort():
            return abort(facts)
        case Retire():
            return retire(facts, intent)
        case _:
            assert_never(intent)


def _unexplained(intent: Intent, facts: Facts) -> Decision | None:
    going_back = isinstance(intent, Rollback | Abort) or facts.run.turn_back is not None
    named = isinstance(intent, Rollback) and intent.to_slot is not None
    drift = drifted(facts.snapshot)
    if drift and not (going_back and len(drift) < len(facts.snapshot.rules) and not _only_drift_left(facts)):
        reasons = "; ".join(drift.values())
        hint = "point the rule at one group of this app, or correct `routes` in the configuration"
        return Refused(exit_code=7, message=f"drift: {reasons}", hint=hint)
    if facts.situation.row in UNKNOWN_ROWS and not named and not drift:
        unread = "ECS does not answer, and without it nobody knows what the slots hold"
        known = facts.situation.meaning if facts.snapshot.rules else RULES_GONE
        reason = known if facts.snapshot.services_known else unread
        message = f"where things stand cannot be explained: {reason}"
        return Refused(
            exit_code=7, message=message, hint=f"`{BOTH_WAYS[0]}` or `{BOTH_WAYS[1]}` names the slot that shall serve"
        )
    return None


def _only_drift_left(facts: Facts) -> bool:
    """Say whether all that teal may still write is at rest, so that only the drifted routes are left to a person."""
    return facts.situation.row in RESTING_ROWS


def _pause(facts: Facts, why: TurnBack) -> Decision:
    row = facts.situation.row
    announced = row == Row.ANNOUNCED and facts.run.own_move == facts.situation.move
    steps = pause(facts) if row in SPLIT_ROWS or announced else ()
    if steps:
        return Steps(steps=steps, ends="stopped safely; the same command goes on", exit_code=130)
    return Finished(exit_code=130, message=f"{why.reason}; the same command goes on from here")


def _settle(intent: Intent, facts: Facts) -> Decision | None:
    """Return the steps that finish what an earlier run left, whatever is asked now; None when there is nothing.

    `retire` writes no weight, not even to finish what somebody else began; a named way back goes straight to the slot
    that is named. No way is finished that leads to nobody, unless a person forces it.
    """
    decision = _unfinished(intent, facts)
    if not isinstance(decision, Steps):
        return decision
    named = isinstance(intent, Rollback) and intent.to_slot is not None
    if (named or isinstance(intent, Retire)) and _writes_weight(decision.steps):
        return None
    forced = isinstance(intent, Rollback) and intent.force
    return (None if forced else _onto_nobody(facts, decision.steps)) or decision


def _onto_nobody(facts: Facts, steps: tuple[Step, ...]) -> Refused | None:
    origin = facts.situation.origin
    if origin is not None and facts.situation.row in {Row.LATE_AFTER, Row.LATE_WRITE}:
        steps = routes_to(facts, origin)  # even where only its instant is recorded first
    return onto_nobody(facts, steps)


def _writes_weight(steps: tuple[Step, ...]) -> bool:
    return any(isinstance(step, WriteRoute) for step in steps)


def _unfinished(intent: Intent, facts: Facts) -> Decision | None:
    row = facts.situation.row
    late = _record_late(intent, facts)
    if late is not None:
        return late
    if row in INTERRUPTED_ROWS:
        return Steps(
            steps=take_back(facts, _judgement(intent)), ends="the interrupted way back is finished", settles=True
        )
    if row == Row.ONTO_UNTOUCHED:
        return Steps(steps=onto_untouched(facts), ends="the interrupted rollback is finished", settles=True)
    if row == Row.LATE_WRITE:
        return Steps(steps=pause(facts)[:-1], ends="the late forward write is undone", settles=True)
    if row == Row.ANNOUNCED:
        return _settle_announced(intent, facts)
    return None


def _record_late(intent: Intent, facts: Facts) -> Decision | None:
    """Count the 120 s in which a slot is left alone from when a late forward write was undone, which `t` must tell.

    A way back writes the routes first, as always, and records it afterwards; all others record it before and after, so
    that a run that is killed in between leaves nothing that a later one could take for a slot without traffic.
    """
    move, row = facts.situation.move, facts.situation.row
    if move is None or move.origin is None or isinstance(intent, Retire):
        return None
    undone = row in {Row.ROLLED_BACK, Row.STARTING, Row.HELD} and facts.stand_since_s > move.entered_at_s + SECOND_S
    late = row in {Row.LATE_AFTER, Row.LATE_WRITE} and any(facts.situation.shares) and facts.run.own_move != move
    if not (undone or (late and isinstance(intent, Deploy | Flip))):
        return None
    tag = TagMove(tag=move.entering(move.stage, facts.now_s))
    return Steps(steps=(tag,), ends="the late forward write is undone", settles=True)


def _settle_announced(intent: Intent, facts: Facts) -> Decision | None:
    move = facts.situation.move
    if move is None or facts.run.own_move == move:
        return None
    young = facts.now_s - move.entered_at_s < FRESH_SHIFT_S * facts.scale
    if young and isinstance(intent, Deploy | Flip | Retire):
        message = "a shift was announced less than a minute ago: another deployer is at work, or was killed"
        return Refused(exit_code=6, message=message, hint="wait a minute, then run the command again")
    return Steps(
        steps=take_back(facts, _judgement(intent)),
        ends="the move that did not shift is recorded as taken back",
        settles=True,
    )


def _judgement(intent: Intent) -> TurnBack | None:
    """A rollback judges what it takes back, however often it was interrupted; other commands only finish the way."""
    return TurnBack(reason="rolled back by a person") if isinstance(intent, Rollback) else None
