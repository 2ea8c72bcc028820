"""Rules: order, identity, partial changes, refusals."""

from typing import Any

import pytest

from lab.world.shop import FIXED, HEADER, Shop


@pytest.fixture
def shop() -> Shop:
    """Return a fresh shop."""
    return Shop()


def test_rules_are_answered_in_order_of_priority_and_the_default_last(shop: Shop) -> None:
    """DescribeRules sorts by priority as a number; the default rule is last and says so."""
    for priority in (100, 3):
        shop.rule(priority)
    assert [rule["Priority"] for rule in shop.rules()] == ["3", "20", "100", "default"]
    assert [rule["IsDefault"] for rule in shop.rules()] == [False, False, False, True]


def test_arns_tell_where_a_rule_belongs(shop: Shop) -> None:
    """A rule's ARN is its listener's with one more segment, the listener's the load balancer's with one more."""
    listener = shop.arns["http"]
    assert shop.arns["shop"].split("/")[:-1] == [shop.arns["shop"].split("/")[0], "app", "shop"]
    assert listener.rpartition("/")[0] == shop.arns["shop"].replace(":loadbalancer/", ":listener/")
    for name in ("rule", "default"):
        assert shop.arns[name].rpartition("/")[0] == listener.replace(":listener/", ":listener-rule/")


def test_a_change_of_actions_leaves_everything_else(shop: Shop) -> None:
    """ModifyRule with actions alone keeps conditions, transforms, priority and tags; ResetTransforms removes them."""
    rewrite = {"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": [{"Regex": "^/x", "Replace": "/"}]}}
    made = shop.rule(30, Transforms=[rewrite], Tags=[{"Key": "teal:app", "Value": "shop"}])
    after = shop.create("ModifyRule", RuleArn=made["RuleArn"], Actions=[shop.forward(b=1)])
    assert {**after, "Actions": None} == {**made, "Actions": None}
    (tags,) = shop.call("DescribeTags", ResourceArns=[made["RuleArn"]])["TagDescriptions"]
    assert tags["Tags"] == [{"Key": "teal:app", "Value": "shop"}]
    assert "Transforms" not in shop.create("ModifyRule", RuleArn=made["RuleArn"], ResetTransforms=True)


def test_an_answer_is_a_copy(shop: Shop) -> None:
    """Changing an answer changes nothing in the world."""
    shop.rules()[0]["Actions"][0]["ForwardConfig"]["TargetGroups"][0]["Weight"] = 77
    assert shop.rules()[0]["Actions"][0]["ForwardConfig"]["TargetGroups"][0]["Weight"] == 1


def test_priorities_swap_in_one_call(shop: Shop) -> None:
    """SetRulePriorities may swap, and may repeat what already is."""
    other = shop.rule(30)["RuleArn"]
    for mine, theirs in ((30, 20), (30, 20)):
        pairs = [{"RuleArn": shop.arns["rule"], "Priority": mine}, {"RuleArn": other, "Priority": theirs}]
        shop.call("SetRulePriorities", RulePriorities=pairs)
        assert [rule["RuleArn"] for rule in shop.rules()[:2]] == [other, shop.arns["rule"]]


def test_the_default_rule_is_its_listeners(shop: Shop) -> None:
    """The default rule can be modified, deleted or reordered by no rule operation."""
    arn = shop.arns["default"]
    refusals = [
        shop.refusal("ModifyRule", RuleArn=arn, Actions=[shop.forward(a=1)]),
        shop.refusal("DeleteRule", RuleArn=arn),
        shop.refusal("SetRulePriorities", RulePriorities=[{"RuleArn": arn, "Priority": 1}]),
    ]
    assert {refusal.code for refusal in refusals} == {"OperationNotPermitted"}


@pytest.mark.parametrize(
    ("priority", "code"), [(20, "PriorityInUse"), (0, "ValidationError"), (50001, "ValidationError")]
)
def test_priorities_are_unique_and_in_range(shop: Shop, priority: int, code: str) -> None:
    """A priority that another rule has, or out of 1 to 50000, is refused on create and on reorder."""
    common = {"Conditions": [HEADER], "Actions": [shop.forward(a=1)]}
    other = shop.rule(30)["RuleArn"]
    create = shop.refusal("CreateRule", ListenerArn=shop.arns["http"], Priority=priority, **common)
    reorder = shop.refusal("SetRulePriorities", RulePriorities=[{"RuleArn": other, "Priority": priority}])
    assert (create.code, reorder.code) == (code, code)


def test_a_load_balancer_has_at_most_100_rules(shop: Shop) -> None:
    """The 101st rule over all listeners is refused; default rules do not count."""
    for priority in range(100, 199):
        shop.rule(priority, ("http", "https")[priority % 2])
    common = {"Conditions": [HEADER], "Actions": [shop.forward(a=1)]}
    assert shop.refusal("CreateRule", ListenerArn=shop.arns["http"], Priority=1, **common).code == "TooManyRules"


