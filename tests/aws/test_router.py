"""The router's questions and writes, over canned answers of AWS."""

from typing import Any

import pytest

from aws.canned import BALANCER, ELB, GROUP_A, GROUP_B, LISTENER, RULE, Answer, Canned, forward, rule
from aws.test_translate_rules import COGNITO
from teal.aws.router import Elbv2Router
from teal.errors import NotFoundError, RefusedError, UnknownAnswerError, UsageError
from teal.model.spec import GroupCreate, GroupSpec
from teal.model.traffic import Forward, Listener, LoadBalancer, TargetHealth
from teal.ports import NewRule

Json = dict[str, Any]

SHOP = LoadBalancer(
    arn=BALANCER,
    name="shop",
    dns_name="shop-1.eu-west-1.elb.amazonaws.com",
    vpc_id="vpc-1",
    listeners=(Listener(arn=LISTENER, load_balancer_arn=BALANCER, port=443, protocol="HTTPS"),),
)
TOLD_BALANCER: Json = {
    "LoadBalancerArn": BALANCER,
    "DNSName": SHOP.dns_name,
    "LoadBalancerName": "shop",
    "VpcId": "vpc-1",
    "Type": "application",
    "State": {"Code": "active"},
}
TOLD_LISTENER: Json = {"ListenerArn": LISTENER, "LoadBalancerArn": BALANCER, "Port": 443, "Protocol": "HTTPS"}
ATTRIBUTES: Json = {
    "Attributes": [
        {"Key": "stickiness.enabled", "Value": "true"},
        {"Key": "deregistration_delay.timeout_seconds", "Value": "60"},
    ]
}


def _group(name: str) -> Json:
    return {
        "TargetGroupArn": f"{ELB}:targetgroup/{name}/1",
        "TargetGroupName": name,
        "Protocol": "HTTP",
        "Port": 8080,
        "VpcId": "vpc-1",
        "TargetType": "ip",
        "ProtocolVersion": "HTTP1",
        "LoadBalancerArns": [BALANCER],
    }


def _there(field: str, things: dict[str, Json], key: str = "Names") -> Any:  # noqa: ANN401 - a canned answer
    """Answer as AWS does: refuse the whole question when one of the names is not there."""

    def answer(params: Json) -> Json:
        if any(name not in things for name in params[key]):
            raise NotFoundError("One or more not found", code=f"{field}NotFound", operation=f"elbv2:Describe{field}s")
        return {f"{field}s": [things[name] for name in params[key]]}

    return answer


def _shop(**more: Any) -> Canned:  # noqa: ANN401 - canned answers
    balancers = {"shop": TOLD_BALANCER, BALANCER: TOLD_BALANCER}

    def described(params: Json) -> Json:
        key = "Names" if "Names" in params else "LoadBalancerArns"
        found: Json = _there("LoadBalancer", balancers, key)(params)
        return found

    return Canned({
        "elbv2:DescribeLoadBalancers": described,
        "elbv2:DescribeListeners": {"Listeners": [TOLD_LISTENER]},
        "elbv2:DescribeTargetGroupAttributes": ATTRIBUTES,
        **{f"elbv2:{name}": value for name, value in more.items()},
    })  # fmt: skip


def test_load_balancers() -> None:
    """By name or ARN, with listeners; the same one twice is one; missing ones are left out."""
    canned = _shop()
    assert Elbv2Router(canned).load_balancers(["shop", "gone", BALANCER]) == (SHOP,)


def test_load_balancers_are_read_once() -> None:
    """A second question about the same load balancer costs no call, by whichever of its names."""
    canned = _shop()
    router = Elbv2Router(canned)
    router.load_balancers(["shop"])
    asked = len(canned.asked)
    assert router.load_balancers([BALANCER, "shop"]) == (SHOP,)
    assert len(canned.asked) == asked == 2


PLACES = {
    "rule": (RULE, BALANCER),
    "listener": (LISTENER, BALANCER),
    "load balancer": (BALANCER, BALANCER),
    "china": (
        "arn:aws-cn:elasticloadbalancing:cn-north-1:1:listener-rule/app/x/1/2/3",
        "arn:aws-cn:elasticloadbalancing:cn-north-1:1:loadbalancer/app/x/1",
    ),
}


