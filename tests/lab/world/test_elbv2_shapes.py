"""Every request of this story is one that AWS's model allows, and every answer has the shape that the model gives."""

from typing import Any

import pytest
from botocore.model import ServiceModel
from botocore.session import get_session
from botocore.validate import ParamValidator

from lab.world.shop import CERTIFICATE, FIXED, HEADER, NOW_S, login
from teal.lab.world.elbv2 import Balancers
from teal.lab.world.ground import Ground
from teal.lab.world.small import Scaling, ec2_call, sts_call


def check(model: ServiceModel, operation: str, params: dict[str, Any], answer: dict[str, Any]) -> None:
    """Check a request and its answer against the model; a member that the model does not know is an error."""
    described = model.operation_model(operation)
    for shape, value in ((described.input_shape, params), (described.output_shape, answer)):
        if shape is None:
            assert value == {}
            continue
        assert ParamValidator().validate(value, shape).generate_report() == ""
        assert set(value) <= set(shape.members), f"{operation}: {set(value) - set(shape.members)}"


class Told:
    """A load balancing world whose every call is checked."""

    def __init__(self) -> None:
        self.balancers = Balancers(Ground())
        self.model = get_session().get_service_model("elbv2")
        self.done: set[str] = set()

    def call(self, operation: str, /, **params: object) -> dict[str, Any]:
        """Perform an operation and check both ways."""
        answer = self.balancers.call(operation, params, NOW_S)
        check(self.model, operation, params, answer)
        self.done.add(operation)
        return answer

    def arn(self, operation: str, /, **params: object) -> str:
        """Perform an operation and return the ARN of what it made."""
        (items,) = self.call(operation, **params).values()
        (arn,) = [value for key, value in items[0].items() if key in ARNS[operation]]
        return str(arn)


ARNS = {
    "CreateLoadBalancer": ("LoadBalancerArn",),
    "CreateTargetGroup": ("TargetGroupArn",),
    "CreateListener": ("ListenerArn",),
    "CreateRule": ("RuleArn",),
}


def furnish(told: Told) -> tuple[str, str, str, str]:
    """Make one resource of each kind and return their ARNs: load balancer, group, listener, rule."""
    tags = [{"Key": "teal:app", "Value": "shop"}]
    balancer = told.arn("CreateLoadBalancer", Name="shop", Subnets=["subnet-a", "subnet-b"], Tags=tags)
    group = told.arn(
        "CreateTargetGroup", Name="a", Protocol="HTTP", Port=80, VpcId="vpc-lab", TargetType="ip", Tags=tags
    )
    listener = told.arn(
        "CreateListener",
        LoadBalancerArn=balancer,
        Protocol="HTTPS",
        Port=443,
        Certificates=[CERTIFICATE],
        DefaultActions=[login(ClientSecret="x"), {"Type": "forward", "TargetGroupArn": group, "Order": 2}],
        Tags=tags,
    )
    rewrite = {"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": [{"Regex": "^/x", "Replace": "/"}]}}
    rule = told.arn(
        "CreateRule",
        ListenerArn=listener,
        Priority=1,
        Conditions=[HEADER],
        Actions=[FIXED],
        Transforms=[rewrite],
        Tags=tags,
    )
    return balancer, group, listener, rule


def test_all_requests_and_answers_fit_the_model() -> None:
    """A life of a load balancer, from creation to deletion, goes through every operation in AWS's shapes."""
    told = Told()
    balancer, group, listener, rule = furnish(told)
    forward = {"Type": "forward", "TargetGroupArn": group}
    targets = [{"Id": "10.7.1.1"}]
    delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": "10"}]
    idle = [{"Key": "idle_timeout.timeout_seconds", "Value": "10"}]
    again = [login(UseExistingClientSecret=True), {**forward, "Order": 2}]
    story: list[tuple[str, dict[str, Any]]] = [
        ("ModifyRule", {"RuleArn": rule, "Actions": [forward]}),
        ("ModifyListener", {"ListenerArn": listener, "DefaultActions": again}),
        ("SetRulePriorities", {"RulePriorities": [{"RuleArn": rule, "Priority": 2}]}),
        ("ModifyTargetGroup", {"TargetGroupArn": group, "HealthCheckPath": "/h"}),
        ("AddTags", {"ResourceArns": [rule], "Tags": [{"Key": "x", "Value": "1"}]}),
        ("RemoveTags", {"ResourceArns": [rule], "TagKeys": ["x"]}),
        ("RegisterTargets", {"TargetGroupArn": group, "Targets": targets}),
        ("DescribeTargetHealth", {"TargetGroupArn": group, "Include": ["All"]}),
        ("DeregisterTargets", {"TargetGroupArn": group, "Targets": targets}),
        ("DescribeTargetHealth", {"TargetGroupArn": group, "Targets": [{"Id": "10.7.9.9", "Port": 1}]}),
        ("ModifyTargetGroupAttributes", {"TargetGroupArn": group, "Attributes": delay}),
        ("ModifyLoadBalancerAttributes", {"LoadBalancerArn": balancer, "Attributes": idle}),
        ("DescribeTags", {"ResourceArns": [balancer, listener, rule, group]}),
        ("DescribeLoadBalancers", {}),
        ("DescribeLoadBalancerAttributes", {"LoadBalancerArn": balancer}),
        ("DescribeTargetGroups", {"LoadBalancerArn": balancer}),
        ("DescribeTargetGroupAttributes", {"TargetGroupArn": group}),
        ("DescribeListeners", {"LoadBalancerArn": balancer}),
        ("DescribeListenerAttributes", {"ListenerArn": listener}),
        ("DescribeRules", {"ListenerArn": listener, "PageSize": 1}),
        ("DescribeAccountLimits", {}),
        ("DeleteRule", {"RuleArn": rule}),
        ("DeleteListener", {"ListenerArn": listener}),
        ("DeleteTargetGroup", {"TargetGroupArn": group}),
        ("DeleteLoadBalancer", {"LoadBalancerArn": balancer}),
    ]
    for operation, params in story:
        told.call(operation, **params)
    assert len(told.done) == 28


@pytest.mark.parametrize(
    "operation",
    [
        "DescribeVpcs",
        "DescribeSubnets",
        "DescribeSecurityGroups",
        "DescribeAvailabilityZones",
        "DescribeNetworkInterfaces",
    ],
)
def test_answers_of_ec2_fit_the_model(operation: str) -> None:
    """What EC2 lists has AWS's shape."""
    check(get_session().get_service_model("ec2"), operation, {}, ec2_call(Ground(), operation, {}))


def test_answers_of_the_small_services_fit_the_model() -> None:
    """Who one is, and scalable targets, have AWS's shape."""
    check(get_session().get_service_model("sts"), "GetCallerIdentity", {}, sts_call(Ground(), "GetCallerIdentity"))
    scaling = Scaling(ground=Ground(), has_service=lambda *_: True)
    model = get_session().get_service_model("application-autoscaling")
    target: dict[str, Any] = {
        "ServiceNamespace": "ecs",
        "ResourceId": "service/demo/web",
        "ScalableDimension": "ecs:service:DesiredCount",
    }
    for operation, params in (
        ("RegisterScalableTarget", target | {"MinCapacity": 1, "MaxCapacity": 4}),
        ("DescribeScalableTargets", {"ServiceNamespace": "ecs"}),
        ("DescribeScalingPolicies", {"ServiceNamespace": "ecs"}),
        ("DescribeScheduledActions", {"ServiceNamespace": "ecs"}),
        ("DeregisterScalableTarget", target),
    ):
        check(model, operation, params, scaling.call(operation, params, NOW_S))
