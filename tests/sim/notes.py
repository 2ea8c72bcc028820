"""What the checkers know of a run, and how they read routes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sim.cloud import Shares
from sim.scenario import Command
from sim.weights import fractions_of
from teal.model.tags import DEPLOYMENT, DeploymentTag, Outcome, parse_deployment
from teal.model.traffic import Rule, TargetHealth

Fractions = dict[str, float]


class Writer(Protocol):
    """Who writes."""

    name: str
    clock_off_s: float
    asleep_s: float  # in its run so far

    @property
    def awake_s(self) -> float:
        """The time as the process counts it."""
        ...


@dataclass(slots=True)
class Notes:
    """What is known of one run."""

    command: Command
    began_at_s: float = 0.0  # when it had first looked
    rules_at_s: float | None = None  # awake time of the last answer that told the rules
    rules: Sequence[Rule] = ()  # as read then
    health: dict[str, tuple[Sequence[TargetHealth], float]] = field(
        default_factory=dict[str, tuple[Sequence[TargetHealth], float]]
    )
    missed_at_s: float = -1e9
    failed_writes: int = 0
    writes: list[str] = field(default_factory=list[str])
    done: Counter[str] = field(default_factory=Counter[str])  # how often AWS did the same
    turned_back: bool = False
    asked: Counter[str] = field(default_factory=Counter[str])  # how often the same wait or question was begun
    steps: int = 0
    steps_allowed: int = 0
    falls: int = 0
    foreign: dict[str, Shares] = field(
        default_factory=dict[str, Shares]
    )  # what a stranger changed during this run, from
    misled: bool = False  # it read what others had made of the routes, and that was old

    @property
    def writes_routes(self) -> bool:
        """Whether the run has written a route."""
        return not {"ModifyRule", "CreateRule", "DeleteRule"}.isdisjoint(self.writes)

    def saw_health(self, what: str, key: object, value: Any, at_s: float) -> None:  # noqa: ANN401 - what a port returned
        """Take note of the health of a group; of one that no rule leads to any more it is not known."""
        if what == "health":
            self.health[str(key)] = value, at_s
        elif what == "groups":
            for group in value.values():
                if not group.load_balancer_arns:
                    self.health.pop(group.arn, None)


@dataclass(slots=True)
class Newcomers:
    """Who brought which deployment to a slot, and when."""

    brought: dict[tuple[str, int], tuple[str, float]] = field(default_factory=dict[tuple[str, int], tuple[str, float]])
    judged: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])  # those that were taken back

    def hear(self, name: str, at_s: float, tag: DeploymentTag | None) -> None:
        """Take note of a tag that a process writes."""
        if tag is not None and tag.outcome is Outcome.BARE:
            self.brought.setdefault((tag.id, tag.revision), (name, at_s))

    def judges_another(self, name: str, since_s: float, tag: DeploymentTag) -> bool:
        """Say whether a run takes back what another process has brought since, and nobody has taken back."""
        key = tag.id, tag.revision
        who, at_s = self.brought.get(key, (name, since_s))
        bad = who != name and at_s > since_s and key not in self.judged
        self.judged.add(key)
        return bad


def deployment_in(params: Mapping[str, Any]) -> DeploymentTag | None:
    """Return the deployment that a write to ECS records, if it does."""
    return next((parse_deployment(tag["value"]) for tag in params.get("tags", ()) if tag["key"] == DEPLOYMENT), None)


def are_old(rules: Sequence[Rule], rule_of: Mapping[str, str], routes: Mapping[str, Shares]) -> bool:
    """Say whether AWS no longer has the weights that an answer shows, given the host of each rule by its ARN."""
    seen = {rule_of.get(rule.arn, ""): rule.forward.shares for rule in rules if rule.forward is not None}
    return any(fractions_of(shares) != fractions_of(seen.get(host, ())) for host, shares in routes.items())
