"""Rules are read whole, and a write sends back to the letter what is not teal's to change."""

from typing import Any

import pytest

from aws.canned import GROUP_A, GROUP_B, LISTENER, RULE, forward, rule
from teal.aws.fields import Fields
from teal.aws.translate_rules import actions_to, new_rule_to, rule_from
from teal.errors import UnknownAnswerError
from teal.model.traffic import Condition, Forward, Rule
from teal.ports import NewRule

Json = dict[str, Any]

OIDC_CONFIG: Json = {
    "Issuer": "https://login.example",
    "AuthorizationEndpoint": "https://login.example/authorize",
    "TokenEndpoint": "https://login.example/token",
    "UserInfoEndpoint": "https://login.example/me",
    "ClientId": "shop",
    "SessionCookieName": "AWSELBAuthSessionCookie",
    "Scope": "openid",
    "SessionTimeout": 604800,
    "AuthenticationRequestExtraParams": {"display": "page", "prompt": "login"},
    "OnUnauthenticatedRequest": "authenticate",
}
OIDC: Json = {"Type": "authenticate-oidc", "AuthenticateOidcConfig": OIDC_CONFIG, "Order": 1}
COGNITO: Json = {
    "Type": "authenticate-cognito",
    "AuthenticateCognitoConfig": {
        "UserPoolArn": "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_x",
        "UserPoolClientId": "abc",
        "UserPoolDomain": "shop",
        "SessionTimeout": 3600,
    },
    "Order": 1,
}
JWT: Json = {
    "Type": "jwt-validation",
    "JwtValidationConfig": {
        "JwksEndpoint": "https://login.example/jwks",
        "Issuer": "https://login.example",
        "AdditionalClaims": [{"Format": "single-string", "Name": "aud", "Values": ["shop"]}],
    },
    "Order": 1,
}
FUTURE: Json = {"Type": "inspect-quantum", "InspectQuantumConfig": {"Depth": [1, {"Two": None}]}, "Order": 7}
OIDC_SENT = {**OIDC, "AuthenticateOidcConfig": {**OIDC_CONFIG, "UseExistingClientSecret": True}}
TO_B = Forward(shares=((GROUP_B, 100),))


def _read(told: Json) -> Rule:
    return rule_from(Fields(told, "elbv2:DescribeRules", "Rules[]."), LISTENER)


def _groups(*shares: tuple[str, int]) -> list[Json]:
    return [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in shares]


FORWARDS: dict[str, tuple[Json, Forward]] = {
    "both ways of telling one group": (forward((GROUP_A, 1)), Forward(shares=((GROUP_A, 1),))),
    "by its ARN alone": ({"Type": "forward", "TargetGroupArn": GROUP_A}, Forward(shares=((GROUP_A, 1),))),
    "weight left out": (
        {"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": GROUP_A}]}},
        Forward(shares=((GROUP_A, 1),)),
    ),
    "two groups": (forward((GROUP_A, 95), (GROUP_B, 5)), Forward(shares=((GROUP_A, 95), (GROUP_B, 5)))),
    "weight zero": (forward((GROUP_A, 0), (GROUP_B, 1)), Forward(shares=((GROUP_A, 0), (GROUP_B, 1)))),
    "sticky": (
        forward((GROUP_A, 1), (GROUP_B, 1), sticky_s=3600),
        Forward(shares=((GROUP_A, 1), (GROUP_B, 1)), stickiness_s=3600),
    ),
}


@pytest.mark.parametrize(("action", "wanted"), FORWARDS.values(), ids=FORWARDS)
def test_forward_is_read(action: Json, wanted: Forward) -> None:
    """A forward action is read in every shape that AWS answers."""
    assert _read(rule(Actions=[action])).forward == wanted


CONDITIONS: dict[str, tuple[Json, Condition]] = {
    "old host": (
        {"Field": "host-header", "Values": ["a.example"]},
        Condition(field="host-header", values=("a.example",)),
    ),
    "new host": (
        {"Field": "host-header", "HostHeaderConfig": {"Values": ["a.example", "*.b.example"]}},
        Condition(field="host-header", values=("a.example", "*.b.example")),
    ),
    "both": (
        {"Field": "path-pattern", "Values": ["/x/*"], "PathPatternConfig": {"Values": ["/x/*"]}},
        Condition(field="path-pattern", values=("/x/*",)),
    ),
    "header": (
        {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Teal-Taste", "Values": ["abc"]}},
        Condition(field="http-header", values=("abc",), header="X-Teal-Taste"),
    ),
    "method": (
        {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET"]}},
        Condition(field="http-request-method", values=("GET",)),
    ),
    "source": (
        {"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}},
        Condition(field="source-ip", values=("10.0.0.0/8",)),
    ),
    "query": (
        {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "v", "Value": "2"}, {"Value": "x"}]}},
        Condition(field="query-string", queries=(("v", "2"), ("", "x"))),
    ),
}


