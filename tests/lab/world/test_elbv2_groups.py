"""Target groups and load balancers: settings, attributes, limits, deletion."""

from typing import Any

import pytest

from lab.world.shop import Shop

GROUP = {"Name": "x", "Protocol": "HTTP", "Port": 8080, "VpcId": "vpc-lab", "TargetType": "ip"}
SUBNETS = ["subnet-a", "subnet-b"]


@pytest.fixture
def shop() -> Shop:
    """Return a fresh shop."""
    return Shop()


def attributes(shop: Shop, operation: str, **params: object) -> dict[str, str]:
    """Return attributes by key."""
    return {pair["Key"]: pair["Value"] for pair in shop.call(operation, **params)["Attributes"]}


def test_a_new_group_has_the_defaults(shop: Shop) -> None:
    """A target group is answered with its settings, AWS's defaults and no load balancer."""
    made = shop.create("CreateTargetGroup", **GROUP)
    arn = made.pop("TargetGroupArn")
    assert ":targetgroup/x/" in arn
    assert made == {
        "TargetGroupName": "x",
        "Protocol": "HTTP",
        "ProtocolVersion": "HTTP1",
        "Port": 8080,
        "VpcId": "vpc-lab",
        "TargetType": "ip",
        "IpAddressType": "ipv4",
        "HealthCheckProtocol": "HTTP",
        "HealthCheckPort": "traffic-port",
        "HealthCheckEnabled": True,
        "HealthCheckIntervalSeconds": 30,
        "HealthCheckTimeoutSeconds": 5,
        "HealthyThresholdCount": 5,
        "UnhealthyThresholdCount": 2,
        "HealthCheckPath": "/",
        "Matcher": {"HttpCode": "200"},
        "LoadBalancerArns": [],
    }


def test_creating_an_equal_group_again_answers_the_first(shop: Shop) -> None:
    """CreateTargetGroup is idempotent for equal settings and refused for others."""
    first, again = (shop.create("CreateTargetGroup", **GROUP) for _ in range(2))
    assert first == again
    assert shop.refusal("CreateTargetGroup", **GROUP | {"Port": 81}).code == "DuplicateTargetGroupName"
    assert shop.refusal("CreateTargetGroup", **GROUP, HealthCheckPath="/h").code == "DuplicateTargetGroupName"


