"""What the service models forbid is refused before the world hears of it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from teal.lab.front import answer
from teal.lab.world.ground import Answer, Params
from teal.lab.world.wires import AwsRefusal


class Echo:
    """A world that remembers what it was asked, and answers with what it was given."""

    def __init__(self, result: Answer) -> None:
        self.result = result
        self.asked: list[tuple[str, str, Params, float]] = []

    def call(self, service: str, operation: str, params: Params, now_s: float) -> Answer:
        """Remember, and answer."""
        self.asked.append((service, operation, params, now_s))
        return self.result


REFUSED: list[tuple[str, str, dict[str, Any], str, str]] = [
    ("ecs", "CreateService", {}, "InvalidParameterException", "'serviceName' failed"),
    ("ecs", "CreateService", {"serviceName": None}, "InvalidParameterException", "Value 'null' at 'serviceName'"),
    (
        "ecs",
        "CreateService",
        {"serviceName": "web", "launchType": "MOON"},
        "InvalidParameterException",
        "enum value set",
    ),
    ("ecs", "DescribeServices", {"services": "web"}, "InvalidParameterException", "Member must be a list"),
    ("ecs", "DescribeServices", {"services": [7]}, "InvalidParameterException", "'services.1.member'"),
    ("ecs", "UpdateService", {"service": "web", "desiredCount": True}, "InvalidParameterException", "type integer"),
    (
        "ecs",
        "UpdateService",
        {"service": "web", "colour": "blue"},
        "InvalidParameterException",
        "Unknown parameter 'colour'",
    ),
    ("elbv2", "DescribeRules", {"PageSize": 0}, "ValidationError", "greater than or equal to 1"),
    ("elbv2", "DescribeRules", {"PageSize": 401}, "ValidationError", "less than or equal to 400"),
    ("elbv2", "CreateTargetGroup", {"Name": "a", "TargetType": "x"}, "ValidationError", "'targetType'"),
    ("elbv2", "DescribeTags", {"ResourceArns": {"a": "b"}}, "ValidationError", "Member must be a list"),
    ("ec2", "DescribeVpcs", {"VpcIds": [1]}, "InvalidParameterValue", "type string"),
    ("sts", "GetCallerIdentity", {"Who": "me"}, "ValidationError", "Unknown parameter"),
    ("logs", "FilterLogEvents", {"startTime": "soon"}, "InvalidParameterException", "type long"),
    ("application-autoscaling", "DescribeScalableTargets", {}, "ValidationException", "'serviceNamespace'"),
    ("ecs", "NoSuchThing", {}, "InvalidAction", "has no operation NoSuchThing"),
    ("nosuchservice", "Do", {}, "NotSimulated", "does not simulate nosuchservice Do"),
]


@pytest.mark.parametrize(("service", "operation", "params", "code", "sentence"), REFUSED)
def test_refused(service: str, operation: str, params: dict[str, Any], code: str, sentence: str) -> None:
    """AWS's code for the service, a sentence that names the member, and a world that was never asked."""
    world = Echo({})
    with pytest.raises(AwsRefusal) as refusal:
        answer(world, service, operation, params, 0.0)
    assert refusal.value.code == code
    assert sentence in refusal.value.message
    assert world.asked == []


def test_all_faults_at_once() -> None:
    """A refusal names every fault, not the first one."""
    with pytest.raises(AwsRefusal) as refusal:
        answer(Echo({}), "ecs", "UpdateService", {"desiredCount": "two", "x": 1}, 0.0)
    assert refusal.value.message.startswith("3 validation errors detected")


def test_at_most_ten_faults_are_told() -> None:
    """However wrong a request is, the answer stays short."""
    with pytest.raises(AwsRefusal) as refusal:
        answer(Echo({}), "ecs", "DescribeServices", {"services": [1] * 500}, 0.0)
    assert len(refusal.value.message) < 2000


def test_the_world_gets_the_instant_and_the_parameters() -> None:
    """What is allowed goes through as it is."""
    world = Echo({"clusterArns": ["a"]})
    assert answer(world, "ecs", "ListClusters", {"maxResults": 3}, 12.5) == {"clusterArns": ["a"]}
    assert world.asked == [("ecs", "ListClusters", {"maxResults": 3}, 12.5)]


def test_an_answer_is_a_copy_without_what_no_client_knows() -> None:
    """Callers cannot reach into the world, and see no member that botocore would not show."""
    instant = datetime(2026, 11, 22, tzinfo=UTC)
    inner = {"serviceName": "web", "createdAt": instant, "secret": "x", "status": None, "events": ()}
    world = Echo({"services": (inner,)})
    found = answer(world, "ecs", "DescribeServices", {"services": ["web"]}, 0.0)
    assert found == {"services": [{"serviceName": "web", "createdAt": instant, "events": []}]}
    found["services"][0]["serviceName"] = "other"
    assert inner["serviceName"] == "web"
