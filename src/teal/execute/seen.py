"""Whether the effect of an act is seen in a look.

AWS is eventually consistent: a look right after a write may show the value before it. Such a look is stale, not news;
the executor looks again until the write is seen, for at most a minute.
"""

from typing import assert_never

from teal.model.snapshot import Snapshot
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
