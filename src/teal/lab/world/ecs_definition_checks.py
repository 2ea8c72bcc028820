"""What RegisterTaskDefinition refuses, and what it fills in.

Sizes are written the way people write them (`1 vCPU`, `2 GB`) or in AWS's own units (1024, MiB); AWS keeps its units.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from teal.lab.world.ecs_dependencies import check_dependencies
from teal.lab.world.ecs_health import check_health
from teal.lab.world.ecs_model import Json, inner
from teal.lab.world.ground import Params
from teal.lab.world.wires import AwsRefusal

NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
IMAGE = re.compile(r"[A-Za-z0-9_.:/@#-]{1,255}")
CPU_WORDS = re.compile(r"(\d+(?:\.\d+)?)\s*vcpu", re.IGNORECASE)
MEMORY_WORDS = re.compile(r"(\d+(?:\.\d+)?)\s*gb", re.IGNORECASE)
FARGATE_STOP_MOST_S = 120
CONTAINERS_MOST = 10
STORAGE_GIB = range(21, 201)
PORT_MOST = 65535

# Memory in MiB that Fargate offers for each cpu size.
FARGATE_SIZES: Mapping[int, Sequence[int]] = {
    256: (512, 1024, 2048),
    512: range(1024, 4097, 1024),
    1024: range(2048, 8193, 1024),
    2048: range(4096, 16385, 1024),
    4096: range(8192, 30721, 1024),
    8192: range(16384, 61441, 4096),
    16384: range(32768, 122881, 8192),
    32768: range(61440, 249857, 4096),
}

EMPTY_LISTS = ("environment", "mountPoints", "volumesFrom", "portMappings", "systemControls")


def refuse(message: str) -> AwsRefusal:
    """Return ECS's refusal of a task definition, which is a ClientException."""
    return AwsRefusal("ClientException", message)


def read_size(value: str | None, words: re.Pattern[str], what: str) -> int | None:
    """Return a task size in AWS's units."""
    if value is None:
        return None
    text = value.strip()
    worded = words.fullmatch(text)
    if worded:
        return int(float(worded[1]) * 1024)
    if not text.isascii() or not text.isdigit():
        message = f"Invalid '{what}' setting for task. For more information, see the Troubleshooting section"
        raise refuse(f"{message} of the Amazon ECS Developer Guide.")
    return int(text)


def fits_fargate(cpu: int | None, memory: int | None, network_mode: str | None) -> bool:
    """Say whether Fargate could run a task of this size."""
    return network_mode == "awsvpc" and cpu is not None and memory in FARGATE_SIZES.get(cpu, ())


def check_definition(params: Params, cpu: int | None, memory: int | None) -> None:
    """Refuse what ECS refuses."""
    if not NAME.fullmatch(str(params["family"])):
        raise refuse("Family contains invalid characters.")
    containers: Sequence[Mapping[str, Any]] = params["containerDefinitions"]
    _check_list(containers)
    storage_gib = inner(params, "ephemeralStorage").get("sizeInGiB")
    if storage_gib is not None and storage_gib not in STORAGE_GIB:
        raise refuse("The ephemeral storage of a task must be between 21 GiB and 200 GiB.")
    fargate = "FARGATE" in params.get("requiresCompatibilities", [])
    if fargate:
        _check_fargate(params, cpu, memory)
    for container in containers:
        _check_container(container)
        _check_memory(container, memory)
        _check_ports(container, params.get("networkMode"))
        _check_logs(container, fargate=fargate)
        check_health(container)
        _check_roles(container, params, fargate=fargate)
    check_dependencies(containers, fargate=fargate)


def _check_list(containers: Sequence[Mapping[str, Any]]) -> None:
    """Refuse containers that do not make a task together."""
    if not containers:
        raise refuse("Container list cannot be empty.")
    if len(containers) > CONTAINERS_MOST:
        raise refuse(f"Container list cannot have more than {CONTAINERS_MOST} containers.")
    doubles = [name for name, count in Counter(str(each.get("name", "")) for each in containers).items() if count > 1]
    if doubles:
        raise refuse(f"Container names must be unique in a task definition: {doubles[0]}.")
    if not any(each.get("essential", True) for each in containers):
        raise refuse("At least one container in the task definition must be essential.")


