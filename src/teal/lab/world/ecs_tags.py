"""Tags of ECS: one rule for clusters, services, tasks and task definitions."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from teal.lab.world.ecs_model import EcsState, Json, invalid, short_name
from teal.lab.world.ground import Params
from teal.lab.world.wires import AwsRefusal

TAGS_MOST = 50
KEY_LONGEST = 128
VALUE_LONGEST = 256


def read_tags(given: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the tags of a request, checked."""
    tags: dict[str, str] = {}
    for tag in given:
        key, value = str(tag.get("key", "")), str(tag.get("value", ""))
        if not 1 <= len(key) <= KEY_LONGEST or len(value) > VALUE_LONGEST:
            raise invalid("Tag keys must have 1 to 128 characters, tag values at most 256.")
        if key.lower().startswith("aws:"):
            raise invalid("Tag keys must not start with aws:.")
        if key in tags:
            raise invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
        tags[key] = value
    if len(tags) > TAGS_MOST:
        raise invalid("Tags can have at most 50 items.")
    return tags


def show_tags(tags: Mapping[str, str]) -> list[Json]:
    """Return tags as AWS's list of pairs."""
    return [{"key": key, "value": value} for key, value in tags.items()]


def tag_resource(state: EcsState, params: Params, _now_s: float) -> Json:
    """TagResource."""
    tags = _holder(state, str(params["resourceArn"]))
    merged = tags | read_tags(params["tags"])
    if sum(not key.startswith("aws:") for key in merged) > TAGS_MOST:
        raise invalid("Tags can have at most 50 items.")
    tags.update(merged)
    return {}


def untag_resource(state: EcsState, params: Params, _now_s: float) -> Json:
    """UntagResource."""
    tags = _holder(state, str(params["resourceArn"]))
    for key in params["tagKeys"]:
        tags.pop(key, None)
    return {}


def list_tags(state: EcsState, params: Params, _now_s: float) -> Json:
    """ListTagsForResource."""
    return {"tags": show_tags(_holder(state, str(params["resourceArn"])))}


def _holder(state: EcsState, arn: str) -> dict[str, str]:
    """Return the tags of the resource itself, to be changed in place."""
    prefix = state.ground.arn("ecs", "")
    if not arn.startswith(prefix):
        raise invalid("Invalid ARN.")
    kind = arn.removeprefix(prefix).partition("/")[0]
    finders: dict[str, Callable[[EcsState, str], dict[str, str] | None]] = {
        "cluster": _of_cluster,
        "service": _of_service,
        "task": _of_task,
        "task-definition": _of_definition,
    }
    finder = finders.get(kind)
    if finder is None:
        raise invalid("Invalid ARN.")
    tags = finder(state, arn)
    if tags is None:
        raise AwsRefusal("InvalidParameterException", f"The specified {kind} was not found. Specify a valid ARN.")
    return tags


def _of_cluster(state: EcsState, arn: str) -> dict[str, str] | None:
    cluster = state.clusters.get(short_name(arn))
    return cluster.tags if cluster and cluster.active else None


def _of_service(state: EcsState, arn: str) -> dict[str, str] | None:
    service = state.services.get(arn)
    return service.tags if service and service.status != "INACTIVE" else None


def _of_task(state: EcsState, arn: str) -> dict[str, str] | None:
    task = state.task(short_name(arn))
    return task.tags if task and task.arn == arn else None


def _of_definition(state: EcsState, arn: str) -> dict[str, str] | None:
    family = short_name(arn).partition(":")[0]
    return next((each.tags for each in state.families.get(family, []) if each.arn == arn), None)
