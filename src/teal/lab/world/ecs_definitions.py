"""Task definition operations: families, revisions, what is ACTIVE."""

from collections.abc import Mapping
from typing import Any

from teal.lab.world.ecs_definition_checks import (
    CPU_WORDS,
    MEMORY_WORDS,
    check_definition,
    fill_container,
    fits_fargate,
    read_size,
    refuse,
)
from teal.lab.world.ecs_model import Definition, EcsState, Json, instant, paged
from teal.lab.world.ecs_tags import read_tags, show_tags
from teal.lab.world.ground import Params
from teal.lab.world.wires import AwsRefusal

KEPT = (
    "taskRoleArn",
    "executionRoleArn",
    "networkMode",
    "requiresCompatibilities",
    "pidMode",
    "ipcMode",
    "proxyConfiguration",
    "inferenceAccelerators",
    "ephemeralStorage",
    "runtimePlatform",
    "enableFaultInjection",
    "trustedExecutionConfiguration",
)


def register_definition(state: EcsState, params: Params, now_s: float) -> Json:
    """RegisterTaskDefinition."""
    cpu = read_size(params.get("cpu"), CPU_WORDS, "cpu")
    memory = read_size(params.get("memory"), MEMORY_WORDS, "memory")
    check_definition(params, cpu, memory)
    tags = read_tags(params.get("tags", []))
    family = str(params["family"])
    revisions = state.families.setdefault(family, [])
    revision = len(revisions) + 1
    arn = state.ground.arn("ecs", f"task-definition/{family}:{revision}")
    body = _body(params, cpu, memory) | {
        "taskDefinitionArn": arn,
        "family": family,
        "revision": revision,
        "status": "ACTIVE",
        "registeredAt": instant(now_s),
        "registeredBy": f"arn:{state.ground.partition}:iam::{state.ground.account}:root",
    }
    definition = Definition(family=family, revision=revision, arn=arn, body=body, tags=tags)
    revisions.append(definition)
    state.ground.tell(now_s, "ecs", f"{family}:{revision}", "task definition registered")
    return _answer(definition, with_tags=True)


def _body(params: Params, cpu: int | None, memory: int | None) -> Json:
    network_mode = params.get("networkMode")
    body: Json = {
        "containerDefinitions": [fill_container(each, network_mode) for each in params["containerDefinitions"]],
        "volumes": params.get("volumes", []),
        "placementConstraints": params.get("placementConstraints", []),
        "requiresAttributes": [],
        "compatibilities": ["EC2", *(["FARGATE"] if fits_fargate(cpu, memory, network_mode) else [])],
    }
    body |= {key: params[key] for key in KEPT if key in params}
    if cpu is not None:
        body["cpu"] = str(cpu)
    if memory is not None:
        body["memory"] = str(memory)
    return body


def deregister_definition(state: EcsState, params: Params, now_s: float) -> Json:
    """DeregisterTaskDefinition; services and tasks that use the revision do not notice."""
    reference = str(params["taskDefinition"])
    if ":" not in reference.rpartition("/")[2]:
        raise AwsRefusal("InvalidParameterException", "Task definition must have a revision.")
    definition = look_up(state, reference)
    if definition is None:
        raise refuse("The specified task definition does not exist. Specify a valid account, family, revision.")
    if definition.active:
        definition.body |= {"status": "INACTIVE", "deregisteredAt": instant(now_s)}
        state.ground.tell(now_s, "ecs", f"{definition.family}:{definition.revision}", "task definition deregistered")
    return _answer(definition, with_tags=False)


def describe_definition(state: EcsState, params: Params, _now_s: float) -> Json:
    """DescribeTaskDefinition."""
    definition = look_up(state, str(params["taskDefinition"]))
    if definition is None:
        raise refuse("Unable to describe task definition.")
    return _answer(definition, with_tags="TAGS" in (params.get("include") or []))


def list_definitions(state: EcsState, params: Params, _now_s: float) -> Json:
    """ListTaskDefinitions. `familyPrefix` is a whole family name here, as AWS has it."""
    wanted = str(params.get("status", "ACTIVE"))
    family = params.get("familyPrefix")
    names = sorted(state.families) if family is None else [family]
    found = [each.arn for name in names for each in state.families.get(name, []) if each.body["status"] == wanted]
    if params.get("sort") == "DESC":
        found.reverse()
    return paged("taskDefinitionArns", found, params)


def list_families(state: EcsState, params: Params, _now_s: float) -> Json:
    """ListTaskDefinitionFamilies. A family is ACTIVE while one of its revisions is."""
    wanted = str(params.get("status", "ALL"))
    prefix = str(params.get("familyPrefix", ""))
    found = [
        name
        for name, revisions in sorted(state.families.items())
        if name.startswith(prefix)
        and wanted in {"ALL", "ACTIVE" if any(each.active for each in revisions) else "INACTIVE"}
    ]
    return paged("families", found, params)


def look_up(state: EcsState, reference: str) -> Definition | None:
    """Return the revision that `family`, `family:revision` or an ARN names; a bare family means its latest ACTIVE."""
    if reference.startswith("arn:") and not reference.startswith(state.ground.arn("ecs", "task-definition/")):
        return None
    family, _, number = reference.rpartition("/")[2].partition(":")
    revisions = state.families.get(family, [])
    if not number:
        return next((each for each in reversed(revisions) if each.active), None)
    return next((each for each in revisions if str(each.revision) == number), None)


def usable(state: EcsState, reference: str, code: str = "ClientException") -> Definition:
    """Return a revision that new tasks may use, or refuse."""
    definition = look_up(state, reference)
    if definition is None:
        raise AwsRefusal(code, "TaskDefinition not found.")
    if not definition.active:
        raise AwsRefusal(code, "TaskDefinition is inactive")
    return definition


def _answer(definition: Definition, *, with_tags: bool) -> Json:
    answer: Mapping[str, Any] = {"taskDefinition": definition.body}
    return dict(answer) | ({"tags": show_tags(definition.tags)} if with_tags else {})
