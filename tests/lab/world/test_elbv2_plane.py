"""What the data plane is told: listeners, rules and groups as it takes them."""

from typing import Any

import pytest

from lab.world.shop import NOW_S, Shop, fixed, redirect
from teal.lab.world.elbv2 import Balancers
from teal.lab.world.ground import Ground
from teal.lab.world.wires import (
    Condition,
    FixedResponse,
    Forward,
    HealthCheck,
    ProxyListener,
    ProxyTarget,
    Redirect,
    TargetStickiness,
)


@pytest.fixture
def shop() -> Shop:
    """Return a fresh shop with a time scale of 0.1."""
    return Shop(balancers=Balancers(Ground(time_scale=0.1)))


def listener(shop: Shop) -> ProxyListener:
    """Return the only listener that is served."""
    (found,) = shop.balancers.data_plane().listeners
    return found


def test_only_plain_http_is_served(shop: Shop) -> None:
    """The HTTP listener is served on the load balancer's address, low ports higher up; HTTPS is told in the story."""
    served = listener(shop)
    assert (served.arn, served.host, served.port) == (shop.arns["http"], "127.7.255.1", 8080)
    assert served.idle_timeout_s == 60.0
    shop.call("ModifyListener", ListenerArn=shop.arns["http"], Port=1024)
    assert listener(shop).port == 1024


def test_a_listener_that_is_not_served_is_told() -> None:
    """The story says where a listener is open, and that an HTTPS listener exists in the API only."""
    ground = Ground()
    Shop(balancers=Balancers(ground))
    told = [event.message for event in ground.events if event.subject in {"shop:80", "shop:443"}]
    assert told == [
        "HTTP listener created (open at 127.7.255.1:8080)",
        "HTTPS listener created (in the API only: the lab does not serve HTTPS)",
    ]


def test_weights_are_told_as_stored(shop: Shop) -> None:
    """A forward is told with its weights, zero included; a change of weights changes nothing else."""
    before = listener(shop).rules
    shop.call("ModifyRule", RuleArn=shop.arns["rule"], Actions=[shop.forward(a=90, b=0)])
    after = listener(shop).rules
    assert after[0].action == Forward(shares=((shop.arns["a"], 90), (shop.arns["b"], 0)))
    assert (after[0].conditions, after[1:]) == (before[0].conditions, before[1:])


def test_rules_are_told_in_order_and_the_default_without_conditions(shop: Shop) -> None:
    """Rules come by priority; the default rule is last and has no conditions."""
    first = shop.rule(3)["RuleArn"]
    assert [rule.arn for rule in listener(shop).rules] == [first, shop.arns["rule"], shop.arns["default"]]
    assert listener(shop).rules[-1].conditions == ()


CONDITIONS: list[tuple[dict[str, Any], Condition]] = [
    ({"Field": "path-pattern", "Values": ["/a", "/b*"]}, Condition(field="path-pattern", values=("/a", "/b*"))),
    (
        {"Field": "host-header", "HostHeaderConfig": {"Values": ["*.shop.example"]}},
        Condition(field="host-header", values=("*.shop.example",)),
    ),
    (
        {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "Cookie", "Values": ["*taste=s*"]}},
        Condition(field="http-header", values=("*taste=s*",), header="Cookie"),
    ),
    (
        {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET", "HEAD"]}},
        Condition(field="http-request-method", values=("GET", "HEAD")),
    ),
    (
        {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "v", "Value": "2"}, {"Value": "x"}]}},
        Condition(field="query-string", values=(), queries=(("v", "2"), ("", "x"))),
    ),
    (
        {"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8", "::1/128"]}},
        Condition(field="source-ip", values=("10.0.0.0/8", "::1/128")),
    ),
]


@pytest.mark.parametrize(("sent", "told"), CONDITIONS)
def test_conditions_are_told(shop: Shop, sent: dict[str, Any], told: Condition) -> None:
    """Each kind of condition reaches the data plane with all its values."""
    shop.rule(1, Conditions=[sent])
    assert listener(shop).rules[0].conditions == (told,)


ACTIONS: list[tuple[dict[str, Any], FixedResponse | Redirect]] = [
    (fixed("503"), FixedResponse(status=503, content_type="text/plain", body="")),
    (
        redirect(Protocol="HTTPS", Port="443"),
        Redirect(status=301, protocol="HTTPS", host="#{host}", port="443", path="/#{path}", query="#{query}"),
    ),
]


@pytest.mark.parametrize(("sent", "told"), ACTIONS)
def test_answers_of_the_load_balancer_are_told(
    shop: Shop, sent: dict[str, Any], told: FixedResponse | Redirect
) -> None:
    """Fixed responses and redirects are told whole, with AWS's defaults filled in."""
    shop.rule(1, Actions=[sent])
    assert listener(shop).rules[0].action == told


