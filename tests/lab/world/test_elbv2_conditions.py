"""Conditions of rules: what is filled in and refused."""

from typing import Any

import pytest

from lab.world.shop import Shop


@pytest.fixture
def shop() -> Shop:
    """Return a fresh shop."""
    return Shop()


def test_short_and_long_conditions_are_answered_alike(shop: Shop) -> None:
    """Values of a host or path condition are answered as Values and as the configuration structure."""
    sent = [
        {"Field": "path-pattern", "Values": ["/img/*"]},
        {"Field": "host-header", "HostHeaderConfig": {"Values": ["a.b"]}},
    ]
    assert shop.rule(30, Conditions=sent)["Conditions"] == [
        {"Field": "path-pattern", "Values": ["/img/*"], "PathPatternConfig": {"Values": ["/img/*"]}},
        {"Field": "host-header", "Values": ["a.b"], "HostHeaderConfig": {"Values": ["a.b"]}},
    ]


CONDITIONS: list[tuple[list[dict[str, Any]], str]] = [
    ([], "condition must be specified"),
    ([{"Field": "cookie", "Values": ["x"]}], "must be one of"),
    ([{"Field": "path-pattern", "Values": [f"/{n}" for n in range(6)]}], "only have '5' condition values"),
    ([{"Field": "path-pattern", "Values": ["/a"]}, {"Field": "path-pattern", "Values": ["/b"]}], "only have one"),
    ([{"Field": "path-pattern", "Values": ["/*/*/*/*/*/*/*"]}], "condition wildcards"),
    ([{"Field": "path-pattern", "Values": ["/" + "x" * 128]}], "between 1 and 128"),
    ([{"Field": "path-pattern", "Values": [""]}], "between 1 and 128"),
    ([{"Field": "path-pattern", "Values": ["/a b"]}], "contains a character that is not valid"),
    ([{"Field": "path-pattern", "PathPatternConfig": {"Values": []}}], "value must be specified"),
    ([{"Field": "host-header", "Values": ["a b"]}], "contains a character that is not valid"),
    ([{"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "Host", "Values": ["x"]}}], "host-header"),
    ([{"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "a b", "Values": ["x"]}}], "not valid"),
    ([{"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "x" * 41, "Values": ["x"]}}], "not valid"),
    ([{"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["get"]}}], "not a valid method"),
    ([{"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.1"]}}], "not a valid CIDR block"),
    ([{"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.300/32"]}}], "not a valid CIDR block"),
    ([{"Field": "source-ip", "PathPatternConfig": {"Values": ["/"]}}], "cannot be specified"),
    ([{"Field": "source-ip", "Values": ["10.0.0.0/8"]}], "'SourceIpConfig' only"),
]


@pytest.mark.parametrize(("conditions", "message"), CONDITIONS)
def test_wrong_conditions_are_refused(shop: Shop, conditions: list[dict[str, Any]], message: str) -> None:
    """What AWS does not accept as a condition is refused with ValidationError."""
    actions = [shop.forward(a=1)]
    refusal = shop.refusal(
        "CreateRule", ListenerArn=shop.arns["http"], Priority=50, Conditions=conditions, Actions=actions
    )
    assert (refusal.code, message in refusal.message) == ("ValidationError", True)


def test_regular_expressions_are_not_simulated(shop: Shop) -> None:
    """A condition that the lab could not match truthfully is refused as not simulated."""
    conditions = [{"Field": "path-pattern", "PathPatternConfig": {"RegexValues": ["^/x$"]}}]
    refusal = shop.refusal("ModifyRule", RuleArn=shop.arns["rule"], Conditions=conditions)
    assert (refusal.code, refusal.status) == ("NotSimulated", 501)
