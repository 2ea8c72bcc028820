"""Rules: conditions, priorities, the default rule, quotas."""

from lab.conformance.row import Claim, Json, Row, Step, assumed, seen, stated
from lab.conformance.scene import FIXED, evenly, forward, group, path, rule

VALIDATION = "ValidationError"
_CONDITION = "API model, RuleCondition"
_PRIORITY = "API model, Priority: 1 to 50000"
_DEFAULT = assumed("OperationNotPermitted", "API reference; ALB guide, edit-rule: through ModifyListener alone")
_NEW: Json = {"ListenerArn": "$http", "Priority": 30, "Conditions": [path("/new")], "Actions": [FIXED]}
_GONE = (
    "arn:aws:elasticloadbalancing:eu-west-1:000000000000:listener-rule/app/shop/0123456789abcdef/0123456789abcdef/0123"
)
_HEADER: Json = {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Colour", "Values": ["green"]}}


def _rule(what: str, wrong: Json, claim: Claim, right: Json | None = None) -> Row:
    """Return a row of CreateRule: what differs from a rule that AWS accepts."""
    return Row(
        what=what, call="elbv2 CreateRule", wrong={**_NEW, **wrong}, right={**_NEW, **(right or {})}, claim=claim
    )


def _conditions(what: str, wrong: list[Json], claim: Claim, right: list[Json]) -> Row:
    return _rule(what, {"Conditions": wrong}, claim, {"Conditions": right})


def _source(block: str) -> Json:
    return {"Field": "source-ip", "SourceIpConfig": {"Values": [block]}}


def _host(name: str) -> Json:
    return {"Field": "host-header", "HostHeaderConfig": {"Values": [name]}}


def _header(name: str) -> Json:
    return {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": name, "Values": ["green"]}}


def _method(name: str) -> Json:
    return {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": [name]}}


CONDITIONS = (
    _conditions("a rule without conditions", [], assumed(VALIDATION, "API reference, CreateRule"), [path("/new")]),
    _conditions(
        "six condition values",
        [path("/1", "/2", "/3", "/4", "/5", "/6")],
        seen(
            VALIDATION, "A rule can only have '5' condition values", "ALB guide, load-balancer-limits; public reports"
        ),
        [path("/1", "/2", "/3", "/4", "/5")],
    ),
    _conditions(
        "six condition values in two conditions",
        [path("/1", "/2", "/3", "/4", "/5"), _HEADER],
        seen(
            VALIDATION, "A rule can only have '5' condition values", "ALB guide, load-balancer-limits; public reports"
        ),
        [path("/1", "/2", "/3", "/4"), _HEADER],
    ),
    _conditions(
        "seven wildcards",
        [path("/*/*/*/*", "/?/?/?")],
        assumed(VALIDATION, "ALB guide, load-balancer-limits: 6 wildcards per rule"),
        [path("/*/*/*/*", "/?/?")],
    ),
    _conditions(
        "two path conditions",
        [path("/1"), path("/2")],
        assumed(VALIDATION, f"{_CONDITION}: up to one of each"),
        [path("/1", "/2")],
    ),
    _conditions(
        "a condition on an unknown field",
        [{"Field": "cookie", "Values": ["a"]}],
        assumed(VALIDATION, f"{_CONDITION}: the possible values"),
        [_HEADER],
    ),
    _conditions(
        "a condition value of 129 characters",
        [path(f"/{'a' * 128}")],
        assumed(VALIDATION, "API model, PathPatternConditionConfig: 128 characters"),
        [path(f"/{'a' * 127}")],
    ),
    _conditions(
        "a host condition of nothing but a star",
        [_host("*")],
        seen(VALIDATION, "Condition value '*' contains a character that is not valid", "public reports"),
        [_host("*.example")],
    ),
    _conditions(
        "a source address without a prefix length",
        [_source("203.0.113.7")],
        assumed(VALIDATION, "API model, SourceIpConditionConfig: in CIDR format"),
        [_source("203.0.113.7/32")],
    ),
    _conditions(
        "a header condition on Host",
        [_header("Host")],
        assumed(VALIDATION, "API model, HttpHeaderConditionConfig: use a host condition"),
        [_header("X-Host")],
    ),
    _conditions(
        "a header name of 41 characters",
        [_header("x" * 41)],
        assumed(VALIDATION, "API model, HttpHeaderConditionConfig: 40 characters"),
        [_header("x" * 40)],
    ),
    _conditions(
        "a method in small letters",
        [_method("get")],
        assumed(VALIDATION, "API model, HttpRequestMethodConditionConfig: A to Z, hyphen, underscore"),
        [_method("GET")],
    ),
)
PRIORITIES = (
    _rule("priority 0", {"Priority": 0}, assumed(VALIDATION, _PRIORITY)),
    _rule("priority 50001", {"Priority": 50001}, assumed(VALIDATION, _PRIORITY), {"Priority": 50000}),
    _rule(
        "a priority in use",
        {"Priority": 20},
        seen("PriorityInUse", "Priority '20' is currently in use", "API reference, CreateRule; public reports"),
    ),
    Row(
        what="two rules on one priority by SetRulePriorities",
        call="elbv2 SetRulePriorities",
        wrong={"RulePriorities": [{"RuleArn": "$rule", "Priority": 20}]},
        right={"RulePriorities": [{"RuleArn": "$rule", "Priority": 20}, {"RuleArn": "$second", "Priority": 10}]},
        claim=stated("PriorityInUse", "API reference, SetRulePriorities"),
    ),
    Row(
        what="a priority for the default rule",
        call="elbv2 SetRulePriorities",
        wrong={"RulePriorities": [{"RuleArn": "$default", "Priority": 40}]},
        right={"RulePriorities": [{"RuleArn": "$rule", "Priority": 40}]},
        claim=_DEFAULT,
    ),
    Row(
        what="ModifyRule on the default rule",
        call="elbv2 ModifyRule",
        wrong={"RuleArn": "$default", "Actions": [FIXED]},
        right={"RuleArn": "$rule", "Actions": [FIXED]},
        claim=_DEFAULT,
    ),
    Row(
        what="DeleteRule on the default rule",
        call="elbv2 DeleteRule",
        wrong={"RuleArn": "$default"},
        right={"RuleArn": "$rule"},
        claim=_DEFAULT,
    ),
    Row(
        what="ModifyRule on a rule that is not there",
        call="elbv2 ModifyRule",
        wrong={"RuleArn": _GONE, "Actions": [FIXED]},
        right={"RuleArn": "$rule", "Actions": [FIXED]},
        claim=stated("RuleNotFound", "API reference, ModifyRule"),
    ),
    Row(
        what="ModifyRule that says nothing",
        call="elbv2 ModifyRule",
        wrong={"RuleArn": "$rule"},
        right={"RuleArn": "$rule", "Conditions": [path("/other")]},
        claim=assumed(VALIDATION, "API reference, ModifyRule: replaces the specified properties"),
    ),
    Row(
        what="new transforms together with their reset",
        call="elbv2 ModifyRule",
        wrong={
            "RuleArn": "$rule",
            "ResetTransforms": True,
            "Transforms": (
                made := [{"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": [{"Regex": "^/a", "Replace": "/b"}]}}]
            ),
        },
        right={"RuleArn": "$rule", "Transforms": made},
        claim=assumed(VALIDATION, "API model, ModifyRule: either of the two"),
    ),
    _rule(
        "a rule on a listener that is not there",
        {"ListenerArn": "arn:aws:elasticloadbalancing:eu-west-1:000000000000:listener/app/shop/0123456789abcdef/0123"},
        stated("ListenerNotFound", "API reference, CreateRule"),
    ),
    Row(
        what="DescribeRules by listener and by rule at once",
        call="elbv2 DescribeRules",
        wrong={"ListenerArn": "$http", "RuleArns": ["$rule"]},
        right={"RuleArns": ["$rule"]},
        claim=assumed(VALIDATION, "API reference, DescribeRules: either a listener or rules"),
    ),
    Row(
        what="a page of 401 rules",
        call="elbv2 DescribeRules",
        wrong={"ListenerArn": "$http", "PageSize": 401},
        right={"ListenerArn": "$http", "PageSize": 400},
        claim=assumed(VALIDATION, "API model, PageSize: 1 to 400"),
    ),
)


def _filled(listener: str, first: int, count: int) -> tuple[Step, ...]:
    return tuple(rule("", priority, FIXED, listener=listener) for priority in range(first, first + count))


def _many_groups(first: int, count: int) -> tuple[Step, ...]:
    """Return the creation of groups, and of rules that forward to five of them each."""
    names = [f"many-{number}" for number in range(first, first + count)]
    fives = [names[start : start + 5] for start in range(0, count, 5)]
    rules = [rule("", 1000 + first + number, evenly(*five)) for number, five in enumerate(fives)]
    return (*(group(name) for name in names), *rules)


QUOTAS = (
    Row(
        what="rule 101 of a load balancer",
        call="elbv2 CreateRule",
        wrong=_NEW,
        before=_filled("http", 100, 96),  # three rules are in the scene: with one more there are 99, and 100
        spoiled=_filled("https", 100, 1),
        claim=stated("TooManyRules", "API reference, CreateRule; ALB guide, load-balancer-limits"),
    ),
    Row(
        what="target group 101 of a load balancer",
        call="elbv2 CreateRule",
        wrong={**_NEW, "Actions": [forward(c=1)]},
        before=(*_many_groups(0, 95), *_many_groups(95, 2)),  # a and b are in use already
        spoiled=_many_groups(97, 1),
        claim=seen(
            "TooManyUniqueTargetGroupsPerLoadBalancer",
            "that you can associate with a load balancer of type 'application': [100]",
            "API reference, CreateRule; public reports",
        ),
    ),
)
ROWS = (*CONDITIONS, *PRIORITIES, *QUOTAS)
