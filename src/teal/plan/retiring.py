"""What `retire` and `status` both ask: which slot is idle, whether it is retired, since when it may be.

A slot is retired when its service wants no tasks. Nothing else is recorded: whoever scaled it to 0, a way back through
it takes a deployment.
"""

from teal.model.identity import Slot
from teal.model.run import Still
from teal.model.snapshot import SlotState, Snapshot
from teal.model.spec import Spec
from teal.model.tags import MOVE, Stage
from teal.model.workload import Service
from teal.plan.situation import Row, Situation
from teal.plan.standing import SECOND_S
from teal.plan.whole import primary_revision, whole

_DUE_ROWS = frozenset({Row.AT_REST, Row.ROLLED_BACK})


def retired(state: SlotState) -> bool:
    """Say whether a slot has a service that wants no tasks."""
    return state.service is not None and state.service.desired == 0


def empty(state: SlotState) -> bool:
    """Say whether nothing of a retired slot is left: no task, no registered target."""
    service = state.service
    gone = service is None or service.running + service.pending == 0
    return gone and not any(group.targets for group in state.groups)


def stands_alone(spec: Spec, state: SlotState) -> bool:
    """Say whether a live slot needs no other: it holds what its tag says, and all its tasks are healthy targets."""
    service, tag = state.service, state.deployment
    if service is None:
        return False
    return whole(spec, state, tag.revision if tag is not None else primary_revision(service), service.desired)


def due_at_s(spec: Spec, snapshot: Snapshot, situation: Situation) -> float | None:
    """Return the instant at which the idle slot has been kept warm for as long as was asked.

    None where nobody asked for an end, where no move says since when it has been idle, and while a move is under way.
    """
    move, kept_s = situation.move, spec.deploy.keep_warm_s
    if situation.row not in _DUE_ROWS or move is None or kept_s is None:
        return None
    return move.entered_at_s + kept_s * snapshot.caller.time_scale


def idle_since_s(snapshot: Snapshot) -> float | None:
    """Return since when, at the latest, the slot without weight is without, as the move says; None where none does."""
    move = snapshot.move
    return move.entered_at_s + SECOND_S if move is not None and move.stage in {Stage.DONE, Stage.BACK} else None


def looked(earlier: Still | None, snapshot: Snapshot) -> Still:
    """Return since when complete looks have been equal in what a decision to destroy rests on, `snapshot` included."""
    basis, at_s = _basis(snapshot), snapshot.taken_at_s
    since_s = earlier.since_s if earlier is not None and earlier.basis == basis else at_s
    return Still(basis=basis, since_s=since_s, until_s=at_s)


def _basis(snapshot: Snapshot) -> object:
    """Where traffic goes, what is on record, and what the services are asked to run; health is judged at each look."""
    rules = tuple(
        (rule.arn, rule.forward, rule.tags.get(MOVE)) if rule is not None else None
        for rule in (route.rule for route in snapshot.routes)
    )
    services = tuple(_asked(snapshot.slot(slot).service) for slot in Slot)
    return rules, snapshot.strangers, services


def _asked(service: Service | None) -> object:
    return (service.arn, service.task_definition_arn, service.desired) if service is not None else None
