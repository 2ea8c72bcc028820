"""How a task comes into being: its address, its containers with overrides applied, its ids."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from teal.lab.world import network
from teal.lab.world.ecs_dependencies import held_containers, read_dependencies
from teal.lab.world.ecs_health import probe_of, rules_of
from teal.lab.world.ecs_model import (
    Cluster,
    Definition,
    Deployment,
    EcsState,
    Interface,
    Json,
    Service,
    Task,
    TaskContainer,
    inner,
    several,
)
from teal.lab.world.ecs_tasks import PROVISIONING_S
from teal.lab.world.wires import AwsRefusal, Container, not_simulated

STOP_TIMEOUT_S = 30.0
OWN_TIME_S = 5.0  # not scaled: an app starts and ends in its own time


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked for when a task is launched."""

    cluster: Cluster
    definition: Definition
    group: str
    launch_type: str
    network: Json | None
    platform_version: str | None = None
    started_by: str = ""
    overrides: Json
    tags: Mapping[str, str]
    service: Service | None = None
    deployment: Deployment | None = None


def launch(state: EcsState, order: Order, now_s: float) -> Task:
    """Make a task and put it among the living."""
    if order.definition.network_mode != "awsvpc":
        raise not_simulated(f"tasks in network mode {order.definition.network_mode}, only awsvpc")
    task_id = state.ground.hex_id(32)
    wanted = tuple(_wanted(state, each, _override(order, each["name"])) for each in order.definition.containers)
    task = Task(
        task_id=task_id,
        arn=state.ground.arn("ecs", f"task/{order.cluster.name}/{task_id}"),
        cluster=order.cluster,
        definition=order.definition,
        group=order.group,
        started_by=order.started_by,
        launch_type=order.launch_type,
        platform_version=order.platform_version,
        interface=_interface(state, order.network),
        wanted=wanted,
        containers=tuple(_container(state, order, task_id, each) for each in order.definition.containers),
        overrides=order.overrides,
        created_at_s=now_s,
        service=order.service,
        deployment=order.deployment,
        tags=dict(order.tags),
        pending_at_s=now_s + state.ground.scaled(PROVISIONING_S),
    )
    task.held = held_containers(task, now_s)
    state.live[task_id] = task
    if order.service is not None:
        order.service.tasks.append(task)
    state.ground.tell(now_s, "task", task_id, f"created from {order.definition.family}:{order.definition.revision}")
    return task


def _override(order: Order, name: str) -> Json:
    empty: Json = {}
    return next((each for each in several(order.overrides, "containerOverrides") if each.get("name") == name), empty)


def _wanted(state: EcsState, given: Json, override: Json) -> Container:
    """Return what a runtime needs to know about one container."""
    environment = {
        str(pair["name"]): str(pair.get("value", ""))
        for pair in [*given.get("environment", []), *override.get("environment", [])]
    }
    given_s = given.get("stopTimeout")  # 0 is a timeout too
    stop_s = STOP_TIMEOUT_S if given_s is None else float(given_s)
    return Container(
        name=str(given["name"]),
        image=str(given["image"]),
        entry_point=tuple(given.get("entryPoint", ())),
        command=tuple(override.get("command") or given.get("command", ())),
        environment=environment,
        essential=bool(given["essential"]),
        ports=tuple(each["containerPort"] for each in given["portMappings"] if "containerPort" in each),
        stop_timeout_s=_at_least(state, stop_s),
        probe=probe_of(state.ground, given),
    )


def _at_least(state: EcsState, seconds: float) -> float:
    """Return a time that is the app's own: scaled, but not below 5 s where it is that much on AWS."""
    return max(state.ground.scaled(seconds), min(seconds, OWN_TIME_S))