@pytest.mark.parametrize(("arn", "wanted"), PLACES.values(), ids=PLACES)
def test_load_balancer_of(arn: str, wanted: str) -> None:
    """The load balancer is in the text of the ARN; AWS is not asked."""
    assert Elbv2Router(Canned()).load_balancer_of(arn) == wanted


@pytest.mark.parametrize("arn", ["", "shop", GROUP_A, "arn:aws:elasticloadbalancing:r:1:listener/app/x", "a/b/c/d"])
def test_load_balancer_of_nonsense(arn: str) -> None:
    """Other ARNs are refused as a mistake of the configuration."""
    with pytest.raises(UsageError, match="not the ARN"):
        Elbv2Router(Canned()).load_balancer_of(arn)


def test_rules_in_order_of_precedence() -> None:
    """All pages, sorted by priority as numbers, the default action last."""
    pages = {
        None: {"Rules": [rule(None), rule(100, arn=f"{RULE}1")], "NextMarker": "m"},
        "m": {"Rules": [rule(20, arn=f"{RULE}2")]},
    }
    canned = _shop(DescribeRules=lambda params: pages[params.get("Marker")])
    found = Elbv2Router(canned).rules(SHOP)
    assert [(r.priority, r.arn) for r in found] == [(20, f"{RULE}2"), (100, f"{RULE}1"), (None, LISTENER)]


@pytest.mark.parametrize("answer", [{}, {"Rules": []}, {"Rules": [rule(20)]}], ids=["garbled", "empty", "no default"])
def test_rules_without_default_are_unknown(answer: Json) -> None:
    """A listener always has a default rule; an answer without one is not "no rules"."""
    with pytest.raises(UnknownAnswerError, match="elbv2:DescribeRules"):
        Elbv2Router(_shop(DescribeRules=answer)).rules(SHOP)


def test_tags_in_batches() -> None:
    """DescribeTags takes twenty ARNs at a time; tags are cleaned."""

    def answer(params: Json) -> Json:
        return {
            "TagDescriptions": [
                {"ResourceArn": arn, "Tags": [{"Key": "k", "Value": f"v\x1b{arn}"}]} for arn in params["ResourceArns"]
            ]
        }

    canned = Canned({"elbv2:DescribeTags": answer})
    arns = [f"arn:{i}" for i in range(45)]
    assert Elbv2Router(canned).tags([*arns, *arns]) == {arn: {"k": f"v{arn}"} for arn in arns}
    assert [len(params["ResourceArns"]) for params in canned.sent("elbv2:DescribeTags")] == [20, 20, 5]


def test_tags_left_untold_are_unknown() -> None:
    """An answer that passes over a rule does not mean that it has no tags."""
    canned = Canned({"elbv2:DescribeTags": {"TagDescriptions": []}})
    with pytest.raises(UnknownAnswerError, match="does not tell the tags of arn:1"):
        Elbv2Router(canned).tags(["arn:1"])


def test_tags_of_a_rule_that_went_away() -> None:
    """One rule that is gone does not hide the tags of the others."""

    def answer(params: Json) -> Json:
        if "arn:gone" in params["ResourceArns"]:
            raise NotFoundError("gone", code="RuleNotFound", operation="elbv2:DescribeTags")
        return {"TagDescriptions": [{"ResourceArn": arn, "Tags": []} for arn in params["ResourceArns"]]}

    assert Elbv2Router(Canned({"elbv2:DescribeTags": answer})).tags(["arn:1", "arn:gone"]) == {"arn:1": {}}


def test_groups_with_attributes() -> None:
    """Groups by name, with stickiness and deregistration delay; one call for those that all exist."""
    canned = _shop(DescribeTargetGroups=_there("TargetGroup", {"a": _group("a"), "b": _group("b")}))
    found = Elbv2Router(canned).groups(["a", "b"])
    assert set(found) == {"a", "b"}
    assert (found["a"].sticky, found["a"].deregistration_delay_s, found["a"].port) == (True, 60, 8080)
    assert found["a"].load_balancer_arns == (BALANCER,)
    assert len(canned.sent("elbv2:DescribeTargetGroups")) == 1


