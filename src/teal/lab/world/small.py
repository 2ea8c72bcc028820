"""The small services around ECS and ELBv2: who one is, the one network, and scalable targets.

EC2 knows the fixed network of the lab and no instance or interface. Application Auto Scaling stores scalable targets
and answers them truthfully, but nothing scales: there are no policies, no scheduled actions, and registering a target
does not move a service's count into its bounds, as AWS would.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from re import fullmatch

from teal.lab.world import network
from teal.lab.world.ground import Answer, Ground, Params
from teal.lab.world.wires import AwsRefusal, not_simulated

_SUSPENSIONS = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")
_DIMENSION = "ecs:service:DesiredCount"
_PAGE_SIZE = 50


def sts_call(ground: Ground, operation: str) -> Answer:
    """Perform one operation of STS: everybody is the user `lab`.

    Raises:
        AwsRefusal: the lab does not simulate the operation.
    """
    if operation != "GetCallerIdentity":
        raise not_simulated(f"sts {operation}")
    return {
        "UserId": "AIDALABLABLABLABLABLA",
        "Account": ground.account,
        "Arn": f"arn:{ground.partition}:iam::{ground.account}:user/lab",
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listing:
    """What one Describe operation of EC2 lists, and how its items are asked for."""

    answer: str  # the member of the answer
    items: tuple[Answer, ...]
    ids: Mapping[str, str]  # parameter: member of an item
    filters: Mapping[str, str]  # filter name: member of an item
    missing: str  # the error code for an unknown id


def ec2_call(ground: Ground, operation: str, params: Params) -> Answer:
    """Perform one Describe operation of EC2, with ids and the obvious filters.

    Raises:
        AwsRefusal: an id or filter is unknown, or the lab does not simulate the operation.
    """
    listing = _listing(ground, operation)
    found = list(listing.items)
    for parameter, member in listing.ids.items():
        wanted: Sequence[str] = params.get(parameter, ())
        for value in wanted:
            if all(item[member] != value for item in listing.items):
                raise AwsRefusal(listing.missing, f"The ID '{value}' does not exist")
        found = [item for item in found if not wanted or item[member] in wanted]
    filters: Sequence[Answer] = params.get("Filters", ())
    for sent in filters:
        member = listing.filters.get(sent.get("Name", ""), "")
        if not member:
            raise AwsRefusal("InvalidParameterValue", f"The filter '{sent.get('Name')}' is invalid")
        patterns: Sequence[str] = sent.get("Values", ())
        found = [item for item in found if any(_matches(item.get(member), pattern) for pattern in patterns)]
    return {listing.answer: found}


def _matches(value: object, pattern: str) -> bool:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return fnmatchcase(text, pattern)


def _listing(ground: Ground, operation: str) -> _Listing:
    match operation:
        case "DescribeVpcs":
            return _vpcs(ground)
        case "DescribeSubnets":
            return _subnets(ground)
        case "DescribeSecurityGroups":
            return _security_groups(ground)
        case "DescribeAvailabilityZones":
            return _zones(ground)
        case "DescribeNetworkInterfaces":
            return _interfaces()
        case _:
            raise not_simulated(f"ec2 {operation}")


def _vpcs(ground: Ground) -> _Listing:
    vpc: Answer = {
        "VpcId": network.VPC_ID,
        "CidrBlock": network.vpc_cidr(ground),
        "State": "available",
        "IsDefault": True,
        "InstanceTenancy": "default",
        "OwnerId": ground.account,
        "DhcpOptionsId": "default",
        "Tags": [{"Key": "Name", "Value": "lab"}],
    }
    return _Listing(
        answer="Vpcs",
        items=(vpc,),
        ids={"VpcIds": "VpcId"},
        filters={
            "vpc-id": "VpcId",
            "cidr": "CidrBlock",
            "cidr-block": "CidrBlock",
            "state": "State",
            "is-default": "IsDefault",
            "isDefault": "IsDefault",
            "owner-id": "OwnerId",
        },
        missing="InvalidVpcID.NotFound",
    )


def _subnets(ground: Ground) -> _Listing:
    items: tuple[Answer, ...] = tuple(
        {
            "SubnetId": subnet.subnet_id,
            "SubnetArn": ground.arn("ec2", f"subnet/{subnet.subnet_id}"),
            "VpcId": network.VPC_ID,
            "CidrBlock": subnet.cidr,
            "AvailabilityZone": subnet.zone,
            "AvailabilityZoneId": f"lab1-az{number}",
            "AvailableIpAddressCount": 4091,
            "State": "available",
            "DefaultForAz": True,
            "MapPublicIpOnLaunch": False,
            "AssignIpv6AddressOnCreation": False,
            "OwnerId": ground.account,
            "Tags": [{"Key": "Name", "Value": subnet.subnet_id}],
        }
        for number, subnet in enumerate(network.subnets(ground), start=1)
    )
    return _Listing(
        answer="Subnets",
        items=items,
        ids={"SubnetIds": "SubnetId"},
        filters={
            "subnet-id": "SubnetId",
            "vpc-id": "VpcId",
            "availability-zone": "AvailabilityZone",
            "availabilityZone": "AvailabilityZone",
            "cidr-block": "CidrBlock",
            "state": "State",
            "default-for-az": "DefaultForAz",
            "map-public-ip-on-launch": "MapPublicIpOnLaunch",
            "owner-id": "OwnerId",
        },
        missing="InvalidSubnetID.NotFound",
    )


def _security_groups(ground: Ground) -> _Listing:
    everything: Answer = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    group: Answer = {
        "GroupId": network.SECURITY_GROUP_ID,
        "GroupName": "lab",
        "Description": "all traffic of the lab",
        "VpcId": network.VPC_ID,
        "OwnerId": ground.account,
        "IpPermissions": [everything],
        "IpPermissionsEgress": [everything],
    }
    return _Listing(
        answer="SecurityGroups",
        items=(group,),
        ids={"GroupIds": "GroupId", "GroupNames": "GroupName"},
        filters={"group-id": "GroupId", "group-name": "GroupName", "vpc-id": "VpcId", "owner-id": "OwnerId"},
        missing="InvalidGroup.NotFound",
    )


def _zones(ground: Ground) -> _Listing:
    items: tuple[Answer, ...] = tuple(
        {
            "ZoneName": subnet.zone,
            "ZoneId": f"lab1-az{number}",
            "RegionName": ground.region,
            "State": "available",
            "ZoneType": "availability-zone",
            "OptInStatus": "opt-in-not-required",
            "GroupName": ground.region,
        }
        for number, subnet in enumerate(network.subnets(ground), start=1)
    )
    return _Listing(
        answer="AvailabilityZones",
        items=items,
        ids={"ZoneNames": "ZoneName", "ZoneIds": "ZoneId"},
        filters={
            "zone-name": "ZoneName",
            "zone-id": "ZoneId",
            "region-name": "RegionName",
            "state": "State",
            "zone-type": "ZoneType",
            "opt-in-status": "OptInStatus",
            "group-name": "GroupName",
        },
        missing="InvalidParameterValue",
    )


def _interfaces() -> _Listing:
    names = ("network-interface-id", "vpc-id", "subnet-id", "group-id", "status", "addresses.private-ip-address")
    return _Listing(
        answer="NetworkInterfaces",
        items=(),
        ids={"NetworkInterfaceIds": "NetworkInterfaceId"},
        filters={name: name for name in names},
        missing="InvalidNetworkInterfaceID.NotFound",
    )


@dataclass(slots=True, kw_only=True)
class Scaling:
    """Application Auto Scaling: scalable targets of ECS services.

    Args:
        ground: account, region and story.
        has_service: says whether a cluster has an active service, both by name.
    """

    ground: Ground
    has_service: Callable[[str, str], bool]
    _targets: dict[str, Answer] = field(default_factory=dict[str, Answer])  # by resource id

    def memory(self) -> dict[str, Answer]:
        """Return the scalable targets by resource id."""
        return self._targets

    def restore(self, memory: dict[str, Answer]) -> None:
        """Know these scalable targets, and no others."""
        self._targets = memory

    def call(self, operation: str, params: Params, now_s: float) -> Answer:
        """Perform one API operation.

        Raises:
            AwsRefusal: AWS would refuse, or the lab does not simulate the operation.
        """
        if params.get("ServiceNamespace") != "ecs":
            raise not_simulated(f"application-autoscaling of {params.get('ServiceNamespace')}")
        match operation:
            case "RegisterScalableTarget":
                return self._register(params, now_s)
            case "DeregisterScalableTarget":
                return self._deregister(params, now_s)
            case "DescribeScalableTargets":
                return self._describe(params)
            case "DescribeScalingPolicies":
                return {"ScalingPolicies": []}
            case "DescribeScheduledActions":
                return {"ScheduledActions": []}
            case _:
                raise not_simulated(f"application-autoscaling {operation}")

    def _register(self, params: Params, now_s: float) -> Answer:
        """Create a scalable target, or change the given fields of one."""
        name = self._resource(params)
        known = self._targets.get(name)
        target = self._fresh(name, now_s) if known is None else known
        bounds = {key: params[key] for key in ("MinCapacity", "MaxCapacity") if key in params}
        after = target | bounds | {key: params[key] for key in ("RoleARN",) if key in params}
        if not {"MinCapacity", "MaxCapacity"} <= after.keys():
            raise _invalid("Both minimum capacity and maximum capacity must be specified for a new scalable target")
        if not 0 <= after["MinCapacity"] <= after["MaxCapacity"]:
            raise _invalid("Maximum capacity cannot be less than minimum capacity, and neither can be negative")
        sent: Answer = params.get("SuspendedState", {})
        after["SuspendedState"] = target["SuspendedState"] | {key: sent[key] for key in _SUSPENSIONS if key in sent}
        self._targets[name] = after
        suspended = [key for key in _SUSPENSIONS if after["SuspendedState"][key]]
        bounds_text = f"{after['MinCapacity']} to {after['MaxCapacity']}"
        self.ground.tell(now_s, "scaling", name, f"scalable target {bounds_text}, suspended: {suspended or 'nothing'}")
        return {"ScalableTargetARN": after["ScalableTargetARN"]}

    def _deregister(self, params: Params, now_s: float) -> Answer:
        name: str = params["ResourceId"]
        if name not in self._targets or params["ScalableDimension"] != _DIMENSION:
            raise AwsRefusal(
                "ObjectNotFoundException",
                f"No scalable target found for service namespace: ecs, resource ID: {name}, "
                f"scalable dimension: {params['ScalableDimension']}",
            )
        del self._targets[name]
        self.ground.tell(now_s, "scaling", name, "scalable target deregistered")
        return {}

    def _describe(self, params: Params) -> Answer:
        wanted: Sequence[str] = params.get("ResourceIds", ())
        if params.get("ScalableDimension", _DIMENSION) != _DIMENSION:
            return {"ScalableTargets": []}
        found = [target for name, target in self._targets.items() if not wanted or name in wanted]
        token: str = params.get("NextToken", "0")
        if not (token.isascii() and token.isdigit()):
            raise AwsRefusal("InvalidNextTokenException", "The next token is not valid")
        start, size = int(token), min(int(params.get("MaxResults", _PAGE_SIZE)), _PAGE_SIZE)
        answer: Answer = {
            "ScalableTargets": [
                target | {"SuspendedState": dict(target["SuspendedState"])} for target in found[start : start + size]
            ]
        }
        return answer | ({"NextToken": str(start + size)} if start + size < len(found) else {})

    def _resource(self, params: Params) -> str:
        """Return the checked resource id `service/<cluster>/<service>`."""
        name: str = params["ResourceId"]
        parts = fullmatch(r"service/([A-Za-z0-9_-]+)/([A-Za-z0-9_-]+)", name)
        if parts is None or params["ScalableDimension"] != _DIMENSION:
            raise _invalid(f"Unsupported service namespace, resource type or scalable dimension: {name}")
        if not self.has_service(parts[1], parts[2]):
            raise _invalid(f"ECS service doesn't exist: {name}")
        return name

    def _fresh(self, name: str, now_s: float) -> Answer:
        role = "ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService"
        return {
            "ServiceNamespace": "ecs",
            "ResourceId": name,
            "ScalableDimension": _DIMENSION,
            "RoleARN": f"arn:{self.ground.partition}:iam::{self.ground.account}:role/aws-service-role/{role}",
            "CreationTime": datetime.fromtimestamp(now_s, tz=UTC),
            "SuspendedState": dict.fromkeys(_SUSPENSIONS, False),
            "ScalableTargetARN": self.ground.arn(
                "application-autoscaling", f"scalable-target/{self.ground.hex_id(32)}"
            ),
        }


def _invalid(message: str) -> AwsRefusal:
    return AwsRefusal("ValidationException", message)