def test_a_group_belongs_to_one_load_balancer(shop: Shop) -> None:
    """A group in use behind one load balancer is refused behind another, until no rule uses it any more."""
    other = shop.create("CreateLoadBalancer", Name="other", Subnets=["subnet-a", "subnet-b"])["LoadBalancerArn"]
    wanted = {"LoadBalancerArn": other, "Protocol": "HTTP", "Port": 80, "DefaultActions": [shop.forward(a=1)]}
    assert shop.refusal("CreateListener", **wanted).code == "TargetGroupAssociationLimit"
    shop.call("DeleteRule", RuleArn=shop.arns["rule"])
    shop.call("CreateListener", **wanted)
    (group,) = shop.call("DescribeTargetGroups", LoadBalancerArn=other)["TargetGroups"]
    assert (group["TargetGroupName"], group["LoadBalancerArns"]) == ("tg-a", [other])


RULE = {"Priority": 1, "Conditions": [HEADER], "Actions": [FIXED]}
LISTENER = {"Protocol": "HTTP", "Port": 1, "DefaultActions": [FIXED]}
NOT_FOUND: list[tuple[str, dict[str, Any], str]] = [
    ("ModifyRule", {"RuleArn": "arn:x", "Actions": [FIXED]}, "RuleNotFound"),
    ("DeleteRule", {"RuleArn": "arn:x"}, "RuleNotFound"),
    ("DescribeRules", {"RuleArns": ["arn:x"]}, "RuleNotFound"),
    ("SetRulePriorities", {"RulePriorities": [{"RuleArn": "arn:x", "Priority": 1}]}, "RuleNotFound"),
    ("DescribeRules", {"ListenerArn": "arn:x"}, "ListenerNotFound"),
    ("CreateRule", {"ListenerArn": "arn:x", **RULE}, "ListenerNotFound"),
    ("DeleteListener", {"ListenerArn": "arn:x"}, "ListenerNotFound"),
    ("DescribeListenerAttributes", {"ListenerArn": "arn:x"}, "ListenerNotFound"),
    ("DescribeListeners", {"LoadBalancerArn": "arn:x"}, "LoadBalancerNotFound"),
    ("CreateListener", {"LoadBalancerArn": "arn:x", **LISTENER}, "LoadBalancerNotFound"),
    ("DescribeRules", {}, "ValidationError"),
    ("DescribeListeners", {"LoadBalancerArn": "arn:x", "ListenerArns": ["arn:x"]}, "ValidationError"),
]


@pytest.mark.parametrize(("operation", "params", "code"), NOT_FOUND)
def test_what_is_not_there_is_refused_by_its_kind(
    shop: Shop, operation: str, params: dict[str, Any], code: str
) -> None:
    """An unknown ARN is refused with the code of its kind."""
    assert shop.refusal(operation, **params).code == code


def test_lists_come_in_pages(shop: Shop) -> None:
    """Marker and PageSize walk through all rules once, in order; a wrong marker is refused."""
    for priority in (1, 2, 3):
        shop.rule(priority)
    seen: list[str] = []
    marker: dict[str, Any] = {}
    for _ in range(5):
        answer = shop.call("DescribeRules", ListenerArn=shop.arns["http"], PageSize=2, **marker)
        seen += [rule["Priority"] for rule in answer["Rules"]]
        if "NextMarker" not in answer:
            break
        marker = {"Marker": answer["NextMarker"]}
    assert seen == ["1", "2", "3", "20", "default"]
    assert shop.refusal("DescribeRules", ListenerArn=shop.arns["http"], Marker="x").code == "ValidationError"
    assert shop.refusal("DescribeRules", ListenerArn=shop.arns["http"], PageSize=401).code == "ValidationError"


def test_unknown_operations_say_so(shop: Shop) -> None:
    """What is not simulated is refused with a typed answer."""
    refusal = shop.refusal("CreateTrustStore", Name="x")
    assert (refusal.code, refusal.status) == ("NotSimulated", 501)
    assert refusal.message == "teal's lab does not simulate elbv2 CreateTrustStore"


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"Transforms": [{"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": []}}]},
        {"Transforms": [{"Type": "url-rewrite"}] * 2},
        {"Transforms": [{"Type": "url-rewrite"}], "ResetTransforms": True},
    ],
)
def test_empty_and_wrong_changes_are_refused(shop: Shop, change: dict[str, Any]) -> None:
    """ModifyRule with nothing to change, or with transforms that AWS does not take, is refused."""
    assert shop.refusal("ModifyRule", RuleArn=shop.arns["rule"], **change).code == "ValidationError"


def test_two_rules_cannot_be_given_one_priority(shop: Shop) -> None:
    """SetRulePriorities changes nothing when the result would clash, or when a rule is named twice."""
    other = shop.rule(30)["RuleArn"]
    clash = [{"RuleArn": arn, "Priority": 5} for arn in (shop.arns["rule"], other)]
    assert shop.refusal("SetRulePriorities", RulePriorities=clash).code == "PriorityInUse"
    twice = [{"RuleArn": other, "Priority": priority} for priority in (5, 6)]
    assert shop.refusal("SetRulePriorities", RulePriorities=twice).code == "ValidationError"
