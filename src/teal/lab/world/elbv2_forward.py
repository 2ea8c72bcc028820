"""Forward actions: what AWS refuses about groups, weights and stickiness, and what it fills in.

A forward to a single group is answered both as `TargetGroupArn` and as `ForwardConfig` with a weight, whichever of
the two was sent; a forward to several groups has no `TargetGroupArn`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from teal.lab.world import elbv2_limits as limits
from teal.lab.world.elbv2_model import Balancing, Rule, Shape, forwarded_groups, shares
from teal.lab.world.wires import AwsRefusal

_WEIGHTS = range(1000)
_STICKY_S = range(1, 604801)
COOKIE_CLASH = (
    "When configuring a rule with multiple target groups, none of them can have stickiness of type 'app_cookie' enabled"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where actions shall go: a listener as it will be, and the rule whose actions they replace, if there is one."""

    state: Balancing
    balancer_arn: str
    protocol: str
    port: int
    replaced: Rule | None = None


def filled_forward(place: Place, action: Shape) -> Shape:
    """Return a checked forward action as AWS answers it, without its order.

    Raises:
        AwsRefusal: as AWS refuses it.
    """
    groups = _checked_groups(action)
    stickiness = _checked_stickiness(action.get("ForwardConfig", {}))
    filled: Shape = {"Type": "forward"}
    if len(groups) == 1:
        filled["TargetGroupArn"] = groups[0]["TargetGroupArn"]
    filled["ForwardConfig"] = {"TargetGroups": groups, "TargetGroupStickinessConfig": stickiness}
    _check_association(place, [group["TargetGroupArn"] for group in groups])
    check_target_stickiness(place.state, filled)
    return filled


def check_target_stickiness(state: Balancing, action: Shape) -> None:
    """Refuse a forward to several groups when one of them has target stickiness that does not go with it.

    Raises:
        AwsRefusal: some group has application cookies, or any stickiness of targets while the groups have none.
    """
    for arn in forwarded_groups([action]):
        match stickiness_fault(action, state.group(arn).attributes):
            case "app_cookie":
                raise AwsRefusal("InvalidLoadBalancerAction", COOKIE_CLASH)
            case "no group stickiness":
                raise AwsRefusal(
                    "InvalidLoadBalancerAction",
                    "You must enable group stickiness on a rule if you enabled target stickiness on one of its target "
                    "groups",
                )
            case None:
                pass


def stickiness_fault(
    action: Shape, attributes: Mapping[str, str]
) -> Literal["app_cookie", "no group stickiness"] | None:
    """Return why attributes of a group do not go with a kept action that forwards to it, or None when they do."""
    if len(shares(action)) == 1 or attributes["stickiness.enabled"] != "true":
        return None
    if attributes["stickiness.type"] == "app_cookie":
        return "app_cookie"
    enabled = action["ForwardConfig"]["TargetGroupStickinessConfig"]["Enabled"]
    return None if enabled else "no group stickiness"


def _checked_groups(action: Shape) -> list[Shape]:
    single: str | None = action.get("TargetGroupArn")
    sent: Sequence[Shape] = action.get("ForwardConfig", {}).get("TargetGroups", ())
    arns = [group.get("TargetGroupArn", "") for group in sent] or [single or ""]
    if not all(arns):
        raise AwsRefusal("ValidationError", "A target group ARN must be specified")
    if single is not None and arns != [single]:
        raise AwsRefusal(
            "ValidationError",
            "If you specify both 'TargetGroupArn' and 'ForwardConfig', they must name the same single target group",
        )
    most = limits.LIMITS[limits.GROUPS_PER_ACTION]
    if len(arns) > most:
        raise AwsRefusal("ValidationError", f"A forward action can have at most '{most}' target groups")
    if len(set(arns)) < len(arns):
        raise AwsRefusal("ValidationError", "A target group can be specified only once in a forward action")
    weights: list[int] = [group.get("Weight", 1) for group in sent] or [1]
    for weight in weights:
        if weight not in _WEIGHTS:
            raise AwsRefusal(
                "ValidationError", f"Target group weight '{weight}' must be between '0' and '999' inclusive"
            )
    return [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in zip(arns, weights, strict=True)]


def _checked_stickiness(forward: Shape) -> Shape:
    sent: Shape = forward.get("TargetGroupStickinessConfig", {})
    enabled = bool(sent.get("Enabled", False))
    duration_s: int | None = sent.get("DurationSeconds")
    if duration_s is None:
        if enabled:
            raise AwsRefusal("ValidationError", "A duration must be specified when target group stickiness is enabled")
        return {"Enabled": enabled}
    if duration_s not in _STICKY_S:
        raise AwsRefusal(
            "ValidationError",
            f"Target group stickiness duration '{duration_s}' must be between '1' and '604800' seconds inclusive",
        )
    return {"Enabled": enabled, "DurationSeconds": duration_s}


def _check_association(place: Place, arns: Sequence[str]) -> None:
    attached = place.state.attachments()
    for arn in arns:
        place.state.group(arn)
        others = set(attached.get(arn, ())) - {place.balancer_arn}
        if others:
            raise AwsRefusal(
                "TargetGroupAssociationLimit",
                f"The following target groups cannot be associated with more than one load balancer: {arn}",
            )
    used = {
        arn
        for rule in place.state.rules_on(place.balancer_arn)
        if rule is not place.replaced
        for arn in forwarded_groups(rule.actions)
    }
    most = limits.LIMITS[limits.GROUPS_PER_BALANCER]
    if len(used | set(arns)) > most:
        raise AwsRefusal(
            "TooManyUniqueTargetGroupsPerLoadBalancer",
            "You have reached the maximum number of unique target groups that you can associate with a load balancer "
            f"of type 'application': [{most}]",
        )