def _check_fargate(params: Params, cpu: int | None, memory: int | None) -> None:
    if params.get("networkMode") != "awsvpc":
        raise refuse("Fargate only supports network mode 'awsvpc'.")
    for what, size in (("cpu", cpu), ("memory", memory)):
        if size is None:
            raise refuse(f"Fargate requires that '{what}' be defined at the task level.")
    if not fits_fargate(cpu, memory, "awsvpc"):
        raise refuse("No Fargate configuration exists for given values.")


def _check_container(container: Mapping[str, Any]) -> None:
    name, image = str(container.get("name", "")), str(container.get("image", ""))
    if not name:
        raise refuse("Container.name should not be null or empty.")
    if not NAME.fullmatch(name):
        raise refuse(f"Invalid container name '{name}': up to 255 letters, numbers, hyphens and underscores.")
    if not image:
        raise refuse("Container.image should not be null or empty.")
    if not IMAGE.fullmatch(image):
        raise refuse("Container.image contains invalid characters.")
    for pair in container.get("environment", []):
        if not pair.get("name"):
            raise refuse("Environment variable name should not be null or empty.")


def _check_memory(container: Mapping[str, Any], task_memory: int | None) -> None:
    hard, soft = container.get("memory"), container.get("memoryReservation")
    setting = f"Invalid setting for container '{container['name']}'."
    if task_memory is None and hard is None and soft is None:
        raise refuse(f"{setting} At least one of 'memory' or 'memoryReservation' must be specified.")
    if hard is not None and soft is not None and soft > hard:
        raise refuse(f"{setting} The 'memoryReservation' must not exceed 'memory'.")
    if task_memory is not None and max(hard or 0, soft or 0) > task_memory:
        raise refuse(f"{setting} The container's memory must not exceed the memory of the task.")


def _check_ports(container: Mapping[str, Any], network_mode: str | None) -> None:
    for mapping in container.get("portMappings", []):
        port, host = mapping.get("containerPort"), mapping.get("hostPort")
        if port is None and mapping.get("containerPortRange") is None:
            raise refuse("Port mapping must have a container port.")
        if port is not None and not 1 <= port <= PORT_MOST:
            raise refuse("Port mapping has an invalid container port: it must be between 1 and 65535.")
        if network_mode == "awsvpc" and host not in {None, port}:
            raise refuse("When networkMode=awsvpc, the host ports and container ports in port mappings must match.")


def _check_logs(container: Mapping[str, Any], *, fargate: bool) -> None:
    logs = inner(container, "logConfiguration")
    if logs.get("logDriver") != "awslogs":
        return
    needed = ["awslogs-group", "awslogs-region"] + (["awslogs-stream-prefix"] if fargate else [])
    missing = [option for option in needed if not inner(logs, "options").get(option)]
    if missing:
        raise refuse(f"Log driver awslogs requires options: {', '.join(missing)}")


def _check_roles(container: Mapping[str, Any], params: Params, *, fargate: bool) -> None:
    """Refuse what needs an execution role where there is none, and a stop timeout that Fargate does not wait for."""
    stop_timeout = container.get("stopTimeout") or 0
    if fargate and stop_timeout > FARGATE_STOP_MOST_S:
        raise refuse(f"Invalid setting for container '{container['name']}'. On Fargate 'stopTimeout' is at most 120.")
    if params.get("executionRoleArn"):
        return
    if container.get("secrets"):
        raise refuse("When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.")
    lack = "Fargate requires task definition to have execution role ARN to support"
    if fargate and inner(container, "logConfiguration").get("logDriver") == "awslogs":
        raise refuse(f"{lack} log driver awslogs.")
    if fargate and ".dkr.ecr." in str(container["image"]):
        raise refuse(f"{lack} ECR images.")


def fill_container(given: Mapping[str, Any], network_mode: str | None) -> Json:
    """Return a container definition with AWS's defaults in it."""
    filled: Json = {"cpu": 0, "essential": True} | dict(given)
    for key in EMPTY_LISTS:
        filled.setdefault(key, [])
    if filled.get("healthCheck"):
        filled["healthCheck"] = {"interval": 30, "timeout": 5, "retries": 3} | filled["healthCheck"]
    filled["portMappings"] = [_fill_port(mapping, network_mode) for mapping in filled["portMappings"]]
    return filled


def _fill_port(given: Mapping[str, Any], network_mode: str | None) -> Json:
    filled = dict(given)
    filled.setdefault("protocol", "tcp")
    if "containerPort" in filled:
        filled.setdefault("hostPort", filled["containerPort"] if network_mode in {"awsvpc", "host"} else 0)
    return filled
