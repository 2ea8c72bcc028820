"""RunTask and StopTask: tasks that people start and stop."""

from collections.abc import Sequence
from typing import Any

from teal.lab.world.ecs_definitions import usable
from teal.lab.world.ecs_launch import Order, launch
from teal.lab.world.ecs_model import (
    Cluster,
    Definition,
    EcsState,
    Json,
    find_cluster,
    invalid,
    short_name,
)
from teal.lab.world.ecs_service_checks import check_launch, check_network, platform_of
from teal.lab.world.ecs_tags import read_tags
from teal.lab.world.ecs_task_view import show_task
from teal.lab.world.ecs_tasks import stop_at_once
from teal.lab.world.ground import Params
from teal.lab.world.wires import AwsRefusal, not_simulated

COUNT_MOST = 10


def run_task(state: EcsState, params: Params, now_s: float) -> Json:
    """RunTask."""
    cluster = find_cluster(state, params)
    token = params.get("clientToken")
    request = {key: value for key, value in params.items() if key != "clientToken"}
    if token in state.run_tokens:
        return _again(state, request, *state.run_tokens[str(token)])
    definition = usable(state, str(params["taskDefinition"]), "InvalidParameterException")
    count = int(params.get("count", 1))
    if not 1 <= count <= COUNT_MOST:
        raise invalid("Count must be between 1 and 10.")
    if params.get("volumeConfigurations"):
        raise not_simulated("volumes that are configured at launch")
    group = str(params.get("group") or f"family:{definition.family}")
    if group.startswith("service:"):
        raise invalid("Invalid namespace for group.")
    if definition.network_mode == "awsvpc":
        check_network(state, params.get("networkConfiguration"))
    launch_type = _launch_type(params, definition)
    check_launch(params, launch_type)
    order = Order(
        cluster=cluster,
        definition=definition,
        group=group,
        launch_type=launch_type,
        network=params.get("networkConfiguration"),
        platform_version=platform_of(launch_type, params.get("platformVersion")),
        started_by=str(params.get("startedBy", "")),
        overrides=_overrides(params.get("overrides") or {}, definition),
        tags=_tags(params, cluster, definition),
    )
    tasks = [launch(state, order, now_s) for _ in range(count)]
    if token:
        state.run_tokens[str(token)] = (request, [task.task_id for task in tasks])
    return {"tasks": [show_task(task) for task in tasks], "failures": []}


def _again(state: EcsState, request: Json, before: Json, task_ids: Sequence[str]) -> Json:
    """Answer a request whose client token was seen before."""
    if request != before:
        raise AwsRefusal("ConflictException", "The clientToken was used with other parameters.")
    tasks = [task for task_id in task_ids if (task := state.task(task_id)) is not None]
    return {"tasks": [show_task(task) for task in tasks], "failures": []}


def _launch_type(params: Params, definition: Definition) -> str:
    strategy: Sequence[Json] = params.get("capacityProviderStrategy") or []
    if params.get("launchType") and strategy:
        raise invalid("Specifying both a launch type and capacity provider strategy is not supported. Remove one.")
    by_provider = strategy and str(strategy[0]["capacityProvider"]).startswith("FARGATE")
    launch_type = "FARGATE" if by_provider else str(params.get("launchType") or "EC2")
    if launch_type not in definition.body["compatibilities"]:
        raise invalid(f"Task definition does not support launch_type {launch_type}.")
    return launch_type


def _overrides(given: Json, definition: Definition) -> Json:
    """Return the overrides in the shape of the answer: one entry per container."""
    every: Sequence[Json] = given.get("containerOverrides", [])
    by_name: dict[str, Json] = {}
    for each in every:
        name = str(each.get("name", ""))
        if definition.container(name) is None:
            raise invalid(f"Override for container named {name} is not a container in the TaskDefinition.")
        by_name[name] = each
    listed = [by_name.get(str(each["name"]), {"name": each["name"]}) for each in definition.containers]
    return dict(given) | {"containerOverrides": listed}


def _tags(params: Params, cluster: Cluster, definition: Definition) -> dict[str, str]:
    tags: dict[str, Any] = dict(definition.tags) if params.get("propagateTags") == "TASK_DEFINITION" else {}
    managed = {"aws:ecs:clusterName": cluster.name} if params.get("enableECSManagedTags") else {}
    return tags | read_tags(params.get("tags", [])) | managed


def stop_task(state: EcsState, params: Params, now_s: float) -> Json:
    """StopTask. It does not wait for target groups to drain, just as on AWS."""
    cluster = find_cluster(state, params)
    task = state.task(short_name(str(params["task"])))
    if task is None or task.cluster is not cluster:
        raise invalid("The referenced task was not found.")
    if task.task_id in state.live:
        stop_at_once(state, task, str(params.get("reason") or "Task stopped by user"), now_s)
    return {"task": show_task(task)}