@pytest.mark.parametrize(("told", "wanted"), CONDITIONS.values(), ids=CONDITIONS)
def test_condition_is_read(told: Json, wanted: Condition) -> None:
    """A condition is read in its older and its newer shape."""
    assert _read(rule(Conditions=[told])).conditions == (wanted,)


@pytest.mark.parametrize("wanted", [condition for _, condition in CONDITIONS.values()], ids=CONDITIONS)
def test_condition_goes_there_and_back(wanted: Condition) -> None:
    """What is sent to create a condition is read back as the same condition."""
    request = new_rule_to(NewRule(listener_arn=LISTENER, priority=7, conditions=(wanted,), group_arn=GROUP_A, tags={}))
    assert _read(rule(Conditions=request["Conditions"])).conditions == (wanted,)


def test_regular_expressions_equal_no_plain_value() -> None:
    """A condition by regular expression is never mistaken for one by value."""
    (condition,) = _read(
        rule(Conditions=[{"Field": "host-header", "HostHeaderConfig": {"RegexValues": ["^a$"]}}])
    ).conditions
    assert condition.values == ("regex:^a$",)


def test_rule_and_default() -> None:
    """A rule has its own ARN and priority; the default action has the listener's ARN and no priority."""
    plain, default = _read(rule(20)), _read(rule(None))
    assert (plain.arn, plain.priority, plain.is_default) == (RULE, 20, False)
    assert (default.arn, default.priority, default.is_default) == (LISTENER, None, True)
    assert {plain.listener_arn, default.listener_arn} == {LISTENER}


@pytest.mark.parametrize("action", [OIDC, COGNITO, JWT], ids=lambda action: str(action["Type"]))
def test_authentication_is_seen(action: Json) -> None:
    """Each action that authenticates marks its rule."""
    found = _read(rule(Actions=[action, forward((GROUP_A, 1), order=2)]))
    assert found.authenticates
    assert (found.forward_order, len(found.other_actions)) == (2, 1)


def test_actions_are_put_in_order() -> None:
    """The terminal action is the last by `Order`, wherever it stands in the list."""
    found = _read(rule(Actions=[forward((GROUP_A, 1), order=50), {**COGNITO, "Order": 3}]))
    assert (found.terminal, found.forward_order, found.authenticates) == ("forward", 50, True)


@pytest.mark.parametrize("kind", ["redirect", "fixed-response"])
def test_other_ends(kind: str) -> None:
    """A rule that redirects or answers by itself has no forward."""
    found = _read(rule(Actions=[{"Type": kind, "Order": 1}]))
    assert (found.terminal, found.forward, found.forward_order) == (kind, None, None)


