"""Targets: registered, checked, drained.

The life of a target: `unused` while no rule uses its group; `initial` from the moment that it is registered and the
group in use; then what the data plane reports; `draining`, for the whole deregistration delay even when idle; gone.
Targets are told apart by (id, port), so that one address may serve several ports. What the data plane sees changes the
health of a target and nothing else.

Requests that are open when a target is deregistered may last until the end of the delay, and are cut off then. How long
a request takes is the app's own affair, so this end is not scaled below `FINISH_LEAST_S`.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address
from math import inf

from teal.lab.world import elbv2_limits as limits
from teal.lab.world import network
from teal.lab.world.elbv2_attributes import DELAY
from teal.lab.world.elbv2_checks import checked_port
from teal.lab.world.elbv2_model import Balancing, Group, Shape, Target
from teal.lab.world.ground import Answer, Params
from teal.lab.world.wires import AwsRefusal, TargetSeen

FINISH_LEAST_S = 8.0
_REGISTERING = ("Elb.RegistrationInProgress", "Target registration is in progress")
_SAID = {
    "initial": ("Elb.InitialHealthChecking", "Initial health checks in progress"),
    "healthy": ("", ""),
    "unhealthy": ("Target.FailedHealthChecks", "Health checks failed"),
}
_UNUSED = ("Target.NotInUse", "Target group is not configured to receive traffic from the load balancer")
_DRAINING = ("Target.DeregistrationInProgress", "Target deregistration is in progress")
_UNKNOWN = ("Target.NotRegistered", "Target is not registered to the target group")


def register_targets(state: Balancing, params: Params, now_s: float) -> Answer:
    """RegisterTargets: all or none; an address of the VPC is dialled on loopback."""
    group = state.group(params["TargetGroupArn"])
    wanted = [(_key(group, sent), _dial(state, group, sent)) for sent in params["Targets"]]
    fresh = {key for key, _ in wanted} - group.targets.keys()
    limits.check_limit(
        limits.TARGETS_PER_GROUP, len(group.targets) + len(fresh), "TooManyTargets", f"targets of group '{group.arn}'"
    )
    for balancer_arn in state.attachments().get(group.arn, ()):
        limits.check_limit(
            limits.TARGETS_PER_BALANCER,
            _targets_on(state, balancer_arn) + len(fresh),
            "TooManyTargets",
            f"targets on load balancer '{balancer_arn}'",
        )
    for key, dial in wanted:
        register(state, group, key, dial, now_s)
    return {}


def deregister_targets(state: Balancing, params: Params, now_s: float) -> Answer:
    """DeregisterTargets: succeeds for a target that is not registered, as AWS does."""
    group = state.group(params["TargetGroupArn"])
    for sent in params["Targets"]:
        deregister(state, group, _key(group, sent), now_s)
    return {}


def describe_target_health(state: Balancing, params: Params) -> Answer:
    """DescribeTargetHealth: all targets, or those named, also when they are not registered."""
    group = state.group(params["TargetGroupArn"])
    named: Sequence[Shape] = params.get("Targets", ())
    keys = [_key(group, sent) for sent in named] or list(group.targets)
    include: Sequence[str] = params.get("Include", ())
    return {"TargetHealthDescriptions": [_described(state, group, key, include) for key in keys]}


def register(state: Balancing, group: Group, key: tuple[str, int], dial: tuple[str, int], now_s: float) -> None:
    """Register a target; one that drains becomes a new one, one that is registered stays as it is."""
    known = group.targets.get(key)
    if known is not None and known.drained_at_s is None:
        known.dial = dial
        return
    target = Target(target_id=key[0], port=key[1], dial=dial)
    _begin(target)
    group.targets[key] = target
    group.finishing_until_s.pop(dial, None)
    state.tell(now_s, group.name, f"target {_label(target)} registered")


def deregister(state: Balancing, group: Group, key: tuple[str, int], now_s: float) -> None:
    """Begin to drain a target; in a group that no rule uses it is gone at once."""
    target = group.targets.get(key)
    if target is None or target.drained_at_s is not None:
        return
    on_aws_s = int(group.attributes[DELAY]) if group.in_use else 0
    delay_s = state.ground.scaled(on_aws_s)
    target.drained_at_s = now_s + delay_s
    group.finishing_until_s[target.dial] = now_s + max(delay_s, min(FINISH_LEAST_S, on_aws_s))
    state.next_drained_at_s = min(state.next_drained_at_s, target.drained_at_s)
    state.tell(now_s, group.name, f"target {_label(target)} deregistered, drains for {delay_s:g} s")
    drop_drained(state, now_s)


def drop_drained(state: Balancing, now_s: float) -> None:
    """Forget targets whose deregistration delay is over, and let no request to them last longer than it may."""
    if now_s < state.next_drained_at_s:
        return
    state.next_drained_at_s = inf
    for group in state.groups.values():
        drained_at_s = {key: one.drained_at_s for key, one in group.targets.items() if one.drained_at_s is not None}
        for key in [key for key, at_s in drained_at_s.items() if at_s <= now_s]:
            del drained_at_s[key]
            state.tell(now_s, group.name, f"target {_label(group.targets.pop(key))} is gone")
        group.finishing_until_s = {dial: at_s for dial, at_s in group.finishing_until_s.items() if at_s > now_s}
        ends_s = (*drained_at_s.values(), *group.finishing_until_s.values())
        state.next_drained_at_s = min(state.next_drained_at_s, *ends_s, inf)


def settle(state: Balancing, now_s: float) -> None:
    """Notice groups that came into or went out of use: their targets are checked from the beginning."""
    attached = state.attachments()
    for group in state.groups.values():
        in_use = group.arn in attached
        if in_use == group.in_use:
            continue
        group.in_use = in_use
        for target in group.targets.values():
            _begin(target)
        state.tell(now_s, group.name, "target group is in use" if in_use else "target group is not in use")


def see(state: Balancing, seen: TargetSeen, now_s: float) -> None:
    """Take a report of the data plane; one about a target that drains, is unused or gone changes nothing."""
    group = state.groups.get(seen.group_arn)
    target = group.targets.get((seen.target_id, seen.port)) if group is not None else None
    if group is None or target is None or target.drained_at_s is not None or not group.in_use:
        return
    reason, description = _SAID[seen.state]
    if seen.state != "healthy":
        reason, description = seen.reason or reason, seen.description or (description if not seen.reason else "")
    news = (seen.state, reason, description)
    if news == (target.health, target.reason, target.description):
        return
    target.health, target.reason, target.description = news
    because = f": {description or reason}" if reason else ""
    state.ground.tell(now_s, "target", f"{group.name} {_label(target)}", f"{seen.state}{because}")


def state_of(group: Group, key: tuple[str, int]) -> str | None:
    """Return a target's state, or None when it is not registered."""
    if key not in group.targets:
        return None
    return _health(group, key)[0]


