"""What ECS knows: clusters, task definitions, services, deployments, tasks.

These records are the mutable memory of the world; everything that crosses its border is a copy. A service keeps only
its live tasks; a stopped task stays describable for a while in `EcsState.stopped`. A deployment remembers all that it
deploys (`Recipe`), so that going back to it needs nothing else.
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from teal.lab.world.ground import Ground, TargetDesk
from teal.lab.world.wires import AwsRefusal, Container, Phase, WantedTask

Json = dict[str, Any]
Target = tuple[str, int]  # address, port

EVENTS_KEPT = 100


class TaskStatus(StrEnum):
    """The states of a task's life that the lab passes through."""

    PROVISIONING = "PROVISIONING"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    DEACTIVATING = "DEACTIVATING"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"


STARTING = frozenset({TaskStatus.PROVISIONING, TaskStatus.PENDING})
LIVELY = STARTING | {TaskStatus.RUNNING}


class Rollout(StrEnum):
    """`rolloutState` of a deployment."""

    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


# `status` of a service deployment that can still be stopped.
UNFINISHED = frozenset({"PENDING", "IN_PROGRESS", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"})


@dataclass(slots=True, kw_only=True)
class Cluster:
    """A cluster."""

    name: str
    arn: str
    active: bool = True
    settings: Json = field(default_factory=dict[str, Any])
    tags: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(slots=True, kw_only=True)
class Definition:
    """One revision of a task definition; `body` is what DescribeTaskDefinition answers."""

    family: str
    revision: int
    arn: str
    body: Json
    tags: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def active(self) -> bool:
        """Say whether new tasks and services may use it."""
        return str(self.body["status"]) == "ACTIVE"

    @property
    def network_mode(self) -> str:
        """Return the network mode, which is `bridge` when nothing is said."""
        return str(self.body.get("networkMode", "bridge"))

    @property
    def containers(self) -> Sequence[Json]:
        """Return the container definitions."""
        found: list[Json] = self.body["containerDefinitions"]
        return found

    def container(self, name: str) -> Json | None:
        """Return the container definition of this name."""
        return next((each for each in self.containers if each["name"] == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """All that a deployment deploys. Unequal recipes are what makes an update start a deployment."""

    definition_arn: str
    launch_type: str
    platform_version: str | None
    network: Json | None
    load_balancers: tuple[Json, ...]


@dataclass(slots=True, kw_only=True)
class Deployment:
    """One deployment of a service, and what ListServiceDeployments says about it afterwards."""

    deployment_id: str  # `ecs-svc/…`
    arn: str  # of the service deployment
    revision_arn: str  # of the service revision
    recipe: Recipe
    created_at_s: float
    updated_at_s: float
    rollout: Rollout = Rollout.IN_PROGRESS
    reason: str = ""
    status: str = "PENDING"  # of the service deployment
    started_at_s: float | None = None
    status_reason: str | None = None
    finished_at_s: float | None = None
    source_arns: tuple[str, ...] = ()  # service revisions that it replaces
    failed_tasks: int = 0
    tripped: bool = False
    rollback_of: "Deployment | None" = None  # the failed deployment that brought this one back
    rolled_back_to: "Deployment | None" = None
    rolled_back_at_s: float | None = None
    waves: int = 0  # launches in a row of which a task failed
    retry_at_s: float = 0.0


@dataclass(slots=True, kw_only=True)
class Service:
    """A service. `deployments[0]` is the PRIMARY one."""

    name: str
    arn: str
    cluster: Cluster
    created_at_s: float
    desired: int
    settings: Json  # what CreateService and UpdateService said and no deployment depends on
    deployments: list[Deployment]
    history: list[Deployment]  # newest first
    request: Json
    status: str = "ACTIVE"
    last_completed: Deployment | None = None
    tags: dict[str, str] = field(default_factory=dict[str, str])
    tasks: "list[Task]" = field(default_factory=list["Task"])
    events: deque[Json] = field(default_factory=lambda: deque[Json](maxlen=EVENTS_KEPT))
    steady: bool = False

    @property
    def primary(self) -> Deployment:
        """Return the most recent deployment."""
        return self.deployments[0]

    @property
    def rules(self) -> Json:
        """Return the deployment configuration."""
        found: Json = self.settings["deploymentConfiguration"]
        return found

    @property
    def breaker(self) -> Json:
        """Return the settings of the circuit breaker."""
        return inner(self.rules, "deploymentCircuitBreaker")

    @property
    def least(self) -> int:
        """Return how many tasks must stay healthy in a deployment: rounded up, as ECS does."""
        return math.ceil(self.desired * int(self.rules["minimumHealthyPercent"]) / 100)

    @property
    def most(self) -> int:
        """Return how many tasks there may be in a deployment: rounded down, as ECS does."""
        return self.desired * int(self.rules["maximumPercent"]) // 100


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthRules:
    """When a container counts as unhealthy: after `retries` failed probes in a row, not counting the quiet time."""

    retries: int
    start_period_s: float  # scaled: failures count later, or after the first success
    quiet_s: float  # not scaled: failures never count earlier


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """What a container waits for before it starts."""

    name: str
    condition: str  # START, COMPLETE, SUCCESS, HEALTHY


@dataclass(slots=True, kw_only=True)
class TaskContainer:
    """What became of one container of a task."""

    name: str
    image: str
    digest: str
    arn: str
    runtime_id: str
    cpu: int
    memory: int | None
    memory_reservation: int | None = None
    essential: bool
    depends_on: tuple[Dependency, ...] = ()
    start_timeout_s: float | None = None  # how long others wait for it
    health_rules: HealthRules | None = None
    health: str = "UNKNOWN"
    failed_probes: int = 0  # in a row
    started_at_s: float | None = None
    stopped: bool = False  # ended, or never to be started
    exit_code: int | None = None
    reason: str = ""
    log: tuple[str, str] | None = None  # group and stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """The network interface of a task."""

    attachment_id: str
    eni_id: str
    subnet_id: str
    mac: str
    address: str
    zone: str


@dataclass(slots=True, kw_only=True)
class Task:
    """A task, from its first moment until it is forgotten."""

    task_id: str
    arn: str
    cluster: Cluster
    definition: Definition
    group: str
    started_by: str
    launch_type: str
    platform_version: str | None
    interface: Interface
    wanted: tuple[Container, ...]
    containers: tuple[TaskContainer, ...]
    overrides: Json
    created_at_s: float
    service: Service | None = None
    deployment: Deployment | None = None
    tags: dict[str, str] = field(default_factory=dict[str, str])
    status: TaskStatus = TaskStatus.PROVISIONING
    phase: Phase = Phase.RUN
    wish: WantedTask | None = None  # what the runtime was told last
    held: frozenset[str] = frozenset()  # containers that the phase does not reach yet
    dial: Mapping[int, tuple[str, int]] = field(default_factory=dict[int, tuple[str, int]])
    version: int = 1
    desired_status: str = "RUNNING"
    stop_code: str | None = None
    stopped_reason: str | None = None
    pending_at_s: float = 0.0
    started_at_s: float | None = None
    stopping_at_s: float | None = None
    stopped_at_s: float | None = None
    deadline_s: float = 0.0  # of the state it is in while it stops
    targets: list[tuple[str, Target]] = field(default_factory=list[tuple[str, Target]])  # groups it is registered with
    was_healthy: bool = False

    @property
    def ordered(self) -> bool:
        """Say whether containers of it depend on others."""
        return any(each.depends_on for each in self.containers)

    def container(self, name: str) -> TaskContainer | None:
        """Return the container of this name."""
        return next((each for each in self.containers if each.name == name), None)

    def enter(self, status: TaskStatus) -> None:
        """Move on to another state."""
        self.status = status
        self.version += 1


@dataclass(slots=True, kw_only=True)
class EcsState:
    """All of ECS in one region, and what it stands on."""

    ground: Ground
    desk: TargetDesk
    clusters: dict[str, Cluster] = field(default_factory=dict[str, Cluster])
    families: dict[str, list[Definition]] = field(default_factory=dict[str, list[Definition]])
    services: dict[str, Service] = field(default_factory=dict[str, Service])  # by ARN
    live: dict[str, Task] = field(default_factory=dict[str, Task])  # by task id
    stopped: dict[str, Task] = field(default_factory=dict[str, Task])  # in the order of stopping
    run_tokens: dict[str, tuple[Json, list[str]]] = field(default_factory=dict[str, tuple[Json, list[str]]])
    taken: set[str] = field(default_factory=set[str])  # addresses
    interfaces: int = 0  # made so far

    def task(self, task_id: str) -> Task | None:
        """Return a task that lives or stopped a short while ago."""
        return self.live.get(task_id) or self.stopped.get(task_id)

    def definition(self, arn: str) -> Definition:
        """Return a revision that is known to exist."""
        family, _, revision = arn.rpartition("/")[2].partition(":")
        return self.families[family][int(revision) - 1]

    def say(self, service: Service, sentence: str, now_s: float) -> None:
        """Add an event to a service, and to the story."""
        raw = self.ground.hex_id(32)
        event_id = f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"
        message = f"(service {service.name}) {sentence}"
        service.events.appendleft({"id": event_id, "createdAt": instant(now_s), "message": message})
        self.ground.tell(now_s, "ecs", service.name, message)


def instant(at_s: float) -> datetime:
    """Return a unix time as AWS's answers carry it, to the millisecond."""
    return datetime.fromtimestamp(round(at_s, 3), UTC)


def inner(given: Mapping[str, Any], *path: str) -> Json:
    """Return a structure inside a request or an answer; an empty one where there is none."""
    found: Mapping[str, Any] = given
    for key in path:
        found = found.get(key) or {}
    return dict(found)


def several(given: Mapping[str, Any], key: str) -> list[Json]:
    """Return a list of structures inside a request; an empty one where there is none."""
    return [*(given.get(key) or ())]


def short_name(reference: str) -> str:
    """Return the last part of an ARN, or the name itself."""
    return reference.rpartition("/")[2]


def invalid(message: str) -> AwsRefusal:
    """Return ECS's refusal of a parameter."""
    return AwsRefusal("InvalidParameterException", message)


def find_cluster(state: EcsState, params: Mapping[str, Any]) -> Cluster:
    """Return the cluster that a request names; `default` when it names none."""
    cluster = state.clusters.get(short_name(str(params.get("cluster") or "default")))
    if cluster is None or not cluster.active:
        raise AwsRefusal("ClusterNotFoundException", "Cluster not found.")
    return cluster


def find_service(state: EcsState, cluster: Cluster, reference: str) -> Service | None:
    """Return a service of a cluster by name or ARN, whatever its status."""
    return state.services.get(service_arn(state, cluster, short_name(reference)))


def service_arn(state: EcsState, cluster: Cluster, name: str) -> str:
    """Return the (long) ARN of a service."""
    return state.ground.arn("ecs", f"service/{cluster.name}/{name}")


def page(items: Sequence[str], params: Mapping[str, Any], usual: int) -> tuple[list[str], str | None]:
    """Return one page of a list, and the token of the next one.

    A token is the last item of its page: a list that changes between pages loses and repeats nothing else.
    """
    limit = int(params.get("maxResults") or usual)
    if not 1 <= limit <= usual_most(usual):
        raise invalid(f"maxResults must be between 1 and {usual_most(usual)}.")
    token = params.get("nextToken")
    rest = list(items)
    if token:
        if token not in rest:
            raise invalid("Invalid token.")
        rest = rest[rest.index(token) + 1 :]
    return rest[:limit], rest[limit - 1] if len(rest) > limit else None


def usual_most(usual: int) -> int:
    """Return the largest page that may be asked for: 100, as everywhere in ECS."""
    return max(usual, 100)


def paged(key: str, items: Sequence[str], params: Mapping[str, Any], usual: int = 100) -> Json:
    """Return the answer of a List operation."""
    found, token = page(items, params, usual)
    return {key: found} | ({"nextToken": token} if token else {})
