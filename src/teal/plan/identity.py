"""The identity proof: that the taste route leads to the requested revision and to nothing else.

A client cannot see which target of a load balancer answered. So the proof is the control plane's, and then an answer:
the taste rule forwards to green's group alone; the set of targets registered there equals the addresses of the running
tasks of its service, none draining, none foreign; all those tasks are of the requested revision, with one image digest
per container. That the taste route then answers is asked by the executor.
"""

from teal.model.identity import Slot
from teal.model.snapshot import GroupState, SlotState, Snapshot
from teal.model.spec import Spec
from teal.model.workload import revision_of
from teal.plan.whole import holds


def identity_problems(spec: Spec, snapshot: Snapshot, slot: Slot, revision: int) -> tuple[str, ...]:
    """Return what is wrong with the proof; empty when the control plane proves the identity."""
    state = snapshot.slot(slot)
    problems: list[str] = []
    if not holds(spec, state, revision):
        problems.append(f"slot {slot} does not hold exactly revision {revision}")
    problems += _taste_rules(snapshot, state)
    problems += _tasks(spec, state, revision)
    for group in state.groups:
        problems += _targets(state, group)
    return tuple(problems)


def _taste_rules(snapshot: Snapshot, state: SlotState) -> list[str]:
    problems: list[str] = []
    for taste in snapshot.tastes:
        if taste.slot is not state.slot:
            continue
        group = state.group(taste.group_key).group
        forward = taste.rule.forward if taste.rule is not None else None
        if forward is None or group is None:
            problems.append(f"the taste rule of slot {state.slot} on listener {taste.listener.port} is missing")
        elif forward.groups != frozenset({group.arn}):
            problems.append(f"the taste rule of slot {state.slot} forwards elsewhere than to {group.name} alone")
    return problems


def _tasks(spec: Spec, state: SlotState, revision: int) -> list[str]:
    running = [task for task in state.tasks if task.status == "RUNNING"]
    if not running:
        return [f"slot {state.slot} has no running task"]
    problems = [
        f"task {task.arn.rpartition('/')[2]} runs {':'.join(map(str, revision_of(task.task_definition_arn)))}"
        for task in running
        if revision_of(task.task_definition_arn) != (spec.family, revision)
    ]
    digests: dict[str, set[str]] = {}
    for container in (container for task in running for container in task.containers):
        digests.setdefault(container.name, set()).add(container.image_digest)
    return problems + [
        f"container {name} runs {len(found)} different images" for name, found in digests.items() if len(found) > 1
    ]


def _targets(state: SlotState, group: GroupState) -> list[str]:
    addresses = {task.address for task in state.tasks if task.status == "RUNNING"}
    registered = {target.target_id for target in group.targets or ()}
    problems = [
        f"target {target.target_id} of {group.spec.name} is {target.state}"
        for target in group.targets or ()
        if target.state != "healthy"
    ]
    foreign, absent = sorted(registered - addresses), sorted(addresses - registered)
    if foreign:
        problems.append(f"{', '.join(foreign)} in {group.spec.name} belong to no running task of slot {state.slot}")
    if absent:
        problems.append(f"tasks at {', '.join(absent)} are not registered in {group.spec.name}")
    return problems
