"""How DescribeTasks, ListTasks and the metadata endpoint inside a task show a task."""

from teal.lab.world.ecs_health import task_health
from teal.lab.world.ecs_model import (
    Definition,
    EcsState,
    Json,
    Task,
    TaskContainer,
    TaskStatus,
    find_cluster,
    find_service,
    instant,
    invalid,
    paged,
    short_name,
)
from teal.lab.world.ecs_tags import show_tags
from teal.lab.world.ground import Params
from teal.lab.world.wires import AwsRefusal

DESCRIBED_MOST = 100


def describe_tasks(state: EcsState, params: Params, _now_s: float) -> Json:
    """DescribeTasks. A task that is not there is a failure in the answer, not an error."""
    cluster = find_cluster(state, params)
    references = [str(each) for each in params["tasks"]]
    if not references:
        raise invalid("Tasks cannot be empty.")
    if len(references) > DESCRIBED_MOST:
        raise invalid("tasks can have at most 100 items.")
    with_tags = "TAGS" in (params.get("include") or [])
    found: list[Json] = []
    failures: list[Json] = []
    for reference in dict.fromkeys(references):
        task = state.task(short_name(reference))
        if task is None or task.cluster is not cluster:
            arn = state.ground.arn("ecs", f"task/{cluster.name}/{short_name(reference)}")
            failures.append({"arn": arn, "reason": "MISSING"})
        else:
            found.append(show_task(task, with_tags=with_tags))
    return {"tasks": found, "failures": failures}


def list_tasks(state: EcsState, params: Params, _now_s: float) -> Json:
    """ListTasks. It goes by the desired status; PENDING, as on AWS, finds nothing."""
    cluster = find_cluster(state, params)
    service = params.get("serviceName")
    if service is not None:
        known = find_service(state, cluster, str(service))
        if known is None or known.status == "INACTIVE":
            raise AwsRefusal("ServiceNotFoundException", "Service not found.")
    wanted = {
        "desired_status": params.get("desiredStatus", "RUNNING"),
        "group": f"service:{short_name(str(service))}" if service is not None else None,
        "started_by": params.get("startedBy"),
        "launch_type": params.get("launchType"),
    }
    family = params.get("family")
    tasks = [*state.live.values(), *state.stopped.values()] if "containerInstance" not in params else []
    found = [
        task.arn
        for task in tasks
        if task.cluster is cluster
        and family in {None, task.definition.family}
        and all(value is None or getattr(task, key) == value for key, value in wanted.items())
    ]
    return paged("taskArns", found, params)


def show_task(task: Task, *, with_tags: bool = False) -> Json:
    """Return a task in AWS's shape."""
    cpu, memory = task_size(task.definition, task.overrides)
    view: Json = {
        "attachments": [_attachment(task)],
        "attributes": [{"name": "ecs.cpu-architecture", "value": "x86_64"}],
        "availabilityZone": task.interface.zone,
        "clusterArn": task.cluster.arn,
        "connectivity": "CONNECTED",
        "connectivityAt": instant(task.created_at_s),
        "containers": [_container(task, each) for each in task.containers],
        "cpu": cpu,
        "createdAt": instant(task.created_at_s),
        "desiredStatus": task.desired_status,
        "enableExecuteCommand": False,
        "group": task.group,
        "healthStatus": task_health(task),
        "lastStatus": task.status.value,
        "launchType": task.launch_type,
        "memory": memory,
        "overrides": task.overrides,
        "tags": show_tags(task.tags) if with_tags else [],
        "taskArn": task.arn,
        "taskDefinitionArn": task.definition.arn,
        "version": task.version,
    }
    optional: Json = {
        "startedBy": task.started_by or None,
        "platformVersion": task.platform_version,
        "platformFamily": "Linux" if task.platform_version else None,
        "stopCode": task.stop_code,
        "stoppedReason": task.stopped_reason,
        "startedAt": _at(task.started_at_s),
        "stoppingAt": _at(task.stopping_at_s),
        "stoppedAt": _at(task.stopped_at_s),
        "executionStoppedAt": _at(task.stopped_at_s),
    }
    return view | {key: value for key, value in optional.items() if value is not None}


def _at(at_s: float | None) -> object:
    return None if at_s is None else instant(at_s)


