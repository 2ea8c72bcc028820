"""The small services: identity, the one network, scalable targets."""

from datetime import UTC, datetime
from typing import Any

import pytest

from teal.lab.world.ground import Ground
from teal.lab.world.small import Scaling, ec2_call, sts_call
from teal.lab.world.wires import AwsRefusal

NOW_S = 1_790_000_000.0
TARGET = {
    "ServiceNamespace": "ecs",
    "ResourceId": "service/demo/web",
    "ScalableDimension": "ecs:service:DesiredCount",
}
FLAGS = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")


@pytest.fixture
def scaling() -> Scaling:
    """Return Application Auto Scaling in a region with the services demo/web and demo/api."""
    known = {("demo", "web"), ("demo", "api")}
    return Scaling(ground=Ground(), has_service=lambda cluster, service: (cluster, service) in known)


def described(scaling: Scaling, **params: object) -> list[dict[str, Any]]:
    """Return the scalable targets."""
    answer = scaling.call("DescribeScalableTargets", {"ServiceNamespace": "ecs", **params}, NOW_S)
    return list(answer["ScalableTargets"])


def code_of(error: pytest.ExceptionInfo[AwsRefusal]) -> str:
    """Return AWS's code of a refusal."""
    return error.value.code


def test_everybody_is_the_user_lab() -> None:
    """GetCallerIdentity answers account and user; anything else is not simulated."""
    answer = sts_call(Ground(account="123456789012"), "GetCallerIdentity")
    assert (answer["Account"], answer["Arn"]) == ("123456789012", "arn:aws:iam::123456789012:user/lab")
    with pytest.raises(AwsRefusal) as caught:
        sts_call(Ground(), "AssumeRole")
    assert (code_of(caught), caught.value.status) == ("NotSimulated", 501)


FOUND: list[tuple[str, dict[str, Any], str, str, list[str]]] = [
    ("DescribeVpcs", {}, "Vpcs", "CidrBlock", ["10.9.0.0/16"]),
    ("DescribeVpcs", {"Filters": [{"Name": "is-default", "Values": ["true"]}]}, "Vpcs", "VpcId", ["vpc-lab"]),
    ("DescribeVpcs", {"Filters": [{"Name": "vpc-id", "Values": ["vpc-x"]}]}, "Vpcs", "VpcId", []),
    ("DescribeSubnets", {}, "Subnets", "CidrBlock", ["10.9.0.0/20", "10.9.16.0/20"]),
    ("DescribeSubnets", {"SubnetIds": ["subnet-b"]}, "Subnets", "AvailabilityZone", ["eu-west-1b"]),
    (
        "DescribeSubnets",
        {"Filters": [{"Name": "vpc-id", "Values": ["vpc-*"]}, {"Name": "availability-zone", "Values": ["eu-west-1a"]}]},
        "Subnets",
        "SubnetId",
        ["subnet-a"],
    ),
    ("DescribeSecurityGroups", {"GroupNames": ["lab"]}, "SecurityGroups", "GroupId", ["sg-lab"]),
    ("DescribeAvailabilityZones", {}, "AvailabilityZones", "ZoneName", ["eu-west-1a", "eu-west-1b"]),
    ("DescribeNetworkInterfaces", {}, "NetworkInterfaces", "NetworkInterfaceId", []),
]


@pytest.mark.parametrize(("operation", "params", "items", "member", "found"), FOUND)
def test_the_network_is_described(
    operation: str, params: dict[str, Any], items: str, member: str, found: list[str]
) -> None:
    """Each part of the network is found by id and by filter, with wildcards."""
    assert [item[member] for item in ec2_call(Ground(network=9), operation, params)[items]] == found


