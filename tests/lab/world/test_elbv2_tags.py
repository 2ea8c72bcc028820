"""Tags of load balancers, listeners, rules and target groups."""

from typing import Any

import pytest

from lab.world.shop import Shop

KINDS = ("shop", "http", "rule", "a")


@pytest.fixture
def shop() -> Shop:
    """Return a fresh shop."""
    return Shop()


def tags(shop: Shop, *names: str) -> list[dict[str, str]]:
    """Return the tags of resources."""
    answer = shop.call("DescribeTags", ResourceArns=[shop.arns[name] for name in names])
    return [{tag["Key"]: tag["Value"] for tag in found["Tags"]} for found in answer["TagDescriptions"]]


def test_every_kind_of_resource_has_tags(shop: Shop) -> None:
    """Tags are added to, overwritten on, read from and removed from all four kinds in one call."""
    arns = [shop.arns[name] for name in KINDS]
    shop.call("AddTags", ResourceArns=arns, Tags=[{"Key": "teal:app", "Value": "shop"}, {"Key": "x"}])
    shop.call("AddTags", ResourceArns=arns, Tags=[{"Key": "x", "Value": "1"}])
    assert tags(shop, *KINDS) == [{"teal:app": "shop", "x": "1"}] * 4
    shop.call("RemoveTags", ResourceArns=arns, TagKeys=["x", "never"])
    assert tags(shop, *KINDS) == [{"teal:app": "shop"}] * 4


WRONG: list[tuple[list[dict[str, str]], str]] = [
    ([{"Key": "k" * 129}], "ValidationError"),
    ([{"Key": "k", "Value": "v" * 257}], "ValidationError"),
    ([{"Key": "k", "Value": "{json}"}], "ValidationError"),
    ([{"Key": "k", "Value": 'a"b'}], "ValidationError"),
    ([{"Key": "aws:x"}], "ValidationError"),
    ([{"Key": "AWS:x"}], "ValidationError"),
    ([{"Key": "k"}, {"Key": "k"}], "DuplicateTagKeys"),
    ([{"Key": f"k{n}"} for n in range(51)], "TooManyTags"),
]


@pytest.mark.parametrize(("sent", "code"), WRONG)
def test_wrong_tags_are_refused(shop: Shop, sent: list[dict[str, str]], code: str) -> None:
    """Lengths, characters, reserved and repeated keys, and the number of tags are AWS's, also at creation."""
    assert shop.refusal("AddTags", ResourceArns=[shop.arns["rule"]], Tags=sent).code == code
    wanted: dict[str, Any] = {"Protocol": "HTTP", "Port": 80, "VpcId": "vpc-lab", "Tags": sent}
    assert shop.refusal("CreateTargetGroup", Name="x", **wanted).code == code
    assert tags(shop, "rule") == [{}]


@pytest.mark.parametrize("value", ["", "v" * 256, "a-b_c.d:e/f=g+h@i j", "Grün 绿"])
def test_allowed_values_are_kept(shop: Shop, value: str) -> None:
    """Letters, numbers and spaces of any script and the listed punctuation are kept as sent."""
    shop.call("AddTags", ResourceArns=[shop.arns["rule"]], Tags=[{"Key": "k", "Value": value}])
    assert tags(shop, "rule") == [{"k": value}]


def test_fifty_tags_are_counted_over_all_calls(shop: Shop) -> None:
    """A resource has at most 50 tags however they came; overwriting does not count."""
    shop.call("AddTags", ResourceArns=[shop.arns["rule"]], Tags=[{"Key": f"k{n}"} for n in range(50)])
    shop.call("AddTags", ResourceArns=[shop.arns["rule"]], Tags=[{"Key": "k1", "Value": "2"}])
    assert shop.refusal("AddTags", ResourceArns=[shop.arns["rule"]], Tags=[{"Key": "k50"}]).code == "TooManyTags"


def test_twenty_resources_are_described_in_one_call(shop: Shop) -> None:
    """DescribeTags takes 20 ARNs and refuses 21."""
    arns = [shop.arns["a"]] * 20
    assert len(shop.call("DescribeTags", ResourceArns=arns)["TagDescriptions"]) == 20
    assert shop.refusal("DescribeTags", ResourceArns=[*arns, shop.arns["b"]]).code == "ValidationError"


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        ("arn:aws:elasticloadbalancing:eu-west-1:000000000000:loadbalancer/app/x/1", "LoadBalancerNotFound"),
        ("arn:aws:elasticloadbalancing:eu-west-1:000000000000:listener/app/x/1/2", "ListenerNotFound"),
        ("arn:aws:elasticloadbalancing:eu-west-1:000000000000:listener-rule/app/x/1/2/3", "RuleNotFound"),
        ("arn:aws:elasticloadbalancing:eu-west-1:000000000000:targetgroup/x/1", "TargetGroupNotFound"),
        ("arn:aws:s3:::bucket", "ValidationError"),
    ],
)
def test_unknown_resources_are_refused_by_their_kind(shop: Shop, arn: str, code: str) -> None:
    """One unknown ARN refuses the whole call, and nothing is tagged."""
    both = [shop.arns["rule"], arn]
    assert shop.refusal("AddTags", ResourceArns=both, Tags=[{"Key": "k"}]).code == code
    assert shop.refusal("DescribeTags", ResourceArns=both).code == code
    assert tags(shop, "rule") == [{}]
