"""The command table's row of `retire`, the only command that destroys.

It scales the idle slot to 0 and writes nothing else. So it refuses wherever that slot could still be needed: while a
move is under way, while a rule that teal does not know leads there, within 120 s of its last weight, and while the
live slot is not whole. What it rests on must look the same twice, seconds apart, before anything is written.
"""

from collections.abc import Iterator

from teal.model.decision import Decision, Finished, Refused, Steps
from teal.model.identity import Slot
from teal.model.run import Retire
from teal.model.snapshot import SlotState
from teal.model.step import Hold, Step, UpdateService
from teal.model.step_retire import AwaitDrained, AwaitStill, RetireSlot
from teal.model.workload import Service
from teal.plan.drift import UNKNOWN_RULE_HINT
from teal.plan.facts import CAPACITY_HOLD_S, Facts
from teal.plan.retiring import due_at_s, empty, idle_since_s, retired, stands_alone
from teal.plan.situation import RESTING_ROWS, Row, share_of
from teal.plan.unfinished import what_next
from teal.plan.whole import primary_revision

_STATUS = "`teal status` shows where things stand"
_RETIRED = "slot {} is retired: to go back through it takes a deployment now"
STILL_S = 3.0  # on AWS: between two equal looks
DRAIN_MARGIN_S = 600.0  # on AWS: for the tasks to end once the deregistration delay is over


def retire(facts: Facts, intent: Retire) -> Decision:
    """Return what `retire` does where things stand."""
    row, idle = facts.situation.row, facts.situation.idle
    if intent.if_due and (reason := _not_due(facts)):
        return Finished(message=reason)
    if row not in RESTING_ROWS or idle is None:
        return _not_now(facts)
    state = facts.snapshot.slot(idle)
    if state.service is None:
        return Finished(message=f"nothing to retire: slot {idle} has no service")
    if retired(state):
        return _drained(facts, state)
    refusal = next(_guards(facts, idle), None)
    if refusal is not None:
        return refusal
    return Steps(
        steps=(*_cool_down(facts, idle), *_look_twice(facts, idle), *_empty(facts, state.service, idle)),
        ends=_RETIRED.format(idle),
        warnings=(_ended_way_back(facts, state.service, idle),),
    )


def wanted_again(facts: Facts) -> Decision | None:
    """Return what a run that scaled a slot to 0 does when somebody else wants that slot; None when nobody does.

    Where traffic was led to the slot meanwhile, it gets its tasks back before anything else.
    """
    if facts.run.emptied is None:
        return None
    slot, count = facts.run.emptied
    service = facts.snapshot.slot(slot).service
    if service is None:
        return None
    leads = any(share_of(facts.snapshot, route, slot) for route in facts.snapshot.routes)
    if leads and service.desired < count:
        again = UpdateService(slot=slot, service=service.name, family=facts.spec.family, revision=None, count=count)
        ends = f"slot {slot} has traffic again, and its tasks back"
        return Steps(steps=(again,), ends=ends, exit_code=7)
    if not leads and (service.desired == 0 or "retired" not in facts.run.passed):
        return None
    who = "sent traffic to it" if leads else f"scaled it to {service.desired} tasks"
    message = f"slot {slot} is not retired: somebody else {who} meanwhile"
    return Refused(exit_code=7, message=message, hint=_STATUS)


def _not_due(facts: Facts) -> str:
    if facts.spec.deploy.keep_warm_s is None:
        return "not due: `keep_warm` names no end"
    due_s = due_at_s(facts.spec, facts.snapshot, facts.situation)
    if due_s is None:
        return f"not due: {facts.situation.meaning}"
    left_s = due_s - facts.now_s
    return f"not due: slot {facts.situation.idle} is kept warm for another {left_s:.0f} s" if left_s > 0 else ""


def _not_now(facts: Facts) -> Refused:
    situation = facts.situation
    if situation.row is Row.NO_ROUTE and (situation.deployment is None or situation.deployment.outcome):
        return Refused(exit_code=5, message="no slot serves, so that none is idle", hint=_STATUS)
    return Refused(
        exit_code=6,
        message=f"a move is under way: {situation.meaning}",
        hint=" or ".join(f"`{command}`" for command in what_next(facts.snapshot, situation).commands) + " comes first",
    )


