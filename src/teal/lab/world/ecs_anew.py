"""Tasks of a region that was restored: their processes are gone, so each that should run is launched anew."""

from teal.lab.world.ecs_launch import Order, launch
from teal.lab.world.ecs_model import EcsState, Json, Task


def begin_anew(state: EcsState, now_s: float) -> tuple[tuple[str, tuple[str, int]], ...]:
    """Replace every live task by a new one for the same service, deployment and overrides; those that stop are gone.

    Returns:
        The targets that the old tasks had in target groups, as (group ARN, (address, port)).
    """
    old = list(state.live.values())
    for task in old:
        _forget(state, task)
    anew = {task.task_id: launch(state, _order(task), now_s).task_id for task in old if task.stop_code is None}
    for _, made in state.run_tokens.values():  # a client that repeats itself means the task that took the place
        made[:] = [anew.get(task_id, task_id) for task_id in made]
    return tuple(target for task in old for target in task.targets)


def _forget(state: EcsState, task: Task) -> None:
    del state.live[task.task_id]
    state.taken.discard(task.interface.address)
    if task.service is not None:
        task.service.tasks.remove(task)
        task.service.steady = False


def _order(task: Task) -> Order:
    """Return what was ordered when a task was launched."""
    network: Json = {"awsvpcConfiguration": {"subnets": [task.interface.subnet_id]}}
    return Order(
        cluster=task.cluster,
        definition=task.definition,
        group=task.group,
        launch_type=task.launch_type,
        network=network if task.deployment is None else task.deployment.recipe.network,
        platform_version=task.platform_version,
        started_by=task.started_by,
        overrides=task.overrides,
        tags=task.tags,
        service=task.service,
        deployment=task.deployment,
    )
