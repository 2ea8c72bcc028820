"""Load balancers: Application Load Balancers only, active at once.

`DNSName` is the load balancer's own loopback address as text, where AWS has a name: a client of the lab can dial it
without a resolver. Network and gateway load balancers are not simulated.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from re import fullmatch

from teal.lab.world import elbv2_attributes as attributes
from teal.lab.world import elbv2_limits as limits
from teal.lab.world import network
from teal.lab.world.elbv2_model import Balancer, Balancing, Shape
from teal.lab.world.elbv2_page import check_at_most_one, page
from teal.lab.world.elbv2_tags import checked_tags
from teal.lab.world.ground import Answer, Params, duplicate
from teal.lab.world.wires import AwsRefusal, not_simulated

_ZONE_ID = "Z32O12XQLNTSW2"  # AWS's own hosted zone for load balancers in eu-west-1; the lab has no DNS
_LEAST_ZONES = 2
_MOST_NAMES = 20


def create_load_balancer(state: Balancing, params: Params, now_s: float) -> Answer:
    """CreateLoadBalancer: idempotent for equal settings."""
    name: str = params["Name"]
    _check_kind(params)
    check_name("load balancer", name)
    settings = _settings(state, params)
    tags = checked_tags(params.get("Tags", []))
    for balancer in state.balancers.values():
        if balancer.name == name:
            if any(balancer.shape[key] != value for key, value in settings.items()):
                raise AwsRefusal(
                    "DuplicateLoadBalancerName",
                    f"A load balancer with the same name '{name}' exists, but with different settings",
                )
            return {"LoadBalancers": [duplicate(balancer.shape)]}
    limits.check_limit(limits.BALANCERS, len(state.balancers) + 1, "TooManyLoadBalancers", "load balancers")
    balancer = _new_balancer(state, name, settings, now_s)
    balancer.tags = tags
    state.balancers[balancer.arn] = balancer
    state.tell(now_s, name, f"load balancer created at {balancer.address}")
    return {"LoadBalancers": [duplicate(balancer.shape)]}


def describe_load_balancers(state: Balancing, params: Params) -> Answer:
    """DescribeLoadBalancers: all, or those named; a name that is not there is refused."""
    check_at_most_one(params, "LoadBalancerArns", "Names")
    arns: Sequence[str] = params.get("LoadBalancerArns", ())
    names: Sequence[str] = params.get("Names", ())
    if max(len(arns), len(names)) > _MOST_NAMES:
        raise AwsRefusal("ValidationError", f"At most {_MOST_NAMES} load balancers can be described in one call")
    found = [
        balancer
        for balancer in state.balancers.values()
        if (not arns or balancer.arn in arns) and (not names or balancer.name in names)
    ]
    if (arns or names) and len(found) < len(set(arns or names)):
        missing = sorted(set(arns or names) - {balancer.arn for balancer in found} - {b.name for b in found})
        raise AwsRefusal("LoadBalancerNotFound", f"Load balancers '[{', '.join(missing)}]' not found")
    return page("LoadBalancers", [duplicate(balancer.shape) for balancer in found], params)


def delete_load_balancer(state: Balancing, params: Params, now_s: float) -> Answer:
    """DeleteLoadBalancer: with its listeners and rules; succeeds when there is none."""
    arn: str = params["LoadBalancerArn"]
    balancer = state.balancers.get(arn)
    if balancer is None:
        return {}
    if balancer.attributes[attributes.DELETION_PROTECTION] == "true":
        raise AwsRefusal(
            "OperationNotPermitted",
            f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled",
        )
    gone = {listener.arn for listener in state.listeners_of(arn)}
    state.rules = {rule.arn: rule for rule in state.rules.values() if rule.listener_arn not in gone}
    state.listeners = {key: listener for key, listener in state.listeners.items() if key not in gone}
    del state.balancers[arn]
    state.tell(now_s, balancer.name, "load balancer deleted")
    return {}


def describe_load_balancer_attributes(state: Balancing, params: Params) -> Answer:
    """DescribeLoadBalancerAttributes."""
    return attributes.answer(state.balancer(params["LoadBalancerArn"]).attributes)


def modify_load_balancer_attributes(state: Balancing, params: Params, now_s: float) -> Answer:
    """ModifyLoadBalancerAttributes: replaces those sent, answers all."""
    balancer = state.balancer(params["LoadBalancerArn"])
    changed = attributes.checked(attributes.OF_BALANCER, params["Attributes"], "Load balancer")
    for log in ("access_logs", "connection_logs", "health_check_logs"):
        after = balancer.attributes | changed
        if after[f"{log}.s3.enabled"] == "true" and not after[f"{log}.s3.bucket"]:
            raise AwsRefusal("InvalidConfigurationRequest", f"'{log}.s3.bucket' must be specified to enable the logs")
    balancer.attributes |= changed
    state.tell(now_s, balancer.name, attributes.change_text(changed))
    return attributes.answer(balancer.attributes)


def check_name(what: str, name: str) -> None:
    """Refuse a name that a load balancer or target group cannot have.

    Raises:
        AwsRefusal: the name is too long, or has other characters than letters, digits and inner hyphens.
    """
    if not fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?", name) or name.startswith("internal-"):
        raise AwsRefusal(
            "ValidationError",
            f"The {what} name '{name}' must have at most 32 characters, only alphanumeric characters or hyphens, "
            "and must not begin or end with a hyphen",
        )


def _check_kind(params: Params) -> None:
    kind = params.get("Type", "application")
    if kind != "application":
        raise not_simulated(f"load balancers of type {kind}")
    if params.get("IpAddressType", "ipv4") != "ipv4":
        raise not_simulated("IPv6")


def _settings(state: Balancing, params: Params) -> Shape:
    """Return the part of the answer that the request decides."""
    groups: list[str] = params.get("SecurityGroups") or [network.SECURITY_GROUP_ID]
    for group in groups:
        if group != network.SECURITY_GROUP_ID:
            raise AwsRefusal("InvalidConfigurationRequest", "One or more security groups are invalid")
    return {
        "Scheme": params.get("Scheme", "internet-facing"),
        "AvailabilityZones": _zones(state, params),
        "SecurityGroups": list(groups),
    }


def _zones(state: Balancing, params: Params) -> list[Shape]:
    check_at_most_one(params, "Subnets", "SubnetMappings")
    mappings: Sequence[Shape] = params.get("SubnetMappings", ())
    wanted: Sequence[str] = params.get("Subnets") or [mapping.get("SubnetId", "") for mapping in mappings]
    known = {subnet.subnet_id: subnet for subnet in network.subnets(state.ground)}
    for subnet_id in wanted:
        if subnet_id not in known:
            raise AwsRefusal("InvalidSubnetID.NotFound", f"The subnet ID '{subnet_id}' does not exist")
    zones = {known[subnet_id].zone for subnet_id in wanted}
    if len(zones) < max(_LEAST_ZONES, len(wanted)):
        raise AwsRefusal(
            "ValidationError", "At least two subnets in two different Availability Zones must be specified"
        )
    return [
        {"ZoneName": known[subnet_id].zone, "SubnetId": subnet_id, "LoadBalancerAddresses": []}
        for subnet_id in sorted(wanted)
    ]


def _new_balancer(state: Balancing, name: str, settings: Shape, now_s: float) -> Balancer:
    arn = state.ground.arn("elasticloadbalancing", f"loadbalancer/app/{name}/{state.ground.hex_id(16)}")
    address = network.free_balancer_address(state.ground, (other.address for other in state.balancers.values()))
    shape: Shape = {
        "LoadBalancerArn": arn,
        "DNSName": address,
        "CanonicalHostedZoneId": _ZONE_ID,
        "CreatedTime": datetime.fromtimestamp(now_s, tz=UTC),
        "LoadBalancerName": name,
        "VpcId": network.VPC_ID,
        "State": {"Code": "active"},
        "Type": "application",
        "IpAddressType": "ipv4",
        **settings,
    }
    return Balancer(
        arn=arn,
        name=name,
        address=address,
        shape=shape,
        attributes=attributes.defaults(attributes.OF_BALANCER),
        tags={},
    )
