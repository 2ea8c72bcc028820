"""Whether the effect of an act is seen in a look.

AWS is eventually consistent: a look right after a write may show the value before it. Such a look is stale, not news;
the executor looks again until the write is seen, for at most a minute.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import assert_never

from teal.execute.bodies import SETTINGS
from teal.model.identity import Slot
from teal.model.snapshot import RouteState, SlotState, Snapshot
from teal.model.step import (
    Act,
    CreateGroup,
    CreateRoute,
    CreateService,
    CreateTaste,
    DeleteRoute,
    Register,
    TagDeployment,
    TagMove,
    TagVerdict,
    UpdateService,
    WriteRoute,
)
from teal.model.step_order import TagOrder
from teal.model.step_retire import RetireSlot
from teal.model.tags import DEPLOYMENT, Outcome
from teal.model.workload import Service
from teal.plan.retiring import retired
from teal.plan.situation import share_of
from teal.plan.whole import primary_revision


def seen(step: Act, snapshot: Snapshot) -> bool:  # noqa: C901, PLR0911, PLR0912 - one line per kind of act
    """Say whether `snapshot` shows what `step` wrote."""
    match step:
        case WriteRoute():
            return _shares_seen(step, snapshot)
        case TagMove():
            return all(route.rule is None or route.move == step.tag for route in snapshot.routes)
        case TagDeployment():
            return snapshot.slot(step.slot).deployment == step.tag
        case CreateGroup():
            return any(g.spec == step.group and g.group is not None for g in snapshot.slot(step.slot).groups)
        case CreateTaste():
            mine = [t for t in snapshot.tastes if (t.slot, t.group_key) == (step.slot, step.group_key)]
            return any(taste.rule is not None and taste.listener.arn == step.listener_arn for taste in mine)
        case CreateService():
            return snapshot.slot(step.slot).service is not None
        case UpdateService():
            return _update_seen(step, snapshot)
        case RetireSlot():
            return retired(snapshot.slot(step.slot))
        case CreateRoute():
            return snapshot.routes[step.index].rule is not None
        case DeleteRoute():
            return snapshot.routes[step.index].rule is None
        case Register() | TagVerdict() | TagOrder():
            return True  # a revision is remembered by the run; marks on one are read by later runs alone
        case _:
            assert_never(step)


def value_of(key: str, snapshot: Snapshot) -> object:
    """Return what `route:<index>`, `service:<slot>` or `tag:<slot>` shows.

    That is a forward action, what a service is asked for, or what its tag says.
    """
    kind, _, name = key.partition(":")
    if kind == "route":
        rule = snapshot.routes[int(name)].rule
        return rule.forward if rule is not None else None
    service = snapshot.slot(Slot(name)).service
    if kind == "tag":
        return service.tags.get(DEPLOYMENT) if service is not None else None
    return asked_of(service) if service is not None else None


def asked_of(service: Service) -> tuple[object, ...]:
    """Return what somebody asked of a service: revision, count, and how it is deployed."""
    return (
        primary_revision(service),
        service.desired,
        service.minimum_healthy_percent,
        service.maximum_percent,
        service.breaker_enabled,
        service.breaker_rolls_back,
    )


def came(unheard: Mapping[str, object], before: Snapshot, after: Snapshot) -> tuple[frozenset[int], frozenset[Slot]]:
    """Return the routes and services that have become what a write whose answer got lost makes of them.

    Such a write may be one of an earlier run that was killed: what it brings to a slot, its tag there foretells.
    """
    new = {key for key, value in unheard.items() if value_of(key, before) != value == value_of(key, after)}
    routes = frozenset(index for index in range(len(after.routes)) if f"route:{index}" in new)
    slots = (slot for slot in Slot if f"service:{slot}" in new or _as_tagged(before.slot(slot), after.slot(slot)))
    return routes, frozenset(slots)


def _as_tagged(before: SlotState, after: SlotState) -> bool:
    """Say whether a slot has become what the tag of a newcomer, which was there before it, says that it shall hold."""
    tag = before.deployment
    if tag is None or tag.outcome is not Outcome.BARE or tag != after.deployment:
        return False
    was, now = (primary_revision(state.service) if state.service is not None else None for state in (before, after))
    return was != tag.revision == now


def tagged_as(before: Snapshot, after: Snapshot) -> Snapshot:
    """Return `after` with the tags that its rules had `before`."""
    pairs = zip(before.routes, after.routes, strict=True)
    routes = (
        replace(new, rule=replace(new.rule, tags=old.rule.tags)) if old.rule and new.rule else new for old, new in pairs
    )
    return replace(after, routes=tuple(routes))


def as_written(step: Act, snapshot: Snapshot) -> Snapshot:
    """Return `snapshot` with what an acknowledged act wrote: the value that the next look has to show.

    What the look shows instead was read too early, or written by somebody else. Of an act that makes a thing, or writes
    a tag, nothing is foretold.
    """
    if isinstance(step, WriteRoute):
        return _route_written(step, snapshot)
    if isinstance(step, UpdateService | RetireSlot):
        return _service_written(step, snapshot)
    if isinstance(step, DeleteRoute):
        return _with_route(snapshot, step.index, replace(snapshot.routes[step.index], rule=None))
    return snapshot


def _route_written(step: WriteRoute, snapshot: Snapshot) -> Snapshot:
    route = snapshot.routes[step.index]
    groups = {slot: snapshot.slot(slot).group(route.spec.group_key).group for slot, _ in step.shares}
    if route.rule is None or route.rule.forward is None:
        return snapshot
    shares = tuple((group.arn, weight) for slot, weight in step.shares if (group := groups[slot]) is not None)
    rule = replace(route.rule, forward=replace(route.rule.forward, shares=shares))
    return _with_route(snapshot, step.index, replace(route, rule=rule))


def _with_route(snapshot: Snapshot, index: int, route: RouteState) -> Snapshot:
    return replace(snapshot, routes=(*snapshot.routes[:index], route, *snapshot.routes[index + 1 :]))


def _service_written(step: UpdateService | RetireSlot, snapshot: Snapshot) -> Snapshot:
    state = snapshot.slot(step.slot)
    if state.service is None:
        return snapshot
    service = replace(state.service, desired=0) if isinstance(step, RetireSlot) else _updated(step, state.service)
    return replace(snapshot, slots={**snapshot.slots, step.slot: replace(state, service=service)})


def _updated(step: UpdateService, service: Service) -> Service:
    if step.revision is not None:
        service = replace(service, task_definition_arn=f"{step.family}:{step.revision}")
    if step.count is not None:
        service = replace(service, desired=step.count)
    if step.settings:
        service = replace(
            service,
            breaker_enabled=True,
            breaker_rolls_back=False,
            minimum_healthy_percent=SETTINGS["minimumHealthyPercent"],
            maximum_percent=SETTINGS["maximumPercent"],
        )
    return service


def _shares_seen(step: WriteRoute, snapshot: Snapshot) -> bool:
    route = snapshot.routes[step.index]
    total = sum(weight for _, weight in step.shares)
    single = route.rule is not None and route.rule.forward is not None and len(route.rule.forward.groups) == 1
    return (len(step.shares) > 1 or single) and all(
        share_of(snapshot, route, slot) * total == weight for slot, weight in step.shares
    )


def _update_seen(step: UpdateService, snapshot: Snapshot) -> bool:
    service = snapshot.slot(step.slot).service
    if service is None:
        return False
    revision = step.revision is None or primary_revision(service) == step.revision
    return revision and (step.count is None or service.desired == step.count)
