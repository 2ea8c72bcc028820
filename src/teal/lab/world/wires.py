"""What crosses the border of the world: wishes out (tasks, data plane), observations in.

The world never starts a process and never opens a socket. It says which tasks should exist and how the load balancer
should route; a runtime and a data plane make it so and report what they see. Behind the API of the lab these are real
processes and a real Envoy; in memory they are simulated with the same values and a virtual clock.

Instants (`…_at_s`) are unix seconds as the caller of the world counts them. Durations in these values are already
scaled by the time scale of the lab: a runtime takes them literally.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """How a runtime asks a container for its health: a process beside it, in its environment; exit code 0 is a yes.

    Durations are scaled. What the answers mean is the world's affair.
    """

    command: tuple[str, ...]
    interval_s: float  # from the start of the container, and from the end of one probe, to the next
    timeout_s: float  # then it is killed, which is a no


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container of a wanted task, overrides applied."""

    name: str
    image: str
    entry_point: tuple[str, ...]
    command: tuple[str, ...]
    environment: Mapping[str, str]
    essential: bool
    ports: tuple[int, ...]  # container ports
    stop_timeout_s: float
    probe: Probe | None = None


class Phase(StrEnum):
    """What a runtime shall do with a task."""

    RUN = "run"
    TERMINATE = "terminate"  # SIGTERM once, then wait
    KILL = "kill"  # SIGKILL


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedTask:
    """A task that should exist in `phase`. A task that is no longer wanted is not listed at all."""

    task_id: str
    task_arn: str
    cluster: str
    group: str  # `service:web` or `family:web`
    family: str
    revision: int
    address: str  # the private address that the API shows; what is dialled is the runtime's affair
    containers: tuple[Container, ...]
    phase: Phase
    held: frozenset[str] = frozenset()  # containers that the phase does not reach yet: not started, not yet signalled


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerStarted:
    """A container that was held when its task started runs now, too."""

    task_id: str
    container: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStarted:
    """All containers of the task that are not held run. `dial` says where each container port will be reached."""

    task_id: str
    dial: Mapping[int, tuple[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskNotStarted:
    """The task could not be started, e.g. because no command is known for its image."""

    task_id: str
    reason: str  # AWS's sentence, e.g. `CannotPullContainerError: …`


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerExited:
    """A container of a task ended. `exit_code` is 128 + n after signal n, as in ECS."""

    task_id: str
    container: str
    exit_code: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerProbed:
    """A probe of a running container ended."""

    task_id: str
    container: str
    passed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSeen:
    """Health of one target as the data plane sees it now."""

    group_arn: str
    target_id: str
    port: int
    state: Literal["initial", "healthy", "unhealthy"]
    reason: str = ""  # `Target.ResponseCodeMismatch`, `Target.Timeout`, `Target.FailedHealthChecks`
    description: str = ""  # AWS's sentence, e.g. `Health checks failed with these codes: [500]`


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLines:
    """Lines that a container wrote, oldest first."""

    task_id: str
    container: str
    lines: tuple[str, ...]


TaskSeen = TaskStarted | TaskNotStarted | ContainerStarted | ContainerProbed | ContainerExited
Observation = TaskSeen | TargetSeen | LogLines


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """How the data plane checks the targets of a group. Durations are scaled."""

    protocol: str  # `HTTP`
    port: int | None  # None: the traffic port of the target
    path: str
    interval_s: float
    timeout_s: float
    healthy_count: int
    unhealthy_count: int
    codes: tuple[tuple[int, int], ...]  # inclusive ranges of status codes that count as healthy
    start_least_s: float = 0.0  # a new target is not called unhealthy earlier, however often it failed; not scaled


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFault:
    """What goes wrong on purpose with a share of the requests to a group."""

    seed: int
    share_percent: float
    delay_s: float = 0.0  # not scaled
    status: int | None = None  # answered instead of the target


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyTarget:
    """A target that may get new requests. A draining target is none: see `ProxyGroup.finishing`."""

    target_id: str
    port: int
    host: str  # where to dial
    host_port: int
    health_port: int | None = None  # where to check this target, whatever its group says


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyGroup:
    """A target group that some rule of the load balancer uses, with all its targets that are not draining."""

    arn: str
    name: str
    health_check: HealthCheck
    targets: tuple[ProxyTarget, ...]
    request_faults: tuple[RequestFault, ...] = ()
    # Where targets without new requests are dialled whose open ones may still finish. What is dialled at an address
    # that leaves here or `targets`, and is in neither any more, is cut off.
    finishing: tuple[tuple[str, int], ...] = ()
    slow_start_s: float = 0.0  # how long the share of a target that becomes healthy beside others grows; 0: not at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One rule condition; its values are alternatives, all conditions of a rule must hold.

    `field` is AWS's: host-header, path-pattern, http-header, http-request-method, query-string, source-ip.
    """

    field: str
    values: tuple[str, ...]  # patterns with * and ?; CIDR blocks; methods
    header: str = ""  # http-header only
    queries: tuple[tuple[str, str], ...] = ()  # query-string only: (key or "", value)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetStickiness:
    """How long a client stays with the target that answered it; scaled."""

    duration_s: float
    app_cookie: str = ""  # a cookie of the app that must be there as well; empty: the load balancer's own does alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """Forward by weight: (group ARN, weight) pairs."""

    shares: tuple[tuple[str, int], ...]
    sticky_s: float = 0.0  # how long a client stays with the group that answered it, scaled; 0: not at all
    sticky_targets: tuple[tuple[str, TargetStickiness], ...] = ()  # by ARN of the group, where it has one


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedResponse:
    """Answer from the load balancer itself."""

    status: int
    content_type: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """Redirect with AWS's placeholders `#{protocol} #{host} #{port} #{path} #{query}`."""

    status: int
    protocol: str
    host: str
    port: str
    path: str
    query: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyRule:
    """A listener rule; the default action is the last rule, without conditions."""

    arn: str
    conditions: tuple[Condition, ...]
    action: Forward | FixedResponse | Redirect


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyListener:
    """A listener the data plane serves: plain HTTP, rules in order of priority, default last."""

    arn: str
    host: str  # the load balancer's own loopback address
    port: int  # the port really opened
    idle_timeout_s: float  # not scaled
    rules: tuple[ProxyRule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPlane:
    """All that the data plane should do, whole; equal values mean that nothing changed."""

    listeners: tuple[ProxyListener, ...]
    groups: tuple[ProxyGroup, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesTaken:
    """Rules that a node of the load balancer has just begun to follow, and ARNs of those that it follows no more."""

    node: int
    rules: tuple[ProxyRule, ...]
    gone: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldEvent:
    """One line of the lab's story."""

    at_s: float
    source: str  # `ecs`, `elbv2`, `task`, `target`, `scaling`, `logs`, `api`, `node`, `fault`, `lab`
    subject: str
    message: str


class AwsRefusal(Exception):  # noqa: N818 - it is AWS's answer, not an error of the lab
    """What AWS answers instead of a result.

    Args:
        code: AWS's error code, e.g. `InvalidParameterException` or `PriorityInUse`.
        message: AWS's message.
        status: the HTTP status.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def not_simulated(what: str) -> AwsRefusal:
    """Return the lab's own refusal: better than to pretend. No client tries again after its status."""
    return AwsRefusal("NotSimulated", f"teal's lab does not simulate {what}", 501)