@pytest.mark.parametrize(
    ("operation", "params", "code"),
    [
        ("DescribeVpcs", {"VpcIds": ["vpc-x"]}, "InvalidVpcID.NotFound"),
        ("DescribeSubnets", {"SubnetIds": ["subnet-a", "subnet-z"]}, "InvalidSubnetID.NotFound"),
        ("DescribeSecurityGroups", {"GroupIds": ["sg-x"]}, "InvalidGroup.NotFound"),
        ("DescribeNetworkInterfaces", {"NetworkInterfaceIds": ["eni-x"]}, "InvalidNetworkInterfaceID.NotFound"),
        ("DescribeVpcs", {"Filters": [{"Name": "colour", "Values": ["x"]}]}, "InvalidParameterValue"),
        ("RunInstances", {}, "NotSimulated"),
    ],
)
def test_wrong_questions_about_the_network_are_refused(operation: str, params: dict[str, Any], code: str) -> None:
    """Unknown ids, filters and operations are refused with EC2's codes."""
    with pytest.raises(AwsRefusal) as caught:
        ec2_call(Ground(), operation, params)
    assert code_of(caught) == code


def test_a_scalable_target_changes_only_what_is_given(scaling: Scaling) -> None:
    """Registering again keeps bounds and flags that were not sent, and the target's ARN and age."""
    scaling.call("RegisterScalableTarget", TARGET | {"MinCapacity": 2, "MaxCapacity": 9}, NOW_S)
    (before,) = described(scaling)
    assert before["SuspendedState"] == dict.fromkeys(FLAGS, False)
    assert before["CreationTime"] == datetime.fromtimestamp(NOW_S, tz=UTC)
    scaling.call("RegisterScalableTarget", TARGET | {"SuspendedState": {FLAGS[0]: True}}, NOW_S + 9)
    (after,) = described(scaling)
    assert after == before | {"SuspendedState": {FLAGS[0]: True, FLAGS[1]: False, FLAGS[2]: False}}
    after["SuspendedState"][FLAGS[1]] = True
    assert described(scaling)[0]["SuspendedState"][FLAGS[1]] is False


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, "ValidationException"),
        ({"MinCapacity": 1}, "ValidationException"),
        ({"MinCapacity": 3, "MaxCapacity": 2}, "ValidationException"),
        ({"MinCapacity": -1, "MaxCapacity": 2}, "ValidationException"),
        ({"MinCapacity": 1, "MaxCapacity": 2, "ResourceId": "service/demo/none"}, "ValidationException"),
        ({"MinCapacity": 1, "MaxCapacity": 2, "ResourceId": "web"}, "ValidationException"),
        ({"ServiceNamespace": "dynamodb"}, "NotSimulated"),
    ],
)
def test_wrong_scalable_targets_are_refused(scaling: Scaling, change: dict[str, Any], code: str) -> None:
    """Bounds must be there and in order, the service must exist, and only ECS is simulated."""
    with pytest.raises(AwsRefusal) as caught:
        scaling.call("RegisterScalableTarget", TARGET | change, NOW_S)
    assert code_of(caught) == code
    assert described(scaling) == []


def test_scalable_targets_are_listed_by_resource_and_page(scaling: Scaling) -> None:
    """All targets, those named, and pages of them are answered."""
    bounds = {"MinCapacity": 1, "MaxCapacity": 2}
    for name in ("web", "api"):
        scaling.call("RegisterScalableTarget", TARGET | bounds | {"ResourceId": f"service/demo/{name}"}, NOW_S)
    named = described(scaling, ResourceIds=["service/demo/api"])
    assert [target["ResourceId"] for target in named] == ["service/demo/api"]
    page = scaling.call("DescribeScalableTargets", {"ServiceNamespace": "ecs", "MaxResults": 1}, NOW_S)
    rest = described(scaling, NextToken=page["NextToken"])
    assert [target["ResourceId"] for target in (*page["ScalableTargets"], *rest)] == [
        "service/demo/web",
        "service/demo/api",
    ]


def test_a_deregistered_target_is_gone(scaling: Scaling) -> None:
    """DeregisterScalableTarget removes the target, and is refused when there is none."""
    scaling.call("RegisterScalableTarget", TARGET | {"MinCapacity": 1, "MaxCapacity": 2}, NOW_S)
    scaling.call("DeregisterScalableTarget", TARGET, NOW_S)
    assert described(scaling) == []
    with pytest.raises(AwsRefusal) as caught:
        scaling.call("DeregisterScalableTarget", TARGET, NOW_S)
    assert code_of(caught) == "ObjectNotFoundException"
    with pytest.raises(AwsRefusal) as caught:
        scaling.call("PutScalingPolicy", TARGET, NOW_S)
    assert code_of(caught) == "NotSimulated"