def _begin(target: Target) -> None:
    target.health = "initial"
    target.reason, target.description = _REGISTERING


def _health(group: Group, key: tuple[str, int]) -> tuple[str, str, str]:
    """Return state, reason and description of a target."""
    target = group.targets.get(key)
    if target is None:
        return ("unused", *_UNKNOWN)
    if target.drained_at_s is not None:
        return ("draining", *_DRAINING)
    if not group.in_use:
        return ("unused", *_UNUSED)
    return (target.health, target.reason, target.description)


def _described(state: Balancing, group: Group, key: tuple[str, int], include: Sequence[str]) -> Shape:
    name, reason, description = _health(group, key)
    health: Shape = {"State": name}
    health |= {"Reason": reason} if reason else {}
    health |= {"Description": description} if description else {}
    shown: Shape = {"Target": {"Id": key[0], "Port": key[1]}, "TargetHealth": health}
    if key not in group.targets:
        return shown
    zone = _zone(state, group, key[0])
    shown["Target"] |= {"AvailabilityZone": zone} if zone else {}
    shown["HealthCheckPort"] = checked_port(group, key[1])
    shown["AdministrativeOverride"] = {
        "State": "no_override",
        "Reason": "AdministrativeOverride.NoOverride",
        "Description": "No override is currently active on target",
    }
    if {"All", "AnomalyDetection"} & set(include):
        shown["AnomalyDetection"] = {"Result": "normal", "MitigationInEffect": "no"}
    return shown


def _key(group: Group, sent: Shape) -> tuple[str, int]:
    target_id: str = sent["Id"]
    port: int = sent["Port"] if "Port" in sent else group.fixed["Port"]
    return (target_id, port)


def _label(target: Target) -> str:
    return f"{target.target_id}:{target.port}"


def _zone(state: Balancing, group: Group, target_id: str) -> str | None:
    return network.zone_of(state.ground, IPv4Address(target_id)) if group.fixed["TargetType"] == "ip" else None


def _dial(state: Balancing, group: Group, sent: Shape) -> tuple[str, int]:
    """Return where a target that was registered by hand is dialled."""
    target_id, port = _key(group, sent)
    if group.fixed["TargetType"] != "ip":
        raise AwsRefusal("InvalidTarget", f"The following targets are not in a running state: '{target_id}'")
    try:
        address = IPv4Address(target_id)
    except ValueError:
        raise AwsRefusal("ValidationError", f"The IP address '{target_id}' is not a valid IPv4 address") from None
    if not network.is_in_vpc(state.ground, address):
        raise AwsRefusal("ValidationError", f"The IP address '{target_id}' is not within the VPC '{network.VPC_ID}'")
    return (network.loopback_of(address), port)


def _targets_on(state: Balancing, balancer_arn: str) -> int:
    return sum(
        len(state.groups[arn].targets) for arn, balancers in state.attachments().items() if balancer_arn in balancers
    )
