"""The command table's row of `rollback`.

Rollback sends production to the slot that the recorded move came from, never to "the other slot": run twice, the second
does nothing. It has no condition on green.
"""

from dataclasses import replace

from teal.model.decision import Decision, Finished, Refused, Steps
from teal.model.identity import Slot
from teal.model.run import Abort, Intent, Rollback, TurnBack
from teal.model.snapshot import RouteState
from teal.model.tags import ADOPTED_ID
from teal.plan.back import good_again, named_way_back, onto_untouched, raise_blue, take_back
from teal.plan.command_abort import no_healthy_target
from teal.plan.facts import Facts
from teal.plan.forward import creatable, missing_routes
from teal.plan.readiness import readiness
from teal.plan.retiring import retired
from teal.plan.situation import Row


def rollback(facts: Facts, intent: Rollback) -> Decision:
    """Return what `rollback` does where things stand."""
    if intent.to_slot is not None:
        return _named(facts, intent, intent.to_slot)
    row = facts.situation.row
    if row == Row.ROLLED_BACK and facts.situation.live is not None:
        return _serves(facts, facts.situation.live)
    if row == Row.UNTOUCHED:
        return _onto_untouched(facts)
    if row in {Row.STARTING, Row.HELD} and facts.run.went_back is not None:
        # a late forward write was undone by this run: that was all there was to go back from
        message = f"production is with slot {facts.situation.origin}"
        return Finished(message=message, hint="`teal abort` ends the deployment")
    if row in {Row.STEP, Row.WRITING, Row.BAKING, Row.SERVED, Row.AT_REST}:
        return _to_origin(facts, intent)
    return _nothing_there(facts)


def overtaken(facts: Facts, intent: Intent) -> Refused | None:
    """Return the refusal to take back another move than the one that this run has begun to; None where it is the same.

    A machine may fall asleep half way back, and somebody else finish that and deploy, before it wakes. A move that was
    on record before the run began is none of these: its first look was stale. A verdict takes back no other move than
    the one that it is about.
    """
    began, move = facts.run.went_back, facts.situation.move
    named = isinstance(intent, Rollback) and intent.to_slot is not None
    going_back = isinstance(intent, Rollback | Abort) or facts.run.turn_back is not None
    if began is None or move is None or named or not going_back:
        return None
    own = facts.run.own_move
    older = own is not None and move.entered_at_s <= own.entered_at_s  # one of the same second is this run's own, lost
    if move.id == began.id or older or move.entered_at_s < facts.run.started_at_s:
        return None
    return Refused(
        exit_code=6,
        message=f"another run went on with this app: {move}",
        hint="`teal status` shows where things stand; the same command, run again, is about what stands there now",
    )


def _serves(facts: Facts, slot: Slot) -> Decision:
    """Return what is left where production is with `slot` already.

    A `retire` that read just before the rollback wrote may scale the slot to 0 afterwards: it gets its tasks back.
    """
    again = raise_blue(facts, slot) if retired(facts.snapshot.slot(slot)) else ()
    if again:
        return Steps(steps=again, ends=f"production is with slot {slot}, which had been scaled to 0 and starts again")
    return Finished(message=f"nothing to roll back: slot {slot} serves")


def _to_origin(facts: Facts, intent: Rollback) -> Decision:
    move, origin = facts.situation.move, facts.situation.origin
    if move is None or origin is None or move.id == ADOPTED_ID:
        return _nothing_there(facts)
    if facts.snapshot.slot(origin).service is None and facts.snapshot.services_known:
        return _nothing_there(facts)
    refusal = None if intent.force else no_healthy_target(facts, origin)
    if refusal is not None:
        return refusal
    why = TurnBack(reason="rolled back by a person")
    warnings = readiness(facts.spec, facts.snapshot, facts.to).reasons
    return Steps(steps=take_back(facts, why), ends=f"production is with slot {origin}", warnings=warnings)


