"""AWS's token buckets: how many calls of which operations an account may make.

Sources: "Request throttling for the Amazon ECS API" (ECS developer guide) and "Request throttling" (Elastic Load
Balancing user guide). Every account and region has its own; the operations of a bucket share it, and each call of
ELBv2 takes a token from its own bucket and one from that of the account. Calls that ECS makes for itself do not count.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """How many tokens a bucket holds, and how many it gets per second."""

    name: str
    burst: float
    per_s: float


def _shared(name: str, burst: float, per_s: float, *operations: str) -> dict[str, Bucket]:
    return dict.fromkeys(operations, Bucket(name=name, burst=burst, per_s=per_s))


ECS: Final[Mapping[str, Bucket]] = {
    **_shared("ecs service modify", 50, 5, "CreateService", "UpdateService", "DeleteService"),
    **_shared("ecs service read", 100, 20, "DescribeServices", "ListServices"),
    **_shared("ecs service deployment", 50, 20, "DescribeServiceDeployments", "ListServiceDeployments"),
    **_shared("ecs service revision", 50, 20, "DescribeServiceRevisions"),
    **_shared("ecs task definition modify", 20, 1, "RegisterTaskDefinition", "DeregisterTaskDefinition"),
    **_shared(
        *("ecs task definition read", 50, 20),
        *("DescribeTaskDefinition", "ListTaskDefinitions", "ListTaskDefinitionFamilies"),
    ),
    **_shared("ecs cluster resource read", 100, 20, "DescribeTasks", "ListTasks"),
    **_shared("ecs cluster resource modify", 100, 40, "RunTask", "StopTask"),
    **_shared("ecs cluster read", 50, 20, "DescribeClusters", "ListClusters"),
    **_shared("ecs tag read", 50, 20, "ListTagsForResource"),
    **_shared("ecs tag modify", 20, 10, "TagResource", "UntagResource"),
}
_ELB_ACCOUNT = Bucket(name="elbv2 account", burst=40, per_s=10)
_ELB_READ = Bucket(name="elbv2 read", burst=40, per_s=10)
_ELB_MODIFY = Bucket(name="elbv2 modify", burst=20, per_s=3)
ELBV2: Final[Mapping[str, Bucket]] = {
    **_shared("elbv2 registration", 20, 4, "RegisterTargets", "DeregisterTargets"),
    **_shared("elbv2 resource-intensive", 10, 0.2, "CreateLoadBalancer", "SetSubnets"),
}


def buckets_of(service: str, operation: str) -> tuple[Bucket, ...]:
    """Return the buckets that a call takes a token of; none where AWS publishes none."""
    match service:
        case "ecs":
            found = ECS.get(operation)
            return () if found is None else (found,)
        case "elbv2":
            own = _ELB_READ if operation.startswith("Describe") else _ELB_MODIFY
            return ELBV2.get(operation, own), _ELB_ACCOUNT
        case _:
            return ()


@dataclass(slots=True)
class _Level:
    tokens: float
    at_s: float


@dataclass(slots=True, kw_only=True)
class Levels:
    """How full the buckets are. `rate_percent` makes all of them smaller, or larger, than AWS's."""

    rate_percent: float = 100.0
    _levels: dict[str, _Level] = field(default_factory=dict[str, _Level])

    def take(self, service: str, operation: str, now_s: float) -> str | None:
        """Take the tokens of a call; return the name of a bucket that has none, and then take none at all."""
        wanted = buckets_of(service, operation)
        levels = [self._filled(bucket, now_s) for bucket in wanted]
        for bucket, level in zip(wanted, levels, strict=True):
            if level.tokens < 1.0:
                return bucket.name
        for level in levels:
            level.tokens -= 1.0
        return None

    def _filled(self, bucket: Bucket, now_s: float) -> _Level:
        rate = self.rate_percent / 100
        burst = max(1.0, bucket.burst * rate)  # a bucket without room for one token would refuse for ever
        level = self._levels.setdefault(bucket.name, _Level(burst, now_s))
        level.tokens = min(burst, level.tokens + max(0.0, now_s - level.at_s) * bucket.per_s * rate)
        level.at_s = now_s
        return level
