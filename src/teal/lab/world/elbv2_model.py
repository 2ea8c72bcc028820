"""What the load balancer API remembers: load balancers, listeners, rules, target groups, targets.

Which group is in use is read off the rules after every write and kept until the next one, because ECS asks for every
target at every look. Actions, conditions and settings are kept in AWS's own shape, already checked and filled in,
except that the client secret of a login action is kept as well and taken out of every answer.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import inf

from teal.lab.world.ground import Answer, Ground
from teal.lab.world.wires import AwsRefusal

_LOW_PORTS = range(1024)

Shape = Answer  # a piece of a request or an answer in AWS's own shape


@dataclass(slots=True, kw_only=True)
class Balancer:
    """An Application Load Balancer; `address` is its own loopback address."""

    arn: str
    name: str
    address: str
    shape: Shape
    attributes: dict[str, str]
    tags: dict[str, str]


@dataclass(slots=True, kw_only=True)
class Listener:
    """A listener. Its default actions are those of its default rule."""

    arn: str
    balancer_arn: str
    port: int
    protocol: str
    secure: Shape  # SslPolicy, Certificates, MutualAuthentication of an HTTPS listener
    tags: dict[str, str]


@dataclass(slots=True, kw_only=True)
class Rule:
    """A listener rule; the default rule has no priority."""

    arn: str
    listener_arn: str
    priority: int | None
    conditions: list[Shape]
    actions: list[Shape]
    transforms: list[Shape]
    tags: dict[str, str]


@dataclass(slots=True, kw_only=True)
class Target:
    """A registered target and the last word of the data plane about it."""

    target_id: str
    port: int
    dial: tuple[str, int]
    health: str = "initial"
    reason: str = ""
    description: str = ""
    drained_at_s: float | None = None  # set while draining


@dataclass(slots=True, kw_only=True)
class Group:
    """A target group; `fixed` are the settings that can never change, `check` those of the health check."""

    arn: str
    name: str
    fixed: Shape
    check: Shape
    attributes: dict[str, str]
    tags: dict[str, str]
    targets: dict[tuple[str, int], Target] = field(default_factory=dict[tuple[str, int], Target])
    in_use: bool = False  # some rule forwards to it; as of the last write
    # where deregistered targets are dialled → until when their open requests may last
    finishing_until_s: dict[tuple[str, int], float] = field(default_factory=dict[tuple[str, int], float])


@dataclass(slots=True, kw_only=True)
class Balancing:
    """All load balancing of one lab, in order of creation."""

    ground: Ground
    balancers: dict[str, Balancer] = field(default_factory=dict[str, Balancer])
    listeners: dict[str, Listener] = field(default_factory=dict[str, Listener])
    rules: dict[str, Rule] = field(default_factory=dict[str, Rule])
    groups: dict[str, Group] = field(default_factory=dict[str, Group])
    next_drained_at_s: float = inf  # no target is drained, and no open request cut off, before

    def balancer(self, arn: str) -> Balancer:
        """Return a load balancer, or refuse as AWS does."""
        if arn not in self.balancers:
            raise AwsRefusal("LoadBalancerNotFound", f"Load balancer '{arn}' not found")
        return self.balancers[arn]

    def listener(self, arn: str) -> Listener:
        """Return a listener, or refuse as AWS does."""
        if arn not in self.listeners:
            raise AwsRefusal("ListenerNotFound", f"Listener '{arn}' not found")
        return self.listeners[arn]

    def rule(self, arn: str) -> Rule:
        """Return a rule, or refuse as AWS does."""
        if arn not in self.rules:
            raise AwsRefusal("RuleNotFound", f"Rule '{arn}' not found")
        return self.rules[arn]

    def group(self, arn: str) -> Group:
        """Return a target group, or refuse as AWS does."""
        if arn not in self.groups:
            raise AwsRefusal("TargetGroupNotFound", f"Target group '{arn}' not found")
        return self.groups[arn]

    def listeners_of(self, balancer_arn: str) -> list[Listener]:
        """Return the listeners of a load balancer."""
        return [listener for listener in self.listeners.values() if listener.balancer_arn == balancer_arn]

    def rules_of(self, listener_arn: str) -> list[Rule]:
        """Return the rules of a listener in order of priority, the default rule last."""
        return in_priority(rule for rule in self.rules.values() if rule.listener_arn == listener_arn)

    def rules_on(self, balancer_arn: str) -> list[Rule]:
        """Return all rules of all listeners of a load balancer."""
        return [rule for rule in self.rules.values() if self.listeners[rule.listener_arn].balancer_arn == balancer_arn]

    def default_rule(self, listener_arn: str) -> Rule:
        """Return the default rule of a listener."""
        return self.rules_of(listener_arn)[-1]

    def attachments(self) -> dict[str, list[str]]:
        """Return the load balancers of each group that some rule forwards to."""
        found: dict[str, list[str]] = {}
        for rule in self.rules.values():
            balancer_arn = self.listeners[rule.listener_arn].balancer_arn
            for group_arn in forwarded_groups(rule.actions):
                balancers = found.setdefault(group_arn, [])
                if balancer_arn not in balancers:
                    balancers.append(balancer_arn)
        return found

    def listener_label(self, listener: Listener) -> str:
        """Name a listener in the story, e.g. `shop:80`."""
        return f"{self.balancers[listener.balancer_arn].name}:{listener.port}"

    def rule_label(self, rule: Rule) -> str:
        """Name a rule in the story, e.g. `shop:80 rule 20`."""
        return f"{self.listener_label(self.listeners[rule.listener_arn])} rule {rule.priority or 'default'}"

    def tell(self, at_s: float, subject: str, message: str) -> None:
        """Append one line of this service to the story."""
        self.ground.tell(at_s, "elbv2", subject, message)


def opened_port(ground: Ground, port: int) -> int:
    """Return the port that the data plane really opens for a listener's port: ports below 1024 need privileges."""
    return port + (ground.low_port_offset if port in _LOW_PORTS else 0)


def in_priority(rules: Iterable[Rule]) -> list[Rule]:
    """Sort rules by priority; a default rule comes last."""
    return sorted(rules, key=lambda rule: (rule.priority is None, rule.priority or 0))


def shares(action: Shape) -> list[tuple[str, int]]:
    """Return (group ARN, weight) of a kept forward action; nothing of any other action."""
    groups: Sequence[Shape] = action.get("ForwardConfig", {}).get("TargetGroups", ())
    return [(group["TargetGroupArn"], group["Weight"]) for group in groups]


def forwarded_groups(actions: Iterable[Shape]) -> list[str]:
    """Return the ARNs of all groups that kept actions forward to."""
    return [arn for action in actions for arn, _ in shares(action)]