def test_groups_that_are_missing() -> None:
    """When one is missing each is asked for alone, and only the missing one is left out."""
    canned = _shop(DescribeTargetGroups=_there("TargetGroup", {"a": _group("a"), "b": _group("b")}))
    assert set(Elbv2Router(canned).groups(["a", "gone", "b"])) == {"a", "b"}
    assert len(canned.sent("elbv2:DescribeTargetGroups")) == 4
    assert Elbv2Router(canned).groups(["gone"]) == {}


def test_attributes_are_read_once() -> None:
    """The attributes of a group are asked for once; the group itself each time."""
    canned = _shop(DescribeTargetGroups=_there("TargetGroup", {"a": _group("a")}))
    router = Elbv2Router(canned)
    for _ in range(3):
        router.groups(["a"])
    assert len(canned.sent("elbv2:DescribeTargetGroupAttributes")) == 1
    assert len(canned.sent("elbv2:DescribeTargetGroups")) == 3


def test_group_without_attributes_is_unknown() -> None:
    """A garbled answer about attributes does not turn into defaults."""
    canned = _shop(
        DescribeTargetGroups=_there("TargetGroup", {"a": _group("a")}), DescribeTargetGroupAttributes={"Attributes": []}
    )
    with pytest.raises(UnknownAnswerError, match="deregistration_delay"):
        Elbv2Router(canned).groups(["a"])


def test_health() -> None:
    """Targets with state, reason and description as AWS words them."""
    told = {
        "TargetHealthDescriptions": [
            {"Target": {"Id": "10.0.0.1", "Port": 8080}, "TargetHealth": {"State": "healthy"}},
            {
                "Target": {"Id": "10.0.0.2", "Port": 8080},
                "TargetHealth": {
                    "State": "unhealthy",
                    "Reason": "Target.ResponseCodeMismatch",
                    "Description": "Health checks failed with these codes: [500]\x07",
                },
            },
        ]
    }
    assert Elbv2Router(Canned({"elbv2:DescribeTargetHealth": told})).health(GROUP_A) == (
        TargetHealth(target_id="10.0.0.1", port=8080, state="healthy"),
        TargetHealth(
            target_id="10.0.0.2",
            port=8080,
            state="unhealthy",
            reason="Target.ResponseCodeMismatch",
            description="Health checks failed with these codes: [500]",
        ),
    )


@pytest.mark.parametrize("told", [{}, {"TargetHealthDescriptions": [{"Target": {"Id": "10.0.0.1"}}]}])
def test_unknown_health(told: Json) -> None:
    """No list of targets, or a target without a state, is unknown."""
    with pytest.raises(UnknownAnswerError):
        Elbv2Router(Canned({"elbv2:DescribeTargetHealth": told})).health(GROUP_A)


def test_write_to_a_rule_sends_two_fields() -> None:
    """ModifyRule gets the ARN and the actions, and nothing else."""
    canned = _shop(DescribeRules={"Rules": [rule(20), rule(None)]}, ModifyRule={"Rules": [rule(20)]})
    router = Elbv2Router(canned)
    router.write_forward(router.rules(SHOP)[0], Forward(shares=((GROUP_B, 100),)))
    forwarded = {"TargetGroups": [{"TargetGroupArn": GROUP_B, "Weight": 100}]}
    assert canned.sent("elbv2:ModifyRule") == [
        {"RuleArn": RULE, "Actions": [{"Type": "forward", "ForwardConfig": forwarded}]}
    ]


def test_write_to_a_default_action_sends_two_fields() -> None:
    """A default action goes through ModifyListener, with its other actions and nothing else."""
    told = rule(None, Actions=[COGNITO, forward((GROUP_A, 1), order=2)])
    canned = _shop(DescribeRules={"Rules": [told]}, ModifyListener={"Listeners": [TOLD_LISTENER]})
    router = Elbv2Router(canned)
    router.write_forward(router.rules(SHOP)[0], Forward(shares=((GROUP_B, 100),)))
    forwarded = {"TargetGroups": [{"TargetGroupArn": GROUP_B, "Weight": 100}]}
    assert canned.sent("elbv2:ModifyListener") == [
        {
            "ListenerArn": LISTENER,
            "DefaultActions": [COGNITO, {"Type": "forward", "ForwardConfig": forwarded, "Order": 2}],
        }
    ]


