"""Everything that a region shows of itself, so that before and after a refusal can be compared."""

from collections.abc import Iterator

from aws.lab import LabCaller
from lab.conformance.row import Json


def everything(lab: LabCaller) -> tuple[object, ...]:
    """Return the story so far, what data plane and runtime shall do, and every answer of Describe and List."""
    world = lab.world
    return (tuple(world.events), world.data_plane(), world.tasks(), *_balancing(lab), *_services(lab))


def _balancing(lab: LabCaller) -> Iterator[Json]:
    for balancer in _all(lab, "DescribeLoadBalancers", "LoadBalancers"):
        arn = {"LoadBalancerArn": balancer["LoadBalancerArn"]}
        yield from (balancer, _tags(lab, balancer["LoadBalancerArn"]))
        yield lab.call("elbv2", "DescribeLoadBalancerAttributes", arn)
        for listener in _all(lab, "DescribeListeners", "Listeners", **arn):
            yield listener
            for rule in _all(lab, "DescribeRules", "Rules", ListenerArn=listener["ListenerArn"]):
                yield from (rule, _tags(lab, rule["RuleArn"]))
    for group in _all(lab, "DescribeTargetGroups", "TargetGroups"):
        arn = {"TargetGroupArn": group["TargetGroupArn"]}
        yield from (group, _tags(lab, group["TargetGroupArn"]))
        yield lab.call("elbv2", "DescribeTargetGroupAttributes", arn)
        yield lab.call("elbv2", "DescribeTargetHealth", arn)


def _services(lab: LabCaller) -> Iterator[Json]:
    for status in ("ACTIVE", "INACTIVE"):
        yield lab.call("ecs", "ListTaskDefinitions", {"status": status})
    for arn in lab.call("ecs", "ListClusters", {})["clusterArns"]:
        yield lab.call("ecs", "DescribeClusters", {"clusters": [arn], "include": ["TAGS"]})
        yield lab.call("ecs", "ListTasks", {"cluster": arn})
        for service in lab.call("ecs", "ListServices", {"cluster": arn})["serviceArns"]:
            yield lab.call("ecs", "DescribeServices", {"cluster": arn, "services": [service], "include": ["TAGS"]})


def _all(lab: LabCaller, operation: str, key: str, **params: object) -> list[Json]:
    found: list[Json] = lab.call("elbv2", operation, params)[key]
    return found


def _tags(lab: LabCaller, arn: str) -> Json:
    return lab.call("elbv2", "DescribeTags", {"ResourceArns": [arn]})
