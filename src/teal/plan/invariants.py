"""Sentences that must never become false.

The same functions guard every act of the executor, are checked by the property tests over whole lives of an app, and
judge the lab. Each returns what would be broken, or an empty text.

I1  No write raises the weight of a group that has no healthy target or holds two revisions.
I3  When weight is on green, the first mutation of abort and rollback is `from` = 100 on the first route.
I4  A slot that has weight, or had it in the last 120 s, is neither updated nor scaled.
I5  Blue's capacity is never lowered until it is retired or deployed over. Retired is only a slot without weight, while
    the other one is whole and no rule that teal does not know leads to a group of the app.
I9  No foreign change that a read at most 1 s before a write could see is overwritten.
I10 `rollback` never moves weight onto the slot that the recorded move went to, unless that move is still in `prepare`
    and the slot still holds, whole, the revision that served before.
"""

from fractions import Fraction

from teal.model.identity import Slot
from teal.model.run import Intent, Rollback
from teal.model.snapshot import RouteState, Snapshot
from teal.model.spec import Spec
from teal.model.step import CreateRoute, Step, UpdateService, WriteRoute
from teal.model.step_retire import RetireSlot
from teal.model.tags import Stage
from teal.plan.facts import CAPACITY_HOLD_S, Facts
from teal.plan.retiring import retired, stands_alone
from teal.plan.situation import share_of

FRESH_LOOK_S = 1.0


def broken(intent: Intent, facts: Facts, step: Step, *, going_back: bool = False) -> str:
    """Return the invariant that `step` would break in the world of `facts`, as a sentence; empty when none.

    `going_back` lifts I9: a way back is written on the last look when reads do not succeed.
    """
    spec, snapshot, now_s = facts.spec, facts.snapshot, facts.now_s
    if isinstance(step, WriteRoute | CreateRoute):
        unsafe = _healthy(intent, spec, snapshot, step) or _never_onto_to(intent, snapshot, step)
        return unsafe or ("" if going_back else _fresh(snapshot, now_s))
    if isinstance(step, UpdateService):
        return (_cold(facts, step.slot) if step.replaces else "") or _capacity_kept(snapshot, step)
    if isinstance(step, RetireSlot):
        return _spare(spec, snapshot, step.slot) or _cold(facts, step.slot) or _fresh(snapshot, now_s)
    return ""


def _raised(snapshot: Snapshot, step: WriteRoute | CreateRoute) -> list[tuple[Slot, RouteState]]:
    """Return the slots whose share on the step's route the step raises."""
    route = snapshot.routes[step.index]
    if isinstance(step, CreateRoute):
        return [(step.slot, route)]
    total = sum(weight for _, weight in step.shares)
    return [
        (slot, route)
        for slot, weight in step.shares
        if Fraction(weight, total) > share_of(snapshot, route, slot)
    ]  # fmt: skip


def _healthy(intent: Intent, spec: Spec, snapshot: Snapshot, step: WriteRoute | CreateRoute) -> str:
    forced = isinstance(intent, Rollback) and intent.force
    for slot, route in _raised(snapshot, step):
        state = snapshot.slot(slot)
        group = state.group(route.spec.group_key)
        if group.targets is not None and group.healthy == 0 and not forced:
            return f"I1: {group.spec.name} has no healthy target"
        if retired(state) and not forced:
            return f"I1: slot {slot} is retired: its last targets are on their way out"
        going_back = isinstance(intent, Rollback) or (snapshot.move is not None and snapshot.move.origin is slot)
        if not going_back and (state.service is None or len(state.service.deployments) != 1):
            return f"I1: slot {slot} of {spec.app} holds more than one revision"
    return ""


def _never_onto_to(intent: Intent, snapshot: Snapshot, step: WriteRoute | CreateRoute) -> str:
    move = snapshot.move
    if not isinstance(intent, Rollback) or intent.to_slot is not None or move is None or move.stage is Stage.PREPARE:
        return ""
    if any(slot is move.to for slot, _ in _raised(snapshot, step)):
        return f"I10: rollback would send traffic to slot {move.to}, where the move went"
    return ""


def _fresh(snapshot: Snapshot, now_s: float) -> str:
    age_s = now_s - snapshot.taken_at_s
    return f"I9: the last look is {age_s:.1f} s old" if age_s > FRESH_LOOK_S else ""


def _cold(facts: Facts, slot: Slot) -> str:
    snapshot = facts.snapshot
    if any(share_of(snapshot, route, slot) for route in snapshot.routes):
        return f"I4: slot {slot} has weight"
    if not snapshot.rules or facts.now_s >= facts.stand_since_s + CAPACITY_HOLD_S * facts.scale:
        return ""
    return f"I4: slot {slot} had weight a moment ago"


def _spare(spec: Spec, snapshot: Snapshot, slot: Slot) -> str:
    live = snapshot.slot(slot.other)
    if not stands_alone(spec, live):
        return f"I5: slot {slot} would be retired while slot {live.slot} is not whole"
    return f"I5: {snapshot.strangers[0]} may lead to slot {slot}" if snapshot.strangers else ""


def _capacity_kept(snapshot: Snapshot, step: UpdateService) -> str:
    service = snapshot.slot(step.slot).service
    if service is not None and step.count is not None and step.count < service.desired:
        return f"I5: {service.name} would shrink from {service.desired} to {step.count} tasks"
    return ""
