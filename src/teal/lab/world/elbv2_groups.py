"""Target groups: HTTP/1 groups of `ip` or `instance` targets; their load balancers are read off the rules."""

from collections.abc import Sequence

from teal.lab.world import elbv2_attributes as attributes
from teal.lab.world import elbv2_limits as limits
from teal.lab.world import network
from teal.lab.world.elbv2_balancers import check_name
from teal.lab.world.elbv2_checks import settled_check
from teal.lab.world.elbv2_forward import COOKIE_CLASH, stickiness_fault
from teal.lab.world.elbv2_model import Balancing, Group, Shape, forwarded_groups
from teal.lab.world.elbv2_page import check_at_most_one, page
from teal.lab.world.elbv2_tags import checked_tags
from teal.lab.world.ground import Answer, Params, duplicate
from teal.lab.world.wires import AwsRefusal, not_simulated

_SIMULATED = {
    "Protocol": ("HTTP",),
    "ProtocolVersion": ("HTTP1",),
    "TargetType": ("instance", "ip"),
    "IpAddressType": ("ipv4",),
}


def create_target_group(state: Balancing, params: Params, now_s: float) -> Answer:
    """CreateTargetGroup: idempotent for equal settings."""
    name: str = params["Name"]
    check_name("target group", name)
    fixed = _fixed(params)
    check = settled_check(params)
    tags = checked_tags(params.get("Tags", []))
    for group in state.groups.values():
        if group.name == name:
            if (group.fixed, group.check) != (fixed, check):
                raise AwsRefusal(
                    "DuplicateTargetGroupName",
                    f"A target group with the same name '{name}' exists, but with different settings",
                )
            return {"TargetGroups": [_shown(state, group)]}
    limits.check_limit(limits.GROUPS, len(state.groups) + 1, "TooManyTargetGroups", "target groups")
    group = Group(
        arn=state.ground.arn("elasticloadbalancing", f"targetgroup/{name}/{state.ground.hex_id(16)}"),
        name=name,
        fixed=fixed,
        check=duplicate(check),
        attributes=attributes.defaults(attributes.OF_GROUP),
        tags=tags,
    )
    state.groups[group.arn] = group
    state.tell(now_s, name, "target group created")
    return {"TargetGroups": [_shown(state, group)]}


def describe_target_groups(state: Balancing, params: Params) -> Answer:
    """DescribeTargetGroups: all, those of a load balancer, or those named."""
    check_at_most_one(params, "LoadBalancerArn", "TargetGroupArns", "Names")
    found = list(state.groups.values())
    if params.get("LoadBalancerArn"):
        arn = state.balancer(params["LoadBalancerArn"]).arn
        attached = state.attachments()
        found = [group for group in found if arn in attached.get(group.arn, ())]
    wanted: Sequence[str] = params.get("TargetGroupArns") or params.get("Names") or ()
    if wanted:
        found = [group for group in found if group.arn in wanted or group.name in wanted]
        if len(found) < len(set(wanted)):
            raise AwsRefusal("TargetGroupNotFound", "One or more target groups not found")
    return page("TargetGroups", [_shown(state, group) for group in found], params)


def modify_target_group(state: Balancing, params: Params, now_s: float) -> Answer:
    """ModifyTargetGroup: the health check settings that were sent; nothing else of a group can change."""
    group = state.group(params["TargetGroupArn"])
    group.check = duplicate(settled_check(params, group.check))
    changed = ", ".join(f"{name}={value}" for name, value in params.items() if name != "TargetGroupArn")
    state.tell(now_s, group.name, f"target group modified: {changed or 'nothing'}")
    return {"TargetGroups": [_shown(state, group)]}


