"""The difference of two looks, field by field: what somebody else changed while this run was at work.

Within a run a value that is neither the last one read nor the last one written was written by somebody else. It is
never corrected. Two kinds are told apart. What teal decides (where a route leads and with which weights, what a service
runs, how green is deployed) cannot be adopted: the run stops, and the next one reads the tables anew. What teal only
keeps (conditions, priority, stickiness and other actions of a route; how blue is deployed) `--adopt` takes as it is.

A count is no drift. Whatever changes it, a person or a scaling policy, a run keeps at least as many tasks as it needs;
`counts` tells it.
"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from hashlib import sha256

from teal.model.change import Change
from teal.model.identity import Slot
from teal.model.snapshot import RouteState, Snapshot
from teal.model.traffic import Condition, Forward
from teal.model.workload import Service, revision_of

GONE = "none"
DIGITS = 8  # of the digest of a value that is not shown


def changes(
    before: Snapshot, after: Snapshot, *, written: AbstractSet[int], updated: AbstractSet[Slot], green: Slot
) -> tuple[Change, ...]:
    """Return what somebody else changed between two looks.

    Args:
        before: what was read, or written since and seen.
        after: what is there now.
        written: routes that this run has written in between.
        updated: slots whose service it has updated in between.
        green: the slot whose deployment settings are teal's.
    """
    found: list[Change] = []
    for index, (old, new) in enumerate(zip(before.routes, after.routes, strict=True)):
        if index not in written:
            found += _route(before, old, new, index)
    if before.services_known and after.services_known:
        for slot in Slot:
            old_service, new_service = before.slot(slot).service, after.slot(slot).service
            if slot not in updated and old_service is not None:
                found += _service(old_service, new_service, mine=slot is green)
    return tuple(found)


def counts(before: Snapshot, after: Snapshot, updated: AbstractSet[Slot]) -> tuple[Change, ...]:
    """Return how many tasks somebody else asked of the services for."""
    pairs = ((before.slot(slot).service, after.slot(slot).service) for slot in Slot if slot not in updated)
    return tuple(
        Change(where=f"service {old.name}", field="tasks", before=str(old.desired), after=str(new.desired))
        for old, new in pairs
        if old is not None and new is not None and old.desired != new.desired
    )


def listed(found: tuple[Change, ...]) -> str:
    """Return changes in one line."""
    return "; ".join(map(str, found))


def difference(before: Snapshot, after: Snapshot) -> str:
    """Return in one line how two looks differ, whoever did it: what was asked for, what is on record, what is there."""
    found = [
        *map(str, changes(before, after, written=set(), updated=set(), green=Slot.A)),
        *map(str, counts(before, after, set())),
    ]
    rows: list[tuple[str, object, object]] = [("move", before.move, after.move)]
    for slot in Slot:
        old, new = before.slot(slot), after.slot(slot)
        rows += [
            (f"tag of slot {slot}", old.deployment, new.deployment),
            (f"healthy in slot {slot}", old.healthy, new.healthy),
            (f"running in slot {slot}", old.service and old.service.running, new.service and new.service.running),
        ]
    found += [f"{name}: {was} → {now}" for name, was, now in rows if was != now]
    return "; ".join(found) or "nothing"


def _route(snapshot: Snapshot, old: RouteState, new: RouteState, index: int) -> Iterator[Change]:
    if old.rule is None or old.rule == new.rule:
        return
    where = str(old.spec)
    if new.rule is None:
        yield Change(where=where, field="rule", before="there", after="gone", route=index)
        return
    rows = (
        ("forwards to", _forward(snapshot, old.rule.forward), _forward(snapshot, new.rule.forward), False),
        ("stickiness", _stickiness(old.rule.forward), _stickiness(new.rule.forward), True),
        ("last action", old.rule.terminal, new.rule.terminal, False),
        ("other actions", _listed(old.rule.other_actions), _listed(new.rule.other_actions), True),
        ("order of the forward", str(old.rule.forward_order), str(new.rule.forward_order), True),
        ("conditions", _conditions(old.rule.conditions), _conditions(new.rule.conditions), True),
        ("priority", str(old.rule.priority), str(new.rule.priority), True),
    )
    for field, was, now, adoptable in rows:
        if was != now:
            yield Change(where=where, field=field, before=was, after=now, route=index, adoptable=adoptable)


def _service(old: Service, new: Service | None, *, mine: bool) -> Iterator[Change]:
    if old == new:
        return
    where = f"service {old.name}"
    if new is None or new.arn != old.arn:
        yield Change(where=where, field="service", before="there", after="gone" if new is None else "made anew")
        return
    rows = (
        ("task definition", _revision(old), _revision(new), False),
        ("minimum percent", str(old.minimum_healthy_percent), str(new.minimum_healthy_percent), not mine),
        ("maximum percent", str(old.maximum_percent), str(new.maximum_percent), not mine),
        ("circuit breaker", _breaker(old), _breaker(new), not mine),
        ("target groups", _listed(old.target_group_arns), _listed(new.target_group_arns), False),
        ("status", old.status, new.status, False),
    )
    for field, was, now, adoptable in rows:
        if was != now:
            yield Change(where=where, field=field, before=was, after=now, adoptable=adoptable)


def _forward(snapshot: Snapshot, forward: Forward | None) -> str:
    """Return `slot a 90, slot b 10`; a group that is no slot's by its name."""
    if forward is None:
        return GONE
    own = {
        group.group.arn: f"slot {state.slot}"
        for state in snapshot.slots.values()
        for group in state.groups
        if group.group is not None
    }
    named = ((own.get(arn, arn.rpartition("targetgroup/")[2]), weight) for arn, weight in forward.shares)
    if len(forward.shares) == 1:
        return ", ".join(name for name, _ in named)
    return ", ".join(f"{name} {weight}" for name, weight in sorted(named))


def _stickiness(forward: Forward | None) -> str:
    return f"{forward.stickiness_s} s" if forward is not None and forward.stickiness_s is not None else "off"


def _conditions(conditions: tuple[Condition, ...]) -> str:
    return _listed(tuple(sorted(f"{c.field}{c.header and f' {c.header}'} {_values(c)}" for c in conditions)))


def _values(condition: Condition) -> str:
    if condition.field == "http-header":  # these may be secrets, such as what a CDN shows to its origin
        return " | ".join(sorted(f"#{sha256(value.encode()).hexdigest()[:DIGITS]}" for value in condition.values))
    queries = (f"{key}={value}" for key, value in condition.queries)
    return " | ".join(sorted((*condition.values, *queries)))


def _listed(items: tuple[str, ...]) -> str:
    return "; ".join(items) or GONE


def _revision(service: Service) -> str:
    return ":".join(map(str, revision_of(service.task_definition_arn)))


def _breaker(service: Service) -> str:
    return (
        f"{'on' if service.breaker_enabled else 'off'}, {'rolls back' if service.breaker_rolls_back else 'no rollback'}"
    )
