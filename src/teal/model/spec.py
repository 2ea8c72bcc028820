"""What is wanted: the configuration, parsed, checked and complete. Durations are seconds on AWS, not yet scaled."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from teal.model.identity import Slot
from teal.model.traffic import NO_TAGS, Condition


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupCreate:
    """How to make a target group that is not there. Its VPC is that of the load balancer."""

    protocol: str = "HTTP"
    protocol_version: str = "HTTP1"
    port: int = 80
    health_path: str = "/"
    health_port: str = "traffic-port"
    health_codes: str = "200"
    health_interval_s: int = 30
    health_timeout_s: int = 5
    healthy_count: int = 5
    unhealthy_count: int = 2
    deregistration_delay_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSpec:
    """One target group of a slot, and the container port behind it."""

    name: str
    container: str
    port: int
    create: GroupCreate | None = None

    @property
    def key(self) -> str:
        """`container:port`, by which routes name the group in both slots."""
        return f"{self.container}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotSpec:
    """One slot: service name and target groups."""

    slot: Slot
    service: str
    groups: tuple[GroupSpec, ...]

    def group(self, key: str) -> GroupSpec:
        """Return the group with this key; the configuration guarantees that both slots have the same keys."""
        return next(group for group in self.groups if group.key == key)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteCreate:
    """How to make a production rule that is not there."""

    priority: int
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSpec:
    """A production rule, found by exactly one of `rule_arn`, `priority`, `default`, `conditions`."""

    load_balancer: str  # name or ARN; "" when `rule_arn` says it
    listener_port: int
    group_key: str
    rule_arn: str | None = None
    priority: int | None = None
    default: bool = False
    conditions: tuple[Condition, ...] | None = None
    create: RouteCreate | None = None
    where: str = ""  # `teal.yaml:12:5`, for messages

    def __str__(self) -> str:
        if self.rule_arn:
            return self.rule_arn
        place = f"{self.load_balancer}:{self.listener_port}"
        if self.default:
            return f"{place} default action"
        return f"{place} rule {self.priority if self.priority is not None else 'by its conditions'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TasteSpec:
    """How green is tasted: by secret header (default), by secret cookie, or by port."""

    header: str = "X-Teal-Taste"
    cookie: str | None = None
    ports: Mapping[Slot, int] | None = None
    priority: int | None = None  # of the first taste rule; default: highest free number below the app's lowest rule


class Rung(StrEnum):
    """How the effect of a flip was seen, weakest first."""

    READ_BACK = "read-back"
    HELD = "held"
    PROBED = "probed"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpGate:
    """A request through the taste route, and what the answer must be."""

    path: str
    status: int = 200
    contains: str = ""
    headers: Mapping[str, str] = field(default_factory=lambda: NO_TAGS)
    timeout_s: float = 10.0
    attempts: int = 3

    def __str__(self) -> str:
        wanted = f"status {self.status}" + (f" and body containing {self.contains!r}" if self.contains else "")
        return f"http {self.path} answers {wanted}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunGate:
    """A command: exit 0 passes, 75 asks to wait, anything else fails."""

    command: str
    timeout_s: float = 300.0
    retry_s: float = 5.0

    def __str__(self) -> str:
        # Variables were inserted into the command: its arguments may be secrets, and this text is journalled.
        name, *arguments = self.command.split(maxsplit=1)
        return f"run {name}{' …' if arguments else ''}"


Gate = HttpGate | RunGate


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentitySpec:
    """How the app says who it is: a response header and what it must equal.

    It is compared with the value of the environment variable `environment` in the task definition, or, when that is
    None, with the task definition revision.
    """

    header: str
    environment: str | None = None
    path: str = "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftStep:
    """Green's share in percent, and how long to hold it before the next."""

    percent: int
    hold_s: float


class OnStop(StrEnum):
    """What becomes of traffic that is split when the run must stop."""

    BACK = "back"
    STAY = "stay"


ALL_AT_ONCE = (ShiftStep(percent=100, hold_s=0.0),)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploySpec:
    """How a deployment proceeds."""

    shift: tuple[ShiftStep, ...] = ALL_AT_ONCE
    bake_s: float = 0.0
    start_deadline_s: float = 900.0
    healthy_for_s: float = 30.0
    count: int | None = None  # at least this many tasks
    require_seen: Rung = Rung.HELD
    taste_gates: tuple[Gate, ...] = ()
    keep_warm_s: float | None = 86400.0
    on_stop: OnStop = OnStop.BACK


class StoreKind(StrEnum):
    """Where a lock's record is kept."""

    S3 = "s3"
    DYNAMODB = "dynamodb"
    FILE = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class LockSpec:
    """The store of the lock: a bucket with a prefix, a table, or a directory."""

    kind: StoreKind
    place: str  # bucket, table, or path of a directory, beside the configuration where it is relative
    prefix: str = ""  # of keys in a bucket, without slashes at its ends
    region: str | None = None  # None: the app's
    profile: str | None = None  # None: the app's


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One app: two slots behind one or more routes.

    `task_definition` is RegisterTaskDefinition's body, `service` CreateService's body without the slot's own fields
    (cluster, serviceName, taskDefinition, loadBalancers, tags); both as AWS spells them.
    """

    app: str
    region: str
    cluster: str
    family: str
    task_definition: Mapping[str, Any]
    service: Mapping[str, Any]
    slots: Mapping[Slot, SlotSpec]
    routes: tuple[RouteSpec, ...]
    account: str | None = None
    taste: TasteSpec = field(default_factory=TasteSpec)
    deploy: DeploySpec = field(default_factory=DeploySpec)
    identity: IdentitySpec | None = None
    ignored: tuple[str, ...] = ()  # ARNs of rules that forward to a slot's group and are none of teal's business
    tags: Mapping[str, str] = field(default_factory=lambda: NO_TAGS)
    lock: LockSpec | None = None

    def slot(self, slot: Slot) -> SlotSpec:
        """Return what the configuration says of `slot`."""
        return self.slots[slot]
