"""Where traffic enters and where it goes: load balancers, listeners, rules, target groups, target health."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from types import MappingProxyType

NO_TAGS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One rule condition; its values are alternatives. `field` is AWS's name, e.g. `host-header`."""

    field: str
    values: tuple[str, ...] = ()
    header: str = ""  # of `http-header`
    queries: tuple[tuple[str, str], ...] = ()  # of `query-string`: (key or "", value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """A forward action: (target group ARN, weight 0–999) in AWS's order; group stickiness in seconds, None when off."""

    shares: tuple[tuple[str, int], ...]
    stickiness_s: int | None = None

    def share(self, group_arn: str) -> Fraction:
        """Return the share of `group_arn` as a fraction of 1; a single group has it all, whatever its weight says."""
        if len(self.shares) == 1:
            return _part(int(self.shares[0][0] == group_arn), 1)
        total = sum(weight for _, weight in self.shares)
        mine = sum(weight for arn, weight in self.shares if arn == group_arn)
        return _part(mine, total) if total else Fraction(0)

    @property
    def groups(self) -> frozenset[str]:
        """The ARNs of all target groups named, whatever their weight."""
        return frozenset(arn for arn, _ in self.shares)


@lru_cache(maxsize=256)  # every look asks for the same few shares many times
def _part(mine: int, total: int) -> Fraction:
    return Fraction(mine, total)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A listener rule, or a listener's default action (then `priority` is None and `arn` is the listener's).

    `other_actions` are the actions before the terminal one, each as AWS's own JSON in canonical form: teal keeps them
    to the letter and never reads them.
    """

    arn: str
    listener_arn: str
    priority: int | None
    conditions: tuple[Condition, ...]
    forward: Forward | None  # None: the rule redirects or answers by itself
    forward_order: int | None = None
    terminal: str = "forward"  # AWS's name of the last action
    other_actions: tuple[str, ...] = ()
    authenticates: bool = False
    tags: Mapping[str, str] = field(default_factory=lambda: NO_TAGS)

    @property
    def is_default(self) -> bool:
        """Whether this is a listener's default action."""
        return self.priority is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A listener of a load balancer."""

    arn: str
    load_balancer_arn: str
    port: int
    protocol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBalancer:
    """An application load balancer and its listeners."""

    arn: str
    name: str
    dns_name: str
    vpc_id: str
    listeners: tuple[Listener, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetGroup:
    """A target group as AWS describes it."""

    arn: str
    name: str
    port: int
    protocol: str
    protocol_version: str
    vpc_id: str
    target_type: str
    load_balancer_arns: tuple[str, ...]
    sticky: bool = False  # target stickiness
    deregistration_delay_s: int = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetHealth:
    """One target. `state` and `reason` are AWS's words."""

    target_id: str
    port: int
    state: str  # initial healthy unhealthy unused draining unavailable
    reason: str = ""
    description: str = ""
