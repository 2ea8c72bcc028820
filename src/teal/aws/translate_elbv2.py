"""Elastic Load Balancing: load balancers, listeners, target groups, targets and tags, to and from AWS's shapes.

Rules and their actions are in `translate_rules`.
"""

from collections.abc import Mapping
from typing import Any

from teal.aws.fields import Fields
from teal.model.spec import GroupCreate
from teal.model.traffic import Listener, LoadBalancer, TargetGroup, TargetHealth

_STICKY = "stickiness.enabled"
_DELAY = "deregistration_delay.timeout_seconds"


def load_balancer_from(fields: Fields, listeners: tuple[Listener, ...] = ()) -> LoadBalancer:
    """Return a load balancer of DescribeLoadBalancers, with its listeners."""
    return LoadBalancer(
        arn=fields.text("LoadBalancerArn"),
        name=fields.text("LoadBalancerName"),
        dns_name=fields.text("DNSName"),
        vpc_id=fields.text("VpcId"),
        listeners=listeners,
    )


def listener_from(fields: Fields) -> Listener:
    """Return a listener of DescribeListeners."""
    return Listener(
        arn=fields.text("ListenerArn"),
        load_balancer_arn=fields.text("LoadBalancerArn"),
        port=fields.whole("Port"),
        protocol=fields.text("Protocol"),
    )


def attributes_from(answer: Fields) -> dict[str, str]:
    """Return the attributes of an answer of DescribeTargetGroupAttributes."""
    attributes = {item.text("Key"): item.text_or("Value") for item in answer.parts("Attributes")}
    if not attributes.get(_DELAY, "").isdecimal():
        raise answer.unknown(f"the answer cannot be believed: the attribute {_DELAY} is missing")
    return attributes


def group_from(fields: Fields, attributes: Mapping[str, str]) -> TargetGroup:
    """Return a target group of DescribeTargetGroups, with its attributes."""
    return TargetGroup(
        arn=fields.text("TargetGroupArn"),
        name=fields.text("TargetGroupName"),
        port=fields.whole_or("Port", 0),  # a group of Lambda functions has neither port nor protocol nor VPC
        protocol=fields.text_or("Protocol"),
        protocol_version=fields.text_or("ProtocolVersion"),
        vpc_id=fields.text_or("VpcId"),
        target_type=fields.text("TargetType"),
        load_balancer_arns=fields.texts_or_none("LoadBalancerArns"),
        sticky=attributes.get(_STICKY) == "true",
        deregistration_delay_s=int(attributes[_DELAY]),
    )


def health_from(fields: Fields) -> TargetHealth:
    """Return a target of DescribeTargetHealth."""
    target, health = fields.part("Target"), fields.part("TargetHealth")
    return TargetHealth(
        target_id=target.text("Id"),
        port=target.whole_or("Port", 0),
        state=health.text("State"),
        reason=health.text_or("Reason"),
        description=health.text_or("Description"),
    )


def tags_from(fields: Fields) -> dict[str, str]:
    """Return the tags of one resource of DescribeTags."""
    return {tag.text("Key"): tag.text_or("Value") for tag in fields.parts("Tags")}


def tags_to(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as ELBv2 wants them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def group_to(name: str, create: GroupCreate, vpc_id: str, tags: Mapping[str, str]) -> dict[str, Any]:
    """Return the request that creates a target group of type ip."""
    codes = "GrpcCode" if create.protocol_version == "GRPC" else "HttpCode"
    request: dict[str, Any] = {
        "Name": name,
        "TargetType": "ip",
        "Protocol": create.protocol,
        "ProtocolVersion": create.protocol_version,
        "Port": create.port,
        "VpcId": vpc_id,
        "HealthCheckEnabled": True,
        "HealthCheckProtocol": create.protocol,
        "HealthCheckPort": create.health_port,
        "HealthCheckPath": create.health_path,
        "HealthCheckIntervalSeconds": create.health_interval_s,
        "HealthCheckTimeoutSeconds": create.health_timeout_s,
        "HealthyThresholdCount": create.healthy_count,
        "UnhealthyThresholdCount": create.unhealthy_count,
        "Matcher": {codes: create.health_codes},
    }
    return {**request, "Tags": tags_to(tags)} if tags else request


def delay_to(group_arn: str, delay_s: int) -> dict[str, Any]:
    """Return the request that sets the deregistration delay of a group."""
    return {"TargetGroupArn": group_arn, "Attributes": [{"Key": _DELAY, "Value": str(delay_s)}]}
