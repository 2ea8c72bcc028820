"""Listeners: created, changed, refused."""

from typing import Any

import pytest

from lab.world.shop import CERTIFICATE, FIXED, Shop, fixed
from teal.lab.world.wires import AwsRefusal


@pytest.fixture
def shop() -> Shop:
    """Return a fresh shop."""
    return Shop()


def test_default_actions_are_those_of_the_default_rule(shop: Shop) -> None:
    """ModifyListener changes what DescribeRules says of the default rule, and nothing else of the listener."""
    after = shop.create("ModifyListener", ListenerArn=shop.arns["http"], DefaultActions=[shop.forward(b=1)])
    assert (after["Port"], after["Protocol"]) == (80, "HTTP")
    assert after["DefaultActions"] == shop.rules()[-1]["Actions"]
    assert shop.rules()[-1]["Conditions"] == []


DEFAULT = {"DefaultActions": [FIXED]}
LISTENERS: list[tuple[dict[str, Any], str]] = [
    ({"Protocol": "HTTP", "Port": 80}, "DuplicateListener"),
    ({"Protocol": "HTTPS", "Port": 8443}, "ValidationError"),
    ({"Protocol": "HTTPS", "Port": 8443, "Certificates": [{"CertificateArn": "x"}]}, "ValidationError"),
    ({"Protocol": "HTTPS", "Port": 8443, "Certificates": [CERTIFICATE] * 2}, "TooManyCertificates"),
    ({"Protocol": "HTTP", "Port": 81, "Certificates": [CERTIFICATE]}, "ValidationError"),
    ({"Protocol": "TCP", "Port": 81}, "ValidationError"),
    ({"Protocol": "HTTP"}, "ValidationError"),
]


@pytest.mark.parametrize(("params", "code"), LISTENERS)
def test_wrong_listeners_are_refused(shop: Shop, params: dict[str, Any], code: str) -> None:
    """A taken port, HTTPS without one certificate, and other protocols are refused."""
    assert shop.refusal("CreateListener", LoadBalancerArn=shop.arns["shop"], **DEFAULT, **params).code == code


def test_creating_an_equal_listener_again_answers_the_first(shop: Shop) -> None:
    """CreateListener is idempotent for equal settings."""
    again = shop.create(
        "CreateListener", LoadBalancerArn=shop.arns["shop"], Protocol="HTTP", Port=80, DefaultActions=[fixed("404")]
    )
    assert again["ListenerArn"] == shop.arns["http"]


def test_an_https_listener_has_its_settings_until_it_becomes_http(shop: Shop) -> None:
    """Policy and certificate are answered and kept by unrelated changes; HTTP has none of them."""
    moved = shop.create("ModifyListener", ListenerArn=shop.arns["https"], Port=8443)
    assert (moved["Port"], moved["Certificates"]) == (8443, [CERTIFICATE])
    assert moved["SslPolicy"].startswith("ELBSecurityPolicy-")
    plain = shop.create("ModifyListener", ListenerArn=shop.arns["https"], Protocol="HTTP")
    assert plain.keys() & {"Certificates", "SslPolicy"} == set()
    assert shop.refusal("ModifyListener", ListenerArn=shop.arns["https"], Port=80).code == "DuplicateListener"


def test_two_listeners_cannot_share_the_port_that_the_lab_opens(shop: Shop) -> None:
    """Port 8080 next to port 80, which the lab opens at 8080, says that it is not simulated; HTTPS may be there."""
    common = {"LoadBalancerArn": shop.arns["shop"], "Port": 8080, **DEFAULT}
    assert shop.refusal("CreateListener", Protocol="HTTP", **common).code == "NotSimulated"
    made = shop.create("CreateListener", Protocol="HTTPS", Certificates=[CERTIFICATE], **common)
    assert shop.refusal("ModifyListener", ListenerArn=made["ListenerArn"], Protocol="HTTP").code == "NotSimulated"
    shop.call("ModifyListener", ListenerArn=made["ListenerArn"], Protocol="HTTP", Port=8081)


def test_a_deleted_listener_takes_its_rules_along(shop: Shop) -> None:
    """DeleteListener deletes the rules, so that their groups are in use no more."""
    rule = shop.arns["rule"]
    assert shop.balancers.is_attached(shop.arns["a"])
    shop.call("DeleteListener", ListenerArn=shop.arns["http"])
    assert not shop.balancers.is_attached(shop.arns["a"])
    with pytest.raises(AwsRefusal, match="RuleNotFound"):
        shop.call("DeleteRule", RuleArn=rule)


def test_a_load_balancer_has_at_most_50_listeners(shop: Shop) -> None:
    """The 51st listener is refused."""
    common = {"LoadBalancerArn": shop.arns["shop"], "Protocol": "HTTP", **DEFAULT}
    for port in range(9000, 9048):
        shop.call("CreateListener", Port=port, **common)
    assert shop.refusal("CreateListener", Port=9999, **common).code == "TooManyListeners"


def test_listener_attributes_are_the_defaults(shop: Shop) -> None:
    """An HTTPS listener has the request header attributes besides those of every listener."""
    plain, secure = (
        {pair["Key"] for pair in shop.call("DescribeListenerAttributes", ListenerArn=shop.arns[name])["Attributes"]}
        for name in ("http", "https")
    )
    assert plain < secure
    assert "routing.http.response.server.enabled" in plain