UNKNOWN: dict[str, Json] = {
    "no actions": rule(Actions=[]),
    "actions missing": {name: value for name, value in rule().items() if name != "Actions"},
    "no type": rule(Actions=[{"Order": 1}]),
    "forward to nothing": rule(Actions=[{"Type": "forward"}]),
    "group without ARN": rule(Actions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": [{"Weight": 1}]}}]),
    "sticky for no time": rule(
        Actions=[
            {
                "Type": "forward",
                "TargetGroupArn": GROUP_A,
                "ForwardConfig": {"TargetGroupStickinessConfig": {"Enabled": True}},
            }
        ]
    ),
    "no priority": rule(Priority=None),
    "strange priority": rule(Priority="first"),
    "no ARN": rule(RuleArn=None),
    "condition without field": rule(Conditions=[{}]),
}


@pytest.mark.parametrize("told", UNKNOWN.values(), ids=UNKNOWN)
def test_incomplete_rule_is_unknown(told: Json) -> None:
    """A rule that lacks what it must have is unknown, not empty."""
    with pytest.raises(UnknownAnswerError, match="elbv2:DescribeRules"):
        _read(told)


WRITES: dict[str, tuple[list[Json], Forward, list[Json]]] = {
    "one group, nothing else": (
        [forward((GROUP_A, 1))],
        TO_B,
        [{"Type": "forward", "ForwardConfig": {"TargetGroups": _groups((GROUP_B, 100))}}],
    ),
    "one group, its own order": (
        [forward((GROUP_A, 1), order=1)],
        TO_B,
        [{"Type": "forward", "ForwardConfig": {"TargetGroups": _groups((GROUP_B, 100))}}],
    ),
    "two groups, stickiness off": (
        [forward((GROUP_A, 1))],
        Forward(shares=((GROUP_A, 95), (GROUP_B, 5))),
        [
            {
                "Type": "forward",
                "ForwardConfig": {
                    "TargetGroups": _groups((GROUP_A, 95), (GROUP_B, 5)),
                    "TargetGroupStickinessConfig": {"Enabled": False},
                },
            }
        ],
    ),
    "two groups, sticky": (
        [forward((GROUP_A, 1), sticky_s=60)],
        Forward(shares=((GROUP_A, 95), (GROUP_B, 5)), stickiness_s=60),
        [
            {
                "Type": "forward",
                "ForwardConfig": {
                    "TargetGroups": _groups((GROUP_A, 95), (GROUP_B, 5)),
                    "TargetGroupStickinessConfig": {"Enabled": True, "DurationSeconds": 60},
                },
            }
        ],
    ),
    "one group, sticky": (
        [forward((GROUP_A, 1), sticky_s=60)],
        Forward(shares=((GROUP_B, 100),), stickiness_s=60),
        [
            {
                "Type": "forward",
                "ForwardConfig": {
                    "TargetGroups": _groups((GROUP_B, 100)),
                    "TargetGroupStickinessConfig": {"Enabled": True, "DurationSeconds": 60},
                },
            }
        ],
    ),
    "oidc": (
        [OIDC, forward((GROUP_A, 1), order=2)],
        TO_B,
        [
            OIDC_SENT,
            {"Type": "forward", "ForwardConfig": {"TargetGroups": _groups((GROUP_B, 100))}, "Order": 2},
        ],
    ),
    "oidc that tells a secret": (
        [
            {**OIDC, "AuthenticateOidcConfig": {**OIDC_CONFIG, "ClientSecret": "hunter2"}},
            forward((GROUP_A, 1), order=2),
        ],
        TO_B,
        [
            OIDC_SENT,
            {"Type": "forward", "ForwardConfig": {"TargetGroups": _groups((GROUP_B, 100))}, "Order": 2},
        ],
    ),
    "cognito, wide orders": (
        [{**COGNITO, "Order": 10}, forward((GROUP_A, 1), order=500)],
        TO_B,
        [
            {**COGNITO, "Order": 10},
            {"Type": "forward", "ForwardConfig": {"TargetGroups": _groups((GROUP_B, 100))}, "Order": 500},
        ],
    ),
    "jwt": (
        [JWT, forward((GROUP_A, 1), order=2)],
        TO_B,
        [JWT, {"Type": "forward", "ForwardConfig": {"TargetGroups": _groups((GROUP_B, 100))}, "Order": 2}],
    ),
    "an action of tomorrow": (
        [FUTURE, forward((GROUP_A, 1), order=8)],
        TO_B,
        [FUTURE, {"Type": "forward", "ForwardConfig": {"TargetGroups": _groups((GROUP_B, 100))}, "Order": 8}],
    ),
}


@pytest.mark.parametrize(("there", "wanted", "sent"), WRITES.values(), ids=WRITES)
def test_write(there: list[Json], wanted: Forward, sent: list[Json]) -> None:
    """Every action is sent back to the letter and in its order; the forward is what was asked for."""
    assert actions_to(_read(rule(Actions=there)), wanted) == sent


def test_forward_without_order_comes_last() -> None:
    """A forward that never had an order gets one after all the others."""
    bare = Rule(
        arn=RULE,
        listener_arn=LISTENER,
        priority=1,
        conditions=(),
        forward=TO_B,
        other_actions=('{"Order":3,"Type":"authenticate-cognito"}',),
    )
    assert actions_to(bare, TO_B)[-1]["Order"] == 4


def test_other_actions_are_canonical() -> None:
    """Two answers that differ in the order of their keys alone are read as equal rules."""
    turned = dict(reversed(list(OIDC.items())))
    first, second = (_read(rule(Actions=[a, forward((GROUP_A, 1), order=2)])) for a in (OIDC, turned))
    assert first == second


def test_hostile_text_cannot_escape() -> None:
    """Control characters in kept actions survive to the letter, yet only as escapes in the canonical text."""
    action = {**COGNITO, "AuthenticateCognitoConfig": {"Scope": "open\x1b[2Jid\u202e"}}
    found = _read(rule(Actions=[action, forward((GROUP_A, 1), order=2)]))
    assert found.other_actions[0].isascii()
    assert found.other_actions[0].isprintable()
    assert actions_to(found, TO_B)[0] == action


def test_new_rule() -> None:
    """A new rule forwards to one group, with its conditions, priority and tags."""
    condition = Condition(field="http-header", header="X-Teal-Taste", values=("abc",))
    wanted = NewRule(
        listener_arn=LISTENER, priority=19, conditions=(condition,), group_arn=GROUP_B, tags={"teal:app": "shop"}
    )
    assert new_rule_to(wanted) == {
        "ListenerArn": LISTENER,
        "Priority": 19,
        "Conditions": [
            {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Teal-Taste", "Values": ["abc"]}}
        ],
        "Actions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": _groups((GROUP_B, 1))}}],
        "Tags": [{"Key": "teal:app", "Value": "shop"}],
    }
