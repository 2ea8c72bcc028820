"""Whether a slot holds a revision, whole and healthy.

A slot holds a revision when its service has exactly one ECS deployment, completed, of that revision. It is whole and
healthy when besides all wanted tasks run and every target of every group is healthy. A slot that holds two revisions is
no target of a flip or a rollback.
"""

from teal.model.snapshot import SlotState
from teal.model.spec import Spec
from teal.model.workload import Service, revision_of


def primary_revision(service: Service) -> int:
    """Return the revision that the service is asked to run."""
    return revision_of(service.task_definition_arn)[1]


def holds(spec: Spec, state: SlotState, revision: int) -> bool:
    """Say whether the slot holds exactly this revision of the configured family."""
    service = state.service
    if service is None or service.status != "ACTIVE" or len(service.deployments) != 1:
        return False
    deployment = service.deployments[0]
    complete = deployment.rollout_state == "COMPLETED" or (
        not deployment.rollout_state and service.running == service.desired
    )
    return complete and revision_of(deployment.task_definition_arn) == (spec.family, revision)


def alone(spec: Spec, state: SlotState, revision: int) -> bool:
    """Say whether this revision, and no other, is asked for in the slot, complete or not."""
    service = state.service
    return (
        service is not None
        and len(service.deployments) == 1
        and revision_of(service.deployments[0].task_definition_arn) == (spec.family, revision)
    )


def whole(spec: Spec, state: SlotState, revision: int, count: int) -> bool:
    """Say whether the slot holds `revision` with at least `count` tasks, every target healthy."""
    if not holds(spec, state, revision) or state.service is None:
        return False
    enough = state.service.desired >= count and state.service.running >= state.service.desired
    return enough and all(
        group.healthy >= max(count, 1) and all(t.state in {"healthy", "draining"} for t in group.targets or ())
        for group in state.groups
    )


def progress(state: SlotState, count: int) -> str:
    """Say in a few words what of a slot is there."""
    service = state.service
    if service is None:
        return "no service yet"
    counted: dict[str, int] = {}
    for target in (target for group in state.groups for target in group.targets or ()):
        counted[target.state] = counted.get(target.state, 0) + 1
    health = ", ".join(f"{number} {name}" for name, number in sorted(counted.items())) or "no targets"
    rolling = f", {len(service.deployments)} revisions" if len(service.deployments) > 1 else ""
    return f"{service.running}/{count} tasks run ({service.pending} pending){rolling}; targets: {health}"
