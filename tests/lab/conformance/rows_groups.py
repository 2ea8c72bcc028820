"""Target groups: settings that last, health checks, attributes, targets."""

from lab.conformance.row import Claim, Json, Row, Step, assumed, seen, stated
from lab.conformance.scene import GROUP, attributes

VALIDATION = "ValidationError"
_NEW: Json = {"Name": "tg-new", **GROUP}
_CHECK = "API model, CreateTargetGroup"
_SAME_NAME = assumed("DuplicateTargetGroupName", "API reference, CreateTargetGroup; no operation changes this setting")
_ATTRIBUTE = "API model, TargetGroupAttribute"
_GONE = "arn:aws:elasticloadbalancing:eu-west-1:000000000000:targetgroup/none/0123456789abcdef"
# Both the lab's network and moto's have these addresses or do not have them.
_OUTSIDE = "192.0.2.7"


def _group(what: str, wrong: Json, claim: Claim, right: Json | None = None) -> Row:
    """Return a row of CreateTargetGroup: what differs from a group that AWS accepts."""
    return Row(
        what=what,
        call="elbv2 CreateTargetGroup",
        wrong={**_NEW, **wrong},
        right={**_NEW, **(right or {})},
        claim=claim,
    )


def _check(what: str, wrong: Json, source: str, right: Json | None = None) -> Row:
    """Return a row of ModifyTargetGroup: a health check against another one."""
    return Row(
        what=what,
        call="elbv2 ModifyTargetGroup",
        wrong={"TargetGroupArn": "$a", **wrong},
        right={"TargetGroupArn": "$a", **(right or {"HealthCheckIntervalSeconds": 10})},
        claim=assumed(VALIDATION, source),
    )


def _attribute(what: str, claim: Claim, right: Step, **wrong: str) -> Row:
    return Row(
        what=what,
        call="elbv2 ModifyTargetGroupAttributes",
        wrong=attributes("a", **wrong).params,
        right=right.params,
        claim=claim,
    )


def _targets(what: str, wrong: Json, claim: Claim, group_name: str = "a") -> Row:
    """Return a row of RegisterTargets: a target against an address of the network."""
    return Row(
        what=what,
        call="elbv2 RegisterTargets",
        wrong={"TargetGroupArn": f"${group_name}", "Targets": [wrong]},
        right={"TargetGroupArn": "$a", "Targets": [{"Id": "$address"}]},
        claim=claim,
    )


def _many(group_name: str, first: int, count: int) -> Step:
    """Return the registration of ports of one address."""
    targets = [{"Id": "$address", "Port": port} for port in range(first, first + count)]
    return Step(call="elbv2 RegisterTargets", params={"TargetGroupArn": f"${group_name}", "Targets": targets})


_DELAY = attributes("a", deregistration_delay__timeout_seconds="3600")
_SLOW = attributes("a", slow_start__duration_seconds="30")
_COOKIE = attributes("a", stickiness__type="app_cookie", stickiness__app_cookie__cookie_name="session")
_RANDOM = attributes(
    "a", load_balancing__algorithm__type="weighted_random", load_balancing__algorithm__anomaly_mitigation="on"
)