def _container(state: EcsState, order: Order, task_id: str, given: Json) -> TaskContainer:
    name, override = str(given["name"]), _override(order, str(given["name"]))
    start_timeout_s = given.get("startTimeout")
    return TaskContainer(
        name=name,
        image=str(given["image"]),
        digest=image_digest(str(given["image"])),
        arn=state.ground.arn("ecs", f"container/{order.cluster.name}/{task_id}/{state.ground.hex_id(32)}"),
        runtime_id=f"{task_id}-{state.ground.hex_id(10)}",
        cpu=int(override.get("cpu") or given["cpu"]),
        memory=override.get("memory", given.get("memory")),
        memory_reservation=override.get("memoryReservation", given.get("memoryReservation")),
        essential=bool(given["essential"]),
        depends_on=read_dependencies(given),
        start_timeout_s=None if start_timeout_s is None else _at_least(state, float(start_timeout_s)),
        health_rules=rules_of(state.ground, given),
        log=_log(given, task_id),
    )


def _log(given: Json, task_id: str) -> tuple[str, str] | None:
    """Return the log group and stream of a container, named as the awslogs driver names them."""
    logs = inner(given, "logConfiguration")
    if logs.get("logDriver") != "awslogs":
        return None
    options = inner(logs, "options")
    prefix = options.get("awslogs-stream-prefix")
    stream = f"{prefix}/{given['name']}/{task_id}" if prefix else task_id
    return str(options["awslogs-group"]), stream


def image_digest(image: str) -> str:
    """Return the digest in the image reference, or one that depends on its name alone."""
    _, at, digest = image.partition("@")
    return digest if at else f"sha256:{sha256(image.encode()).hexdigest()}"


def _interface(state: EcsState, given: Json | None) -> Interface:
    """Return a network interface; the subnets of the request take turns."""
    wanted: Sequence[str] = inner(given or {}, "awsvpcConfiguration")["subnets"]
    choice = [subnet for subnet in network.subnets(state.ground) if subnet.subnet_id in wanted]
    turn, which = divmod(state.interfaces, len(choice))
    state.interfaces += 1
    subnet = choice[which]
    address = _address(state, subnet, turn)
    octets = [int(part) for part in address.split(".")]
    raw = state.ground.hex_id(12)
    attachment = state.ground.hex_id(32)
    return Interface(
        attachment_id=f"{attachment[:8]}-{attachment[8:12]}-{attachment[12:16]}-{attachment[16:20]}-{attachment[20:]}",
        eni_id=f"eni-{state.ground.hex_id(17)}",
        subnet_id=subnet.subnet_id,
        mac=":".join(["0a", raw[:2], *(f"{octet:02x}" for octet in octets)]),
        address=address,
        zone=subnet.zone,
    )


def _address(state: EcsState, subnet: network.Subnet, turn: int) -> str:
    """Return a free address, going round all of them, so that one is used again as late as can be."""
    for address in network.host_addresses(subnet, turn):
        if address not in state.taken:
            state.taken.add(address)
            return address
    raise AwsRefusal("ClientException", f"The subnet '{subnet.subnet_id}' has no free addresses left.")


def managed_tags(service: Service, definition: Definition) -> dict[str, str]:
    """Return the tags that a task of a service gets."""
    tags: dict[str, str] = {}
    match service.settings.get("propagateTags"):
        case "SERVICE":
            tags |= service.tags
        case "TASK_DEFINITION":
            tags |= definition.tags
        case _:
            pass
    if service.settings.get("enableECSManagedTags"):
        tags |= {"aws:ecs:clusterName": service.cluster.name, "aws:ecs:serviceName": service.name}
    return tags


def order_for(state: EcsState, service: Service, deployment: Deployment) -> Order:
    """Return the order for one more task of a deployment."""
    recipe = deployment.recipe
    definition = state.definition(recipe.definition_arn)
    overrides: Json = {"containerOverrides": [{"name": each["name"]} for each in definition.containers]}
    return Order(
        cluster=service.cluster,
        definition=definition,
        group=f"service:{service.name}",
        launch_type=recipe.launch_type,
        network=recipe.network,
        platform_version=recipe.platform_version,
        started_by=deployment.deployment_id,
        overrides=overrides,
        tags=managed_tags(service, definition),
        service=service,
        deployment=deployment,
    )