def task_size(definition: Definition, overrides: Json) -> tuple[str, str]:
    """Return cpu and memory of a task: its own, or the sum of its containers."""
    body, every = definition.body, definition.containers
    cpu = overrides.get("cpu") or body.get("cpu") or str(sum(int(each["cpu"]) for each in every))
    needs = [int(each.get("memory") or each.get("memoryReservation") or 0) for each in every]
    memory = overrides.get("memory") or body.get("memory") or str(sum(needs))
    return str(cpu), str(memory)


def _attachment(task: Task) -> Json:
    card = task.interface
    status = {TaskStatus.STOPPED: "DELETED", TaskStatus.PROVISIONING: "ATTACHING"}.get(task.status, "ATTACHED")
    details = {
        "subnetId": card.subnet_id,
        "networkInterfaceId": card.eni_id,
        "macAddress": card.mac,
        "privateDnsName": f"ip-{card.address.replace('.', '-')}.internal",
        "privateIPv4Address": card.address,
    }
    return {
        "id": card.attachment_id,
        "type": "ElasticNetworkInterface",
        "status": status,
        "details": [{"name": name, "value": value} for name, value in details.items()],
    }


def _container(task: Task, container: TaskContainer) -> Json:
    view: Json = {
        "containerArn": container.arn,
        "taskArn": task.arn,
        "name": container.name,
        "image": container.image,
        "lastStatus": container_status(task, container),
        "networkBindings": [],
        "networkInterfaces": [
            {"attachmentId": task.interface.attachment_id, "privateIpv4Address": task.interface.address}
        ],
        "healthStatus": container.health,
        "cpu": str(container.cpu),
    }
    if container.memory is not None:
        view["memory"] = str(container.memory)
    if container.memory_reservation is not None:
        view["memoryReservation"] = str(container.memory_reservation)
    if container.started_at_s is not None:
        view |= {"imageDigest": container.digest, "runtimeId": container.runtime_id}
    if container.exit_code is not None:
        view["exitCode"] = container.exit_code
    return view | ({"reason": container.reason} if container.reason else {})


def container_status(task: Task, container: TaskContainer) -> str:
    """Return PENDING, RUNNING or STOPPED."""
    if container.stopped or task.status is TaskStatus.STOPPED:
        return "STOPPED"
    return "PENDING" if container.started_at_s is None else "RUNNING"


def show_metadata(task: Task) -> Json:
    """Return the document that a task reads at `${ECS_CONTAINER_METADATA_URI_V4}/task`."""
    cpu, memory = task_size(task.definition, task.overrides)
    view: Json = {
        "Cluster": task.cluster.arn,
        "TaskARN": task.arn,
        "Family": task.definition.family,
        "Revision": str(task.definition.revision),
        "DesiredStatus": task.desired_status,
        "KnownStatus": task.status.value,
        "Limits": {"CPU": int(cpu) / 1024, "Memory": int(memory)},
        "AvailabilityZone": task.interface.zone,
        "LaunchType": task.launch_type,
        "Containers": [_metadata_of_container(task, each) for each in task.containers],
    }
    if task.service is not None:
        view["ServiceName"] = task.service.name
    return view


def _metadata_of_container(task: Task, container: TaskContainer) -> Json:
    labels = {
        "com.amazonaws.ecs.cluster": task.cluster.arn,
        "com.amazonaws.ecs.container-name": container.name,
        "com.amazonaws.ecs.task-arn": task.arn,
        "com.amazonaws.ecs.task-definition-family": task.definition.family,
        "com.amazonaws.ecs.task-definition-version": str(task.definition.revision),
    }
    view: Json = {
        "DockerId": container.runtime_id,
        "Name": container.name,
        "DockerName": container.name,
        "Image": container.image,
        "ImageID": container.digest,
        "Labels": labels,
        "DesiredStatus": task.desired_status,
        "KnownStatus": container_status(task, container),
        "Limits": {"CPU": container.cpu} | ({"Memory": container.memory} if container.memory is not None else {}),
        "Type": "NORMAL",
        "ContainerARN": container.arn,
        "Networks": [{"NetworkMode": "awsvpc", "IPv4Addresses": [task.interface.address]}],
    }
    if container.started_at_s is not None:
        view["StartedAt"] = instant(container.started_at_s).isoformat().replace("+00:00", "Z")
    return view | ({"ExitCode": container.exit_code} if container.exit_code is not None else {})