def delete_target_group(state: Balancing, params: Params, now_s: float) -> Answer:
    """DeleteTargetGroup: with its targets, unless a rule uses it; succeeds when there is none."""
    arn: str = params["TargetGroupArn"]
    if arn not in state.groups:
        return {}
    if arn in state.attachments():
        raise AwsRefusal("ResourceInUse", f"Target group '{arn}' is currently in use by a listener or a rule")
    group = state.groups.pop(arn)
    state.tell(now_s, group.name, "target group deleted")
    return {}


def describe_target_group_attributes(state: Balancing, params: Params) -> Answer:
    """DescribeTargetGroupAttributes."""
    return attributes.answer(state.group(params["TargetGroupArn"]).attributes)


def modify_target_group_attributes(state: Balancing, params: Params, now_s: float) -> Answer:
    """ModifyTargetGroupAttributes: replaces those sent, answers all."""
    group = state.group(params["TargetGroupArn"])
    changed = attributes.checked(attributes.OF_GROUP, params["Attributes"], "Target group")
    after = group.attributes | changed
    _check_together(after)
    _check_stickiness(state, group, after)
    group.attributes = after
    state.tell(now_s, group.name, attributes.change_text(changed))
    return attributes.answer(after)


def _fixed(params: Params) -> Shape:
    """Return the settings that a group keeps for ever."""
    for name in ("Protocol", "Port", "VpcId"):
        if name not in params:
            raise AwsRefusal("ValidationError", f"A {name} must be specified")
    chosen = {
        "Protocol": params["Protocol"],
        "ProtocolVersion": params.get("ProtocolVersion", "HTTP1"),
        "TargetType": params.get("TargetType", "instance"),
        "IpAddressType": params.get("IpAddressType", "ipv4"),
    }
    for name, simulated in _SIMULATED.items():
        if chosen[name] not in simulated:
            raise not_simulated(f"target groups with {name} {chosen[name]}")
    if params["VpcId"] != network.VPC_ID:
        raise AwsRefusal("ValidationError", f"The VPC ID '{params['VpcId']}' is not found")
    return chosen | {"Port": params["Port"], "VpcId": params["VpcId"]}


def _check_together(after: dict[str, str]) -> None:
    """Refuse attributes that exclude each other."""
    algorithm = after["load_balancing.algorithm.type"]
    if algorithm != "round_robin" and after["slow_start.duration_seconds"] != "0":
        raise AwsRefusal("InvalidConfigurationRequest", f"Slow start cannot be used with the algorithm '{algorithm}'")
    if algorithm != "weighted_random" and after["load_balancing.algorithm.anomaly_mitigation"] == "on":
        raise AwsRefusal("InvalidConfigurationRequest", "Anomaly mitigation needs the algorithm 'weighted_random'")
    is_sticky = (after["stickiness.enabled"], after["stickiness.type"]) == ("true", "app_cookie")
    if is_sticky and not after["stickiness.app_cookie.cookie_name"]:
        raise AwsRefusal("InvalidConfigurationRequest", "'stickiness.app_cookie.cookie_name' must be specified")


def _check_stickiness(state: Balancing, group: Group, after: dict[str, str]) -> None:
    """Refuse target stickiness that does not go with a rule which forwards to the group beside others."""
    for rule in state.rules.values():
        for action in rule.actions:
            if group.arn not in forwarded_groups([action]):
                continue
            match stickiness_fault(action, after):
                case "app_cookie":
                    raise AwsRefusal("InvalidConfigurationRequest", COOKIE_CLASH)
                case "no group stickiness":
                    raise AwsRefusal(
                        "InvalidConfigurationRequest",
                        f"This target group appears behind a rule with group stickiness disabled ({rule.arn}). "
                        "You must enable group stickiness before enabling target stickiness",
                    )
                case None:
                    pass


def _shown(state: Balancing, group: Group) -> Shape:
    return {
        "TargetGroupArn": group.arn,
        "TargetGroupName": group.name,
        **group.fixed,
        **duplicate(group.check),
        "LoadBalancerArns": list(state.attachments().get(group.arn, ())),
    }
