"""What `teal.yaml` may say: one type for each mapping. The parser, the JSON Schema and the manual are made from these.

A `title` completes the sentence "expected …", a `description` is the manual; `scalars` has the rest. A key is refused
unless it is here. Absent and empty differ: `UNSET` is a key that was not written.
"""

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from teal.config.durations import DURATION
from teal.config.scalars import (
    Account,
    AppName,
    Cidr,
    Cluster,
    Codes,
    ContainerName,
    CookieName,
    Duration,
    File,
    GroupKey,
    GroupName,
    HeaderName,
    LoadBalancer,
    LockStore,
    Method,
    Pattern,
    Patterns,
    Port,
    Priority,
    Profile,
    Region,
    RuleArn,
    ServiceName,
    ShiftStepText,
    TagKey,
    TagValue,
    UrlPath,
    VariableName,
    Yes,
    between,
    meaning,
    written,
)
from teal.config.schema_gates import GatesPart

ALL_AT_ONCE: Final = "all_at_once"
FOREVER: Final = "forever"


class HealthCheckPart(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the load balancer checks the targets of a group that teal creates."""

    path: Annotated[UrlPath, meaning("The path to ask for.")] = "/"
    port: Annotated[
        Port | Literal["traffic-port"],
        Meta(title="a port number 1–65535 or traffic-port", examples=[8080]),
        meaning("The port to ask; `traffic-port` is the port that the target serves on."),
    ] = "traffic-port"
    codes: Annotated[
        Codes,
        Meta(title="status codes", examples=["200-299", "200,204"]),
        meaning("The status codes that count as healthy."),
    ] = "200"
    interval: Annotated[
        str,
        written(DURATION, "a duration of 5s to 300s", "10s", min_s=5, max_s=300),
        meaning("The time between two checks."),
    ] = "30s"
    timeout: Annotated[
        str,
        written(DURATION, "a duration of 2s to 120s", "5s", min_s=2, max_s=120),
        meaning("How long a check may take; less than `interval`."),
    ] = "5s"
    healthy: Annotated[
        int, between(2, 10, "a number 2–10", 2), meaning("So many passed checks in a row make a target healthy.")
    ] = 5
    unhealthy: Annotated[
        int, between(2, 10, "a number 2–10", 2), meaning("So many failed checks in a row make a target unhealthy.")
    ] = 2


class GroupCreatePart(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How to create a target group that does not exist. Its VPC is that of the load balancer."""

    protocol: Annotated[
        Literal["HTTP", "HTTPS"], Meta(title="HTTP or HTTPS", examples=["HTTP"]), meaning("How targets are spoken to.")
    ] = "HTTP"
    protocol_version: Annotated[
        Literal["HTTP1", "HTTP2", "GRPC"],
        Meta(title="HTTP1, HTTP2 or GRPC", examples=["HTTP1"]),
        meaning("The version of HTTP that targets speak."),
    ] = "HTTP1"
    port: Annotated[Port, meaning("The group's default port; ECS registers each task with its own.")] = 80
    health_check: Annotated[
        HealthCheckPart | UnsetType, Meta(title="a mapping", examples=[{"path": "/health"}]), meaning("See below.")
    ] = UNSET
    deregistration_delay: Annotated[
        Annotated[str, written(DURATION, "a duration of 0s to 1h", "30s", min_s=0, max_s=3600)] | UnsetType,
        meaning("How long open requests may take once a target leaves. AWS's own default is 300 s."),
    ] = UNSET


class GroupPart(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A target group of a slot, and the container port behind it."""

    name: Annotated[GroupName, meaning("The name of the target group.")]
    container: Annotated[ContainerName, meaning("The container, as the task definition names it.")]
    port: Annotated[Port, Meta(examples=[8080]), meaning("The container port, as the task definition maps it.")]
    create: Annotated[
        GroupCreatePart | UnsetType,
        Meta(title="a mapping", examples=[{"health_check": {"path": "/health"}}]),
        meaning("Create the group when it does not exist. Without this key a missing group is an error."),
    ] = UNSET


class SlotPart(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One slot: an ECS service and its target groups."""

    service: Annotated[ServiceName, meaning("The name of the ECS service. It is adopted when it exists, else created.")]
    target_groups: Annotated[
        list[GroupPart],
        Meta(min_length=1, max_length=5, title="a list of 1 to 5 target groups"),
        meaning(
            "The target groups that the service registers its tasks in: in both slots for the same container ports."
        ),
    ]


class SlotsPart(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The two slots. Neither is blue or green by itself: these are roles in a deployment."""

    a: Annotated[SlotPart, Meta(title="a mapping"), meaning("The first slot.")]
    b: Annotated[SlotPart, Meta(title="a mapping"), meaning("The second slot.")]


class ConditionsPart(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The conditions of a rule: all must hold; the values of one are alternatives. AWS allows 5 values in all."""

    host: Annotated[Patterns | UnsetType, meaning("Host names.")] = UNSET
    path: Annotated[Patterns | UnsetType, meaning("Paths.")] = UNSET
    method: Annotated[
        Annotated[list[Method], Meta(min_length=1, max_length=3)] | UnsetType,
        Meta(title="a list of 1 to 3 methods", examples=[["GET", "HEAD"]]),
        meaning("HTTP methods."),
    ] = UNSET
    header: Annotated[
        dict[HeaderName, Patterns] | UnsetType,
        Meta(title="a mapping of header names to lists of values", examples=[{"X-Tenant": ["north", "south"]}]),
        meaning("Header names, each with the values of which one must be there."),
    ] = UNSET
    query: Annotated[
        dict[str, Pattern] | UnsetType,
        Meta(title="a mapping of query keys to values", examples=[{"preview": "1"}]),
        meaning("Query keys and values; the empty key stands for any key."),
    ] = UNSET
    source_ip: Annotated[
        Annotated[list[Cidr], Meta(min_length=1, max_length=3)] | UnsetType,
        Meta(title="a list of 1 to 3 address ranges in CIDR notation", examples=[["192.0.2.0/24"]]),
        meaning("Addresses of clients."),
    ] = UNSET


class RouteCreatePart(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The production rule to create when no rule has this priority."""

    priority: Annotated[Priority, meaning("The priority, by which the rule is found ever after.")]
    conditions: Annotated[ConditionsPart, Meta(title="a mapping"), meaning("The conditions of the rule.")]


class RoutePart(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A production rule. Exactly one of `priority`, `default`, `conditions`, `rule_arn` and `create` says which."""

    load_balancer: Annotated[
        LoadBalancer | UnsetType, meaning("The load balancer, by name or ARN. Left out with `rule_arn`.")
    ] = UNSET
    listener: Annotated[Port | UnsetType, meaning("The port of the listener. Left out with `rule_arn`.")] = UNSET
    priority: Annotated[Priority | UnsetType, meaning("The rule with this priority.")] = UNSET
    default: Annotated[Yes, meaning("The default action of the listener.")] = False
    conditions: Annotated[
        ConditionsPart | UnsetType, Meta(title="a mapping"), meaning("The rule with exactly these conditions.")
    ] = UNSET
    rule_arn: Annotated[RuleArn | UnsetType, meaning("The rule with this ARN.")] = UNSET
    create: Annotated[
        RouteCreatePart | UnsetType,
        Meta(title="a mapping"),
        meaning("The rule with the priority named in it, created when it does not exist."),
    ] = UNSET
    target_group: Annotated[
        GroupKey | UnsetType,
        meaning("`container:port` of the target groups that take turns here. May be left out when a slot has one."),
    ] = UNSET


class TastePortsPart(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Listener ports for tasting."""

    a: Annotated[Port, Meta(examples=[9001]), meaning("The port that always leads to slot a.")]
    b: Annotated[Port, Meta(examples=[9002]), meaning("The port that always leads to slot b.")]


class TastePart(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a slot is reached before it has production traffic: by a secret header, a secret cookie, or a port."""

    header: Annotated[
        HeaderName | UnsetType,
        Meta(examples=["X-Teal-Taste"]),
        meaning("The header that carries the secret. The default way, with `X-Teal-Taste`."),
    ] = UNSET
    cookie: Annotated[
        CookieName | UnsetType,
        meaning("The cookie that carries the secret, for browsers."),
    ] = UNSET
    ports: Annotated[
        TastePortsPart | UnsetType,
        Meta(title="a mapping with a and b", examples=[{"a": 9001, "b": 9002}]),
        meaning("A listener port for each slot, for networks where a port is the secret."),
    ] = UNSET
    priority: Annotated[
        Priority | UnsetType,
        meaning("The priority of the first taste rule. Default: the highest free one below the app's lowest rule."),
    ] = UNSET


class DeployPart(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a deployment proceeds."""

    shift: Annotated[
        Annotated[
            list[ShiftStepText],
            Meta(min_length=1, max_length=50),
        ]
        | Literal["all_at_once"],
        Meta(title="all_at_once, or a list of steps that ends with 100%", examples=[["5% for 2m", "100%"]]),
        meaning("The steps in which production traffic moves, each with the time to watch before the next."),
    ] = ALL_AT_ONCE
    bake: Annotated[Duration, meaning("How long to watch after the last step.")] = "0s"
    start_deadline: Annotated[
        str,
        written(DURATION, "a duration of at least 1s", "15m", min_s=1),
        meaning("How long the new tasks may take until all of them are healthy."),
    ] = "15m"
    healthy_for: Annotated[Duration, meaning("How long all targets must have been healthy before tasting.")] = "30s"
    count: Annotated[
        Annotated[int, between(1, 5000, "a number of tasks 1–5000", 4)] | UnsetType,
        meaning("At least so many tasks. Without it: as many as the live slot has."),
    ] = UNSET
    require_seen: Annotated[
        Literal["held", "probed"],
        Meta(title="held or probed", examples=["held"]),
        meaning(
            "How the effect of the last step must have been seen: `held` reads the rules back and waits, `probed` also"
            " asks the app itself on every address of the load balancer (this needs `identity`)."
        ),
    ] = "held"
    keep_warm: Annotated[
        Duration | Literal["forever"],
        Meta(title="a duration or forever", examples=["24h"]),
        meaning("When `teal status` begins to say that the idle slot may be retired. Nothing happens by itself."),
    ] = "24h"
    on_stop: Annotated[
        Literal["back", "stay"],
        Meta(title="back or stay", examples=["back"]),
        meaning(
            "What becomes of split traffic when the run must stop, by a signal or because the lock cannot be renewed:"
            " `back` sends production to where it came from, `stay` leaves the split, with nobody watching it."
        ),
    ] = "back"
    gates: Annotated[
        GatesPart | UnsetType, Meta(title="a mapping"), meaning("The questions before the next stage.")
    ] = UNSET


class IdentityPart(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the app says which revision answered."""

    header: Annotated[HeaderName, meaning("The response header that says it.")]
    environment: Annotated[
        VariableName | UnsetType,
        meaning(
            "The environment variable of the task definition whose value the header must have. Without it the header"
            " must have the number of the task definition revision."
        ),
    ] = UNSET
    path: Annotated[UrlPath, meaning("The path to ask for.")] = "/"


class LockPart(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The lock that keeps a second deployer out. Without it there is none, and each run says so."""

    store: Annotated[
        LockStore,
        meaning(
            "Where the lock's record is kept, and beside it the journal: in an S3 bucket, in a DynamoDB table whose"
            " partition key is the text `LockID`, or in a directory that all deployers share. An S3 bucket wants"
            " `s3:GetObject` and `s3:PutObject` on the prefix and `s3:ListBucket` on the bucket; a table"
            " `dynamodb:GetItem` and `dynamodb:PutItem`."
        ),
    ]
    region: Annotated[Region | UnsetType, meaning("The region of the bucket or table. Default: the app's.")] = UNSET
    profile: Annotated[Profile | UnsetType, meaning("The AWS profile that may write there. Default: the app's.")] = (
        UNSET
    )


class TealFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One app: two slots behind one or more routes."""

    app: Annotated[AppName, meaning("The name of the app, unique in its account and region.")]
    region: Annotated[Region, meaning("The AWS region.")]
    account: Annotated[
        Account | UnsetType,
        meaning("The account number. teal refuses to work with the credentials of another account."),
    ] = UNSET
    cluster: Annotated[Cluster, meaning("The ECS cluster, by name or ARN. teal never creates it.")]
    task_definition: Annotated[
        File, meaning("The task definition, as RegisterTaskDefinition takes it or DescribeTaskDefinition gives it.")
    ]
    service: Annotated[
        File,
        Meta(examples=["service.json"]),
        meaning(
            "The service, as CreateService takes it. What differs between the slots (name, cluster, task definition,"
            " load balancers) is filled in by teal."
        ),
    ]
    slots: Annotated[SlotsPart, Meta(title="a mapping with a and b"), meaning("The two slots.")]
    routes: Annotated[
        list[RoutePart],
        Meta(min_length=1, max_length=50, title="a list of 1 to 50 routes"),
        meaning("The production rules that teal moves, in the order in which they are written."),
    ]
    taste: Annotated[TastePart | UnsetType, Meta(title="a mapping"), meaning("How a slot is reached early.")] = UNSET
    deploy: Annotated[DeployPart | UnsetType, Meta(title="a mapping"), meaning("How a deployment proceeds.")] = UNSET
    lock: Annotated[
        LockPart | UnsetType,
        Meta(title="a mapping", examples=[{"store": "s3://team-state/teal"}]),
        meaning("The lock that keeps a second deployer out."),
    ] = UNSET
    identity: Annotated[
        IdentityPart | UnsetType,
        Meta(title="a mapping", examples=[{"header": "X-Revision"}]),
        meaning("How the app says which revision answered."),
    ] = UNSET
    ignored: Annotated[
        Annotated[list[RuleArn], Meta(max_length=100)] | UnsetType,
        Meta(title="a list of rule ARNs"),
        meaning("Rules that forward to a slot's target group and are none of teal's business."),
    ] = UNSET
    tags: Annotated[
        dict[TagKey, TagValue] | UnsetType,
        Meta(title="a mapping of tag keys to values", examples=[{"team": "shop"}]),
        meaning("Tags for everything that teal creates, besides teal's own. Over the tags of the service file."),
    ] = UNSET


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of `teal.yaml`, for editors."""
    schema = msgspec.json.schema(TealFile)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "teal.yaml", **schema}