def test_groups_in_use_are_told_with_what_may_be_dialled(shop: Shop) -> None:
    """Groups of HTTPS listeners count as well; draining targets, and groups that no rule uses, are not told."""
    shop.call("ModifyListener", ListenerArn=shop.arns["https"], DefaultActions=[shop.forward(b=1)])
    matcher = {"HttpCode": "200-299,404"}
    shop.call("ModifyTargetGroup", TargetGroupArn=shop.arns["b"], HealthCheckPath="/h", Matcher=matcher)
    for host in (1, 2):
        shop.balancers.register(shop.arns["b"], (f"10.7.1.{host}", 80), ("127.0.0.1", 31000 + host), NOW_S)
    shop.call("RegisterTargets", TargetGroupArn=shop.arns["a"], Targets=[{"Id": "10.7.1.3", "Port": 81}])
    shop.balancers.deregister(shop.arns["b"], ("10.7.1.1", 80), NOW_S)
    first, second = shop.balancers.data_plane().groups
    assert first.targets == (ProxyTarget(target_id="10.7.1.3", port=81, host="127.7.1.3", host_port=81),)
    assert (second.arn, second.name) == (shop.arns["b"], "tg-b")
    assert second.targets == (ProxyTarget(target_id="10.7.1.2", port=80, host="127.0.0.1", host_port=31002),)
    assert second.finishing == (("127.0.0.1", 31001),)
    assert second.health_check == HealthCheck(
        protocol="HTTP",
        port=None,
        path="/h",
        interval_s=3.0,
        timeout_s=1.0,
        healthy_count=5,
        unhealthy_count=2,
        codes=((200, 299), (404, 404)),
        start_least_s=5.0,
    )


def test_slow_start_is_told(shop: Shop) -> None:
    """The duration of slow start is told, scaled; 0 when it is off."""
    assert shop.balancers.data_plane().groups[0].slow_start_s == 0.0
    slow = [{"Key": "slow_start.duration_seconds", "Value": "60"}]
    shop.call("ModifyTargetGroupAttributes", TargetGroupArn=shop.arns["a"], Attributes=slow)
    assert shop.balancers.data_plane().groups[0].slow_start_s == 6.0


def test_stickiness_is_told(shop: Shop) -> None:
    """Durations are scaled; stickiness that is switched off is not told."""
    seconds = {"stickiness.lb_cookie.duration_seconds": "600", "stickiness.enabled": "true"}
    for key, value in seconds.items():
        sent = [{"Key": key, "Value": value}]
        shop.call("ModifyTargetGroupAttributes", TargetGroupArn=shop.arns["a"], Attributes=sent)
    sticky = {"Enabled": True, "DurationSeconds": 50}
    shop.call("ModifyRule", RuleArn=shop.arns["rule"], Actions=[shop.forward(a=1, b=1, sticky=sticky)])
    action = listener(shop).rules[0].action
    assert isinstance(action, Forward)
    assert action.sticky_s == 5.0
    assert action.sticky_targets == ((shop.arns["a"], TargetStickiness(duration_s=60.0)),)
    app = {"type": "app_cookie", "app_cookie.cookie_name": "session", "app_cookie.duration_seconds": "30"}
    sent = [{"Key": f"stickiness.{key}", "Value": value} for key, value in app.items()]
    shop.call("ModifyRule", RuleArn=shop.arns["rule"], Actions=[shop.forward(a=1)])
    shop.call("ModifyTargetGroupAttributes", TargetGroupArn=shop.arns["a"], Attributes=sent)
    action = listener(shop).rules[0].action
    assert isinstance(action, Forward)
    assert (action.sticky_s, action.sticky_targets[0][1]) == (
        0.0,
        TargetStickiness(duration_s=3.0, app_cookie="session"),
    )


def test_health_alone_does_not_change_the_wish(shop: Shop) -> None:
    """Equal states are told as equal values: reading twice gives the same."""
    assert shop.balancers.data_plane() == shop.balancers.data_plane()


def test_what_has_no_effect_in_the_lab_is_told_in_the_story() -> None:
    """Transforms and attributes that are kept but not acted upon are lines of the story; stickiness is acted upon."""
    ground = Ground()
    shop = Shop(balancers=Balancers(ground))
    ground.events.clear()
    sticky = shop.forward(a=1, b=1, sticky={"Enabled": True, "DurationSeconds": 60})
    rewrite = {"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": [{"Regex": "^/x", "Replace": "/"}]}}
    shop.call("ModifyRule", RuleArn=shop.arns["rule"], Actions=[sticky], Transforms=[rewrite])
    slow = [{"Key": "load_balancing.algorithm.type", "Value": "weighted_random"}]
    shop.call("ModifyTargetGroupAttributes", TargetGroupArn=shop.arns["a"], Attributes=slow)
    told = [event.message for event in ground.events]
    assert sum("without effect in the lab" in message for message in told) == 2


def test_the_same_seed_makes_the_same_world() -> None:
    """Two worlds with one seed answer the same ARNs, another seed others."""
    one, two, other = (Shop(balancers=Balancers(Ground(seed=seed))).arns for seed in (1, 1, 2))
    assert one == two
    assert not set(one.values()) & set(other.values())