def _guards(facts: Facts, idle: Slot) -> Iterator[Refused]:
    """Yield every reason why the idle slot must stay."""
    live = facts.snapshot.slot(idle.other)
    for stranger in facts.snapshot.strangers:
        message = f"{stranger} forwards to a group of this app and is no route: slot {idle} may serve it"
        yield Refused(exit_code=2, message=message, hint=UNKNOWN_RULE_HINT)
    held, tag = facts.live_revision(idle.other), live.deployment
    if held is not None and tag is not None and held != tag.revision:
        message = f"slot {idle.other} runs revision {held}, its tag says {tag.revision}: somebody else updated it"
        yield Refused(exit_code=7, message=message, hint=f"slot {idle} stays warm; {_STATUS}")
    if not stands_alone(facts.spec, live):
        count = live.service.desired if live.service is not None else 0
        message = f"slot {idle.other}, which serves, is not whole: {live.healthy} healthy targets for {count} tasks"
        yield Refused(exit_code=5, message=message, hint=f"slot {idle} stays warm until it is; {_STATUS}")
    since_s = idle_since_s(facts.snapshot)
    left_s = (since_s if since_s is not None else 0.0) + CAPACITY_HOLD_S * facts.scale - facts.now_s
    if left_s > 0 and facts.run.own_move != facts.situation.move:
        message = f"slot {idle} had traffic less than {CAPACITY_HOLD_S * facts.scale:g} s ago"
        yield Refused(exit_code=5, message=message, hint=f"run it again in {left_s:.0f} s")


def _cool_down(facts: Facts, idle: Slot) -> tuple[Step, ...]:
    """Wait for the 120 s where this very run has just recorded a move as over; anybody else's refuses."""
    lasts_s = CAPACITY_HOLD_S * facts.scale
    until_s = facts.stand_since_s + lasts_s
    if facts.snapshot.move is None or until_s <= facts.now_s:
        return ()
    return (Hold(slot=idle.other, percent=100, lasts_s=lasts_s, until_s=until_s, cooling=True),)


def _look_twice(facts: Facts, idle: Slot) -> tuple[Step, ...]:
    """Ask for equal looks, 3 s apart; 120 s where no move says when the slot last had weight."""
    still = facts.run.still
    lasts_s = (STILL_S if idle_since_s(facts.snapshot) is not None else CAPACITY_HOLD_S) * facts.scale
    since_s, until_s = (still.since_s, still.until_s) if still is not None else (facts.now_s, facts.now_s)
    if facts.snapshot.move is None:
        since_s = max(since_s, facts.stand_since_s)
    if until_s >= since_s + lasts_s:
        return ()
    return (AwaitStill(slot=idle, lasts_s=lasts_s, until_s=since_s + lasts_s),)


def _empty(facts: Facts, service: Service, idle: Slot) -> tuple[Step, ...]:
    return (RetireSlot(slot=idle, service=service.name, count=service.desired), _await_drained(facts, idle))


def _await_drained(facts: Facts, idle: Slot) -> AwaitDrained:
    delays = [state.group.deregistration_delay_s for state in facts.snapshot.slot(idle).groups if state.group]
    deadline_s = facts.deadline_s(max(delays, default=0) + DRAIN_MARGIN_S, facts.now_s)
    return AwaitDrained(slot=idle, deadline_at_s=deadline_s)


def _drained(facts: Facts, state: SlotState) -> Decision:
    if empty(state):
        return Finished(message=f"nothing to retire: slot {state.slot} is scaled to 0")
    return Steps(steps=(_await_drained(facts, state.slot),), ends=_RETIRED.format(state.slot))


def _ended_way_back(facts: Facts, service: Service, idle: Slot) -> str:
    revision = f"{facts.spec.family}:{primary_revision(service)}"
    if facts.situation.row == Row.AT_REST:
        return f"this ends the rollback to {revision}: slot {idle} has no tasks then"
    return f"slot {idle} holds {revision}; no command can send production there then before it is deployed again"