def test_a_region_has_3000_target_groups(shop: Shop) -> None:
    """The quota of the region can be reached, and not exceeded."""
    for number in range(3000 - len("abcdef")):
        shop.group(f"many-{number}")
    assert shop.refusal("CreateTargetGroup", **GROUP).code == "TooManyTargetGroups"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"Name": "-x"}, "ValidationError"),
    ({"Name": "x" * 33}, "ValidationError"),
    ({"Name": "a_b"}, "ValidationError"),
    ({"VpcId": "vpc-other"}, "ValidationError"),
    ({"HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 5}, "ValidationError"),
    ({"HealthCheckIntervalSeconds": 301}, "ValidationError"),
    ({"HealthyThresholdCount": 11}, "ValidationError"),
    ({"HealthCheckPath": "health"}, "ValidationError"),
    ({"HealthCheckPort": "http"}, "ValidationError"),
    ({"HealthCheckPort": "65536"}, "ValidationError"),
    ({"HealthCheckProtocol": "TCP"}, "ValidationError"),
    ({"HealthCheckEnabled": False}, "InvalidConfigurationRequest"),
    ({"Matcher": {"HttpCode": "200-"}}, "ValidationError"),
    ({"Matcher": {"HttpCode": "299-200"}}, "ValidationError"),
    ({"Matcher": {"HttpCode": "500"}}, "ValidationError"),
    ({"Matcher": {"GrpcCode": "0"}}, "ValidationError"),
    ({"HealthCheckProtocol": "HTTPS"}, "NotSimulated"),
    ({"Protocol": "HTTPS"}, "NotSimulated"),
    ({"ProtocolVersion": "GRPC"}, "NotSimulated"),
    ({"TargetType": "lambda"}, "NotSimulated"),
    ({"IpAddressType": "ipv6"}, "NotSimulated"),
]


@pytest.mark.parametrize(("change", "code"), WRONG)
def test_wrong_groups_are_refused(shop: Shop, change: dict[str, Any], code: str) -> None:
    """What AWS refuses of a new group is refused; what the lab cannot do says so."""
    assert shop.refusal("CreateTargetGroup", **GROUP | change).code == code


@pytest.mark.parametrize("missing", ["Protocol", "Port", "VpcId"])
def test_a_group_needs_protocol_port_and_vpc(shop: Shop, missing: str) -> None:
    """A group of addresses without one of them is refused."""
    params = {name: value for name, value in GROUP.items() if name != missing}
    assert shop.refusal("CreateTargetGroup", **params).code == "ValidationError"


def test_only_the_health_check_of_a_group_changes(shop: Shop) -> None:
    """ModifyTargetGroup replaces what was sent and refuses a wrong combination with what was there."""
    arn = shop.arns["a"]
    after = shop.create(
        "ModifyTargetGroup", TargetGroupArn=arn, HealthCheckPath="/h", Matcher={"HttpCode": "200-299,404"}
    )
    assert (after["HealthCheckPath"], after["HealthCheckIntervalSeconds"]) == ("/h", 30)
    assert shop.refusal("ModifyTargetGroup", TargetGroupArn=arn, HealthCheckTimeoutSeconds=30).code == "ValidationError"


def test_the_load_balancers_of_a_group_follow_its_rules(shop: Shop) -> None:
    """LoadBalancerArns is there while some rule or default action forwards to the group, and only then."""

    def balancers() -> list[str]:
        (group,) = shop.call("DescribeTargetGroups", Names=["tg-b"])["TargetGroups"]
        return list(group["LoadBalancerArns"])

    assert balancers() == []
    shop.call("ModifyRule", RuleArn=shop.arns["rule"], Actions=[shop.forward(a=1, b=0)])
    assert balancers() == [shop.arns["shop"]]
    shop.call("ModifyRule", RuleArn=shop.arns["rule"], Actions=[shop.forward(a=1)])
    assert balancers() == []
    shop.call("ModifyListener", ListenerArn=shop.arns["https"], DefaultActions=[shop.forward(b=1)])
    assert balancers() == [shop.arns["shop"]]


def test_a_group_in_use_cannot_be_deleted(shop: Shop) -> None:
    """DeleteTargetGroup is refused while a rule forwards to it, and succeeds twice afterwards."""
    refusal = shop.refusal("DeleteTargetGroup", TargetGroupArn=shop.arns["a"])
    assert (refusal.code, "is currently in use by a listener or a rule" in refusal.message) == ("ResourceInUse", True)
    shop.call("DeleteRule", RuleArn=shop.arns["rule"])
    for _ in range(2):
        assert shop.call("DeleteTargetGroup", TargetGroupArn=shop.arns["a"]) == {}
    assert not shop.balancers.group_exists(shop.arns["a"])
    refusal = shop.refusal("DescribeTargetGroups", TargetGroupArns=[shop.arns["a"]])
    assert (refusal.code, refusal.message) == ("TargetGroupNotFound", "One or more target groups not found")


GROUP_ATTRIBUTES: list[tuple[dict[str, str], str]] = [
    ({"deregistration_delay.timeout_seconds": "3601"}, "ValidationError"),
    ({"deregistration_delay.timeout_seconds": "-1"}, "ValidationError"),
    ({"deregistration_delay.timeout_seconds": "soon"}, "ValidationError"),
    ({"slow_start.duration_seconds": "10"}, "ValidationError"),
    ({"slow_start.duration_seconds": "901"}, "ValidationError"),
    ({"stickiness.enabled": "yes"}, "ValidationError"),
    ({"stickiness.type": "source_ip"}, "ValidationError"),
    ({"stickiness.app_cookie.cookie_name": "AWSALBX"}, "ValidationError"),
    ({"stickiness.app_cookie.cookie_name": "x" * 1025}, "ValidationError"),
    ({"stickiness.enabled": "true", "stickiness.type": "app_cookie"}, "InvalidConfigurationRequest"),
    ({"no.such.key": "1"}, "ValidationError"),
    (
        {"load_balancing.algorithm.type": "least_outstanding_requests", "slow_start.duration_seconds": "30"},
        "InvalidConfigurationRequest",
    ),
    ({"load_balancing.algorithm.anomaly_mitigation": "on"}, "InvalidConfigurationRequest"),
]


@pytest.mark.parametrize(("wrong", "code"), GROUP_ATTRIBUTES)
def test_wrong_group_attributes_are_refused(shop: Shop, wrong: dict[str, str], code: str) -> None:
    """Unknown keys, values out of range and combinations that AWS refuses change no attribute."""
    arn = shop.arns["a"]
    before = attributes(shop, "DescribeTargetGroupAttributes", TargetGroupArn=arn)
    pairs = [{"Key": key, "Value": value} for key, value in wrong.items()]
    assert shop.refusal("ModifyTargetGroupAttributes", TargetGroupArn=arn, Attributes=pairs).code == code
    assert attributes(shop, "DescribeTargetGroupAttributes", TargetGroupArn=arn) == before


@pytest.mark.parametrize("value", ["0", "30", "900"])
def test_group_attributes_within_range_are_kept(shop: Shop, value: str) -> None:
    """A value that AWS takes is answered, next to all others."""
    pairs = [{"Key": "slow_start.duration_seconds", "Value": value}]
    after = attributes(shop, "ModifyTargetGroupAttributes", TargetGroupArn=shop.arns["a"], Attributes=pairs)
    assert (after["slow_start.duration_seconds"], after["deregistration_delay.timeout_seconds"]) == (value, "300")


BALANCERS: list[tuple[dict[str, Any], str]] = [
    ({"Subnets": ["subnet-a"]}, "ValidationError"),
    ({"Subnets": ["subnet-a", "subnet-a"]}, "ValidationError"),
    ({"Subnets": []}, "ValidationError"),
    ({"Subnets": ["subnet-a", "subnet-z"]}, "InvalidSubnetID.NotFound"),
    ({"Name": "internal-x"}, "ValidationError"),
    ({"Name": "a_b"}, "ValidationError"),
    ({"SecurityGroups": ["sg-other"]}, "InvalidConfigurationRequest"),
    ({"Name": "shop", "Scheme": "internal"}, "DuplicateLoadBalancerName"),
    ({"Type": "network"}, "NotSimulated"),
    ({"IpAddressType": "dualstack"}, "NotSimulated"),
]


@pytest.mark.parametrize(("change", "code"), BALANCERS)
def test_wrong_load_balancers_are_refused(shop: Shop, change: dict[str, Any], code: str) -> None:
    """One zone, unknown subnets and groups, a name that is taken with other settings: all refused."""
    assert shop.refusal("CreateLoadBalancer", **{"Name": "x", "Subnets": SUBNETS} | change).code == code


def test_each_load_balancer_has_its_own_loopback_address(shop: Shop) -> None:
    """DNSName is the load balancer's own address; a load balancer is active at once and creation is idempotent."""
    (first,) = shop.call("DescribeLoadBalancers", Names=["shop"])["LoadBalancers"]
    second = shop.create("CreateLoadBalancer", Name="second", SubnetMappings=[{"SubnetId": name} for name in SUBNETS])
    again = shop.create("CreateLoadBalancer", Name="second", Subnets=SUBNETS)
    assert (first["DNSName"], second["DNSName"]) == ("127.7.255.1", "127.7.255.2")
    assert (second, second["State"]) == (again, {"Code": "active"})
    assert [zone["SubnetId"] for zone in second["AvailabilityZones"]] == SUBNETS


def test_deletion_protection_protects(shop: Shop) -> None:
    """A protected load balancer is not deleted; an unprotected one goes with all it has, and once more for nothing."""
    arn = shop.arns["shop"]
    for value in ("true", "false"):
        pairs = [{"Key": "deletion_protection.enabled", "Value": value}]
        after = attributes(shop, "ModifyLoadBalancerAttributes", LoadBalancerArn=arn, Attributes=pairs)
        assert after["deletion_protection.enabled"] == value
        if value == "true":
            assert shop.refusal("DeleteLoadBalancer", LoadBalancerArn=arn).code == "OperationNotPermitted"
    for _ in range(2):
        assert shop.call("DeleteLoadBalancer", LoadBalancerArn=arn) == {}
    assert shop.balancers.data_plane().listeners == ()
    assert shop.call("DescribeLoadBalancers")["LoadBalancers"] == []


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("idle_timeout.timeout_seconds", "0", "ValidationError"),
        ("load_balancing.cross_zone.enabled", "false", "ValidationError"),
        ("nothing", "1", "ValidationError"),
        ("access_logs.s3.enabled", "true", "InvalidConfigurationRequest"),
    ],
)
def test_wrong_load_balancer_attributes_are_refused(shop: Shop, key: str, value: str, code: str) -> None:
    """Unknown keys, values out of range, and logs without a bucket are refused."""
    pairs = [{"Key": key, "Value": value}]
    arn = shop.arns["shop"]
    assert shop.refusal("ModifyLoadBalancerAttributes", LoadBalancerArn=arn, Attributes=pairs).code == code