GROUPS = (
    _group("a second target group of one name, on another port", {"Name": "tg-a", "Port": 9090}, _SAME_NAME),
    _group(
        "a second target group of one name, of another target type",
        {"Name": "tg-a", "TargetType": "instance"},
        _SAME_NAME,
    ),
    _group(
        "a second target group of one name, with another health check",
        {"Name": "tg-a", "HealthCheckPath": "/health"},
        stated("DuplicateTargetGroupName", "API reference, CreateTargetGroup"),
    ),
    _group(
        "a target group name of 33 characters",
        {"Name": "a" * 33},
        assumed(VALIDATION, f"{_CHECK}: 32 characters"),
        {"Name": "a" * 32},
    ),
    _group(
        "a target group name with an underscore",
        {"Name": "under_score"},
        seen(VALIDATION, "", "API model, CreateTargetGroup; public reports"),
    ),
    _group(
        "a target group in a network that is not there",
        {"VpcId": "vpc-none"},
        seen(VALIDATION, "The VPC ID 'vpc-none' is not found", "public reports"),
    ),
    _group("a target group on port 0", {"Port": 0}, assumed(VALIDATION, f"{_CHECK}, Port: 1 to 65535")),
    Row(
        what="a target group without a port",
        call="elbv2 CreateTargetGroup",
        wrong={key: value for key, value in _NEW.items() if key != "Port"},
        right=_NEW,
        claim=assumed(VALIDATION, f"{_CHECK}, Port: the targets receive traffic there"),
    ),
    Row(
        what="the deletion of a target group in use",
        call="elbv2 DeleteTargetGroup",
        wrong={"TargetGroupArn": "$a"},
        right={"TargetGroupArn": "$idle"},
        claim=seen(
            "ResourceInUse",
            "is currently in use by a listener or a rule",
            "API reference, DeleteTargetGroup; public reports",
        ),
    ),
    Row(
        what="DescribeTargetGroups of a name that is not there",
        call="elbv2 DescribeTargetGroups",
        wrong={"Names": ["none"]},
        right={"Names": ["tg-a"]},
        claim=stated("TargetGroupNotFound", "API reference, DescribeTargetGroups"),
    ),
    Row(
        what="ModifyTargetGroup on a group that is not there",
        call="elbv2 ModifyTargetGroup",
        wrong={"TargetGroupArn": _GONE, "HealthCheckPath": "/health"},
        right={"TargetGroupArn": "$a", "HealthCheckPath": "/health"},
        claim=stated("TargetGroupNotFound", "API reference, ModifyTargetGroup"),
    ),
)
CHECKS = (
    _check(
        "a health check interval of 4 s",
        {"HealthCheckIntervalSeconds": 4, "HealthCheckTimeoutSeconds": 2},
        f"{_CHECK}: 5 to 300 s",
        {"HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 2},
    ),
    _check(
        "a health check timeout as long as the interval",
        {"HealthCheckIntervalSeconds": 10, "HealthCheckTimeoutSeconds": 10},
        "ALB guide, target-group-health-checks: the timeout is less than the interval",
    ),
    _check(
        "a healthy threshold of 1", {"HealthyThresholdCount": 1}, f"{_CHECK}: 2 to 10", {"HealthyThresholdCount": 2}
    ),
    _check(
        "an unhealthy threshold of 11",
        {"UnhealthyThresholdCount": 11},
        f"{_CHECK}: 2 to 10",
        {"UnhealthyThresholdCount": 10},
    ),
    _check(
        "a matcher of 500", {"Matcher": {"HttpCode": "500"}}, f"{_CHECK}: 200 to 499", {"Matcher": {"HttpCode": "499"}}
    ),
    _check(
        "a matcher of words", {"Matcher": {"HttpCode": "ok"}}, f"{_CHECK}: codes", {"Matcher": {"HttpCode": "200-299"}}
    ),
    Row(
        what="a health check path without a slash",
        call="elbv2 ModifyTargetGroup",
        wrong={"TargetGroupArn": "$a", "HealthCheckPath": "health"},
        right={"TargetGroupArn": "$a", "HealthCheckPath": "/health"},
        claim=seen(VALIDATION, "Health check path 'health' must begin with '/'", "public reports"),
    ),
    _check("a health check on port 0", {"HealthCheckPort": "0"}, f"{_CHECK}: a port", {"HealthCheckPort": "8081"}),
    Row(
        what="health checks of addresses switched off",
        call="elbv2 ModifyTargetGroup",
        wrong={"TargetGroupArn": "$a", "HealthCheckEnabled": False},
        right={"TargetGroupArn": "$a", "HealthCheckEnabled": True},
        claim=assumed("InvalidConfigurationRequest", f"{_CHECK}: always enabled for ip"),
    ),
)
ATTRIBUTES = (
    _attribute(
        "a deregistration delay of 4000 s",
        assumed(VALIDATION, f"{_ATTRIBUTE}: 0 to 3600"),
        _DELAY,
        deregistration_delay__timeout_seconds="4000",
    ),
    _attribute(
        "a deregistration delay in words",
        assumed(VALIDATION, f"{_ATTRIBUTE}: 0 to 3600"),
        _DELAY,
        deregistration_delay__timeout_seconds="soon",
    ),
    _attribute(
        "a slow start of 10 s",
        assumed(VALIDATION, f"{_ATTRIBUTE}: 30 to 900, or 0"),
        _SLOW,
        slow_start__duration_seconds="10",
    ),
    _attribute("an unknown target group attribute", assumed(VALIDATION, _ATTRIBUTE), _DELAY, draining__seconds="10"),
    Row(
        what="one attribute twice",
        call="elbv2 ModifyTargetGroupAttributes",
        wrong={**_DELAY.params, "Attributes": _DELAY.params["Attributes"] * 2},
        right=_DELAY.params,
        claim=assumed(VALIDATION, "not documented; AWS is assumed to refuse what has no meaning"),
    ),
    _attribute(
        "a slow start beside least outstanding requests",
        assumed("InvalidConfigurationRequest", "ALB guide, edit-target-group-attributes: not with this algorithm"),
        _SLOW,
        slow_start__duration_seconds="30",
        load_balancing__algorithm__type="least_outstanding_requests",
    ),
    _attribute(
        "anomaly mitigation beside round robin",
        assumed("InvalidConfigurationRequest", f"{_ATTRIBUTE}: with weighted_random alone"),
        _RANDOM,
        load_balancing__algorithm__anomaly_mitigation="on",
    ),
    _attribute(
        "sticky targets of 0 s",
        assumed(VALIDATION, f"{_ATTRIBUTE}: 1 to 604800"),
        attributes("a", stickiness__lb_cookie__duration_seconds="1"),
        stickiness__lb_cookie__duration_seconds="0",
    ),
    _attribute(
        "an unknown type of stickiness",
        assumed(VALIDATION, f"{_ATTRIBUTE}: lb_cookie or app_cookie"),
        _COOKIE,
        stickiness__type="source_ip",
    ),
    _attribute(
        "application cookies without a name",
        assumed("InvalidConfigurationRequest", "ALB guide, sticky-sessions: the name is needed"),
        _COOKIE,
        stickiness__enabled="true",
        stickiness__type="app_cookie",
    ),
    _attribute(
        "an application cookie called AWSALBAPP",
        assumed(VALIDATION, f"{_ATTRIBUTE}: reserved prefixes"),
        _COOKIE,
        stickiness__app_cookie__cookie_name="AWSALBAPP",
    ),
)
TARGETS = (
    _targets(
        "a target outside of the network",
        {"Id": _OUTSIDE},
        assumed(VALIDATION, "API model, TargetDescription: from the subnets of the network"),
    ),
    _targets(
        "an instance in a target group of addresses",
        {"Id": "i-0123456789abcdef0"},
        seen(
            VALIDATION,
            "'i-0123456789abcdef0' is not a valid IPv4 address",
            "API model, TargetDescription; public reports",
        ),
    ),
    _targets(
        "an instance that is not there",
        {"Id": "i-0123456789abcdef0"},
        stated("InvalidTarget", "API reference, RegisterTargets"),
        "instances",
    ),
    _targets("a target on port 0", {"Id": "$address", "Port": 0}, assumed(VALIDATION, "API model, Port: 1 to 65535")),
    Row(
        what="a target in a group that is not there",
        call="elbv2 RegisterTargets",
        wrong={"TargetGroupArn": _GONE, "Targets": [{"Id": "$address"}]},
        right={"TargetGroupArn": "$a", "Targets": [{"Id": "$address"}]},
        claim=stated("TargetGroupNotFound", "API reference, RegisterTargets"),
    ),
    Row(
        what="target 1001 of a group",
        call="elbv2 RegisterTargets",
        wrong=_many("idle", 2000, 1).params,
        before=(_many("idle", 1, 999),),
        spoiled=(_many("idle", 1000, 1),),
        claim=stated("TooManyTargets", "API reference, RegisterTargets; ALB guide, load-balancer-limits"),
    ),
    Row(
        what="target 1001 of a load balancer",
        call="elbv2 RegisterTargets",
        wrong=_many("a", 2000, 1).params,
        before=(_many("a", 1, 500), _many("b", 1, 499)),
        spoiled=(_many("b", 500, 1),),
        claim=stated("TooManyTargets", "API reference, RegisterTargets; ALB guide, load-balancer-limits"),
    ),
)
ROWS = (*GROUPS, *CHECKS, *ATTRIBUTES, *TARGETS)