def _onto_untouched(facts: Facts) -> Decision:
    if not good_again(facts):
        return _nothing_there(facts)
    ends = f"production is with slot {facts.to}, revision {facts.revision}"
    return Steps(steps=onto_untouched(facts), ends=ends)


def _nothing_there(facts: Facts) -> Refused:
    row = facts.situation.row
    if row in {Row.STARTING, Row.HELD}:
        before = facts.target.before
        ended = (
            f"this deployment ended the rollback to revision {before.revision}" if before else "there was none before"
        )
        return Refused(exit_code=5, message=f"nothing to go back to: {ended}", hint="`teal abort` ends the deployment")
    reasons = {
        Row.UNRECORDED: "no move is on record",
        Row.NO_ROUTE: "nothing serves yet",
        Row.UNTOUCHED: "the previous revision is not whole and healthy any more",
        Row.NOTHING_GOOD: "the idle slot holds nothing good",
    }
    reason = reasons.get(row, "what serves is the first deployment; nothing served before it")
    hints = {
        Row.UNRECORDED: "`teal rollback --to-slot a` (or b) names a slot",
        Row.STEP: "`teal abort` takes the first deployment back",
        Row.WRITING: "`teal abort` takes the first deployment back",
        Row.BAKING: "`teal abort` takes the first deployment back",
    }
    hint = hints.get(row, "`teal status` shows where things stand")
    return Refused(exit_code=5, message=f"nothing to go back to: {reason}", hint=hint)


def _named(facts: Facts, intent: Rollback, slot: Slot) -> Decision:
    unfit = _no_service(facts, slot) or _no_rule(facts, slot)
    if unfit is not None:
        return unfit
    serves = facts.situation.row in {Row.AT_REST, Row.ROLLED_BACK} and facts.situation.live is slot
    missing = missing_routes(facts, slot)
    if serves and not missing:
        return _serves(facts, slot)
    refusal = None if intent.force else no_healthy_target(facts, slot)
    if refusal is not None:
        hint = refusal.hint.replace("teal rollback", f"teal rollback --to-slot {slot}")
        return replace(refusal, hint=hint)
    steps = missing if serves else named_way_back(facts, slot)
    warnings = tuple(map(_why_not_made, _not_made(facts)))
    return Steps(steps=steps, ends=f"production is with slot {slot}", warnings=warnings)


def _no_service(facts: Facts, slot: Slot) -> Refused | None:
    if facts.snapshot.slot(slot).service is not None:
        return None
    if not facts.snapshot.services_known:
        message = f"ECS does not answer, and without it nobody knows whether slot {slot} has a service"
        return Refused(exit_code=5, message=message, hint="run the command again")
    other = f"`teal rollback --to-slot {slot.other}` names the other one; `teal status` shows what each holds"
    return Refused(exit_code=5, message=f"slot {slot} has no service", hint=other)


def _no_rule(facts: Facts, slot: Slot) -> Refused | None:
    """Return the refusal where no rule exists and one of them cannot be made; those that exist wait for no other."""
    stuck = _not_made(facts)
    if facts.snapshot.rules or not stuck:
        return None
    groups = dict.fromkeys(facts.spec.slot(slot).group(route.spec.group_key).name for route in stuck)
    return Refused(
        exit_code=5,
        message=f"no production rule exists: {'; '.join(map(_why_not_made, stuck))}",
        hint=f"make it by hand, forwarding to {' and '.join(groups)}, or give it `create:`; then run the command again",
    )


def _not_made(facts: Facts) -> tuple[RouteState, ...]:
    return tuple(route for route in facts.snapshot.routes if route.rule is None and not creatable(route))


def _why_not_made(route: RouteState) -> str:
    """Say which rule is missing, and why teal does not create it."""
    name = f"{route.spec} ({route.spec.where})" if route.spec.where else str(route.spec)
    if route.matches > 1:
        return f"{name} is not one rule, {route.matches} match: name one by rule_arn"
    if route.listener is None:
        return f"{name} is missing, and so is its listener"
    return f"{name} is missing, and has no `create:`"