def test_unknown_load_balancers_are_refused_by_name_and_arn(shop: Shop) -> None:
    """DescribeLoadBalancers refuses what is not there, and names next to ARNs."""
    assert shop.refusal("DescribeLoadBalancers", Names=["nope"]).code == "LoadBalancerNotFound"
    assert shop.refusal("DescribeLoadBalancers", LoadBalancerArns=["arn:x"]).code == "LoadBalancerNotFound"
    assert shop.refusal("DescribeLoadBalancers", Names=["a"], LoadBalancerArns=["b"]).code == "ValidationError"


def test_the_limits_are_answered(shop: Shop) -> None:
    """DescribeAccountLimits answers the numbers that are enforced."""
    limits = {limit["Name"]: limit["Max"] for limit in shop.call("DescribeAccountLimits")["Limits"]}
    assert limits["rules-per-application-load-balancer"] == "100"
    assert limits["target-groups-per-action-on-application-load-balancer"] == "5"


def test_a_load_balancer_has_at_most_100_groups(shop: Shop) -> None:
    """The 101st unique group of a load balancer is refused."""
    names = [f"g{number}" for number in range(100)]
    for name in names:
        shop.arns[name] = shop.group(f"many-{name}")
    for start in range(0, 95, 5):
        shop.rule(1000 + start, Actions=[shop.forward(sticky=None, **dict.fromkeys(names[start : start + 5], 1))])
    shop.rule(2000, Actions=[shop.forward(sticky=None, **dict.fromkeys(names[95:99], 1))])
    refusal = shop.refusal("ModifyListener", ListenerArn=shop.arns["http"], DefaultActions=[shop.forward(g99=1)])
    assert refusal.code == "TooManyUniqueTargetGroupsPerLoadBalancer"
    shop.call("ModifyRule", RuleArn=shop.arns["rule"], Actions=[shop.forward(g99=1)])