def test_garbled_answer_to_a_write_is_unknown() -> None:
    """A write whose answer says nothing has not been confirmed."""
    canned = _shop(DescribeRules={"Rules": [rule(20), rule(None)]}, ModifyRule={})
    router = Elbv2Router(canned)
    with pytest.raises(UnknownAnswerError, match="elbv2:ModifyRule"):
        router.write_forward(router.rules(SHOP)[0], Forward(shares=((GROUP_B, 100),)))


def test_refusals_pass_through() -> None:
    """What AWS refuses is raised as it is."""
    refusal = RefusedError("in use", code="PriorityInUse", operation="elbv2:CreateRule")
    wanted = NewRule(listener_arn=LISTENER, priority=1, conditions=(), group_arn=GROUP_A, tags={})
    with pytest.raises(RefusedError, match="PriorityInUse"):
        Elbv2Router(Canned({"elbv2:CreateRule": refusal})).create_rule(wanted)


def test_create_group() -> None:
    """All that the configuration says is sent; the delay is an attribute, set afterwards."""
    canned = Canned({
        "elbv2:CreateTargetGroup": {"TargetGroups": [_group("shop-b")]},
        "elbv2:ModifyTargetGroupAttributes": {"Attributes": []},
    })  # fmt: skip
    create = GroupCreate(health_path="/health", health_codes="200-299", deregistration_delay_s=30)
    group = GroupSpec(name="shop-b", container="web", port=8080, create=create)
    Elbv2Router(canned).create_group(group, "vpc-1", {"teal:app": "shop"})
    assert canned.sent("elbv2:CreateTargetGroup") == [
        {
            "Name": "shop-b",
            "TargetType": "ip",
            "Protocol": "HTTP",
            "ProtocolVersion": "HTTP1",
            "Port": 80,
            "VpcId": "vpc-1",
            "HealthCheckEnabled": True,
            "HealthCheckProtocol": "HTTP",
            "HealthCheckPort": "traffic-port",
            "HealthCheckPath": "/health",
            "HealthCheckIntervalSeconds": 30,
            "HealthCheckTimeoutSeconds": 5,
            "HealthyThresholdCount": 5,
            "UnhealthyThresholdCount": 2,
            "Matcher": {"HttpCode": "200-299"},
            "Tags": [{"Key": "teal:app", "Value": "shop"}],
        }
    ]
    delay = {"Key": "deregistration_delay.timeout_seconds", "Value": "30"}
    assert canned.sent("elbv2:ModifyTargetGroupAttributes") == [
        {"TargetGroupArn": f"{ELB}:targetgroup/shop-b/1", "Attributes": [delay]}
    ]


def test_create_group_for_grpc() -> None:
    """A gRPC group is checked by gRPC codes; no tags and no delay mean no field and no second call."""
    canned = Canned({"elbv2:CreateTargetGroup": {"TargetGroups": [_group("g")]}})
    create = GroupCreate(protocol_version="GRPC", health_codes="0-99")
    Elbv2Router(canned).create_group(GroupSpec(name="g", container="web", port=1, create=create), "vpc-1", {})
    (sent,) = canned.sent("elbv2:CreateTargetGroup")
    assert sent["Matcher"] == {"GrpcCode": "0-99"}
    assert "Tags" not in sent
    assert len(canned.asked) == 1


def test_create_group_needs_to_know_how() -> None:
    """A group that is not there and has no `create:` is a mistake of the configuration."""
    with pytest.raises(UsageError, match="does not say how to make it"):
        Elbv2Router(Canned()).create_group(GroupSpec(name="g", container="web", port=1), "vpc-1", {})


def test_delete_rule_twice() -> None:
    """Deleting a rule that is not there any more is fine."""
    gone = NotFoundError("gone", code="RuleNotFound", operation="elbv2:DeleteRule")
    answers: tuple[Answer, ...] = ({}, gone)
    for answer in answers:
        Elbv2Router(Canned({"elbv2:DeleteRule": answer})).delete_rule(RULE)


def test_tag_in_one_call() -> None:
    """All rules get their tags in one call."""
    canned = Canned({"elbv2:AddTags": {}})
    Elbv2Router(canned).tag([RULE, LISTENER], {"teal:move": "m1.a.b.shift.1"})
    assert canned.sent("elbv2:AddTags") == [
        {"ResourceArns": [RULE, LISTENER], "Tags": [{"Key": "teal:move", "Value": "m1.a.b.shift.1"}]}
    ]
