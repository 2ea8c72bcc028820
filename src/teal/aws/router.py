"""Elastic Load Balancing, as `teal.ports.Router`.

What does not change while teal runs is read once per instance: load balancers, their listeners, the attributes of
target groups. Rules, tags, groups and health are read each time. AWS refuses a whole question when one of the things
named in it is not there; then each is asked for alone.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from teal.aws.call import Caller, ask, batches, in_turn, listed
from teal.aws.fields import Fields
from teal.aws.translate_elbv2 import (
    attributes_from,
    delay_to,
    group_from,
    group_to,
    health_from,
    listener_from,
    load_balancer_from,
    tags_from,
    tags_to,
)
from teal.aws.translate_rules import actions_to, new_rule_to, rule_from
from teal.errors import NotFoundError, UsageError
from teal.model.spec import GroupSpec
from teal.model.traffic import Forward, LoadBalancer, Rule, TargetGroup, TargetHealth
from teal.ports import Gather, NewRule

T = TypeVar("T")
_NAMES_PER_CALL = 20
_PAGE = 400


class Elbv2Router:
    """ELBv2 through a caller.

    Args:
        caller: who asks AWS.
        gather: makes independent reads at once; by default one after another.
    """

    def __init__(self, caller: Caller, gather: Gather = in_turn) -> None:
        self._caller = caller
        self._gather = gather
        self._balancers: dict[str, LoadBalancer] = {}  # by name and by ARN
        self._attributes: dict[str, Mapping[str, str]] = {}  # by ARN of the group

    def load_balancers(self, names_or_arns: Sequence[str]) -> tuple[LoadBalancer, ...]:
        """Return the load balancers that exist, with their listeners."""
        wanted = tuple(dict.fromkeys(names_or_arns))
        unread = [key for key in wanted if key not in self._balancers]
        arns = [key for key in unread if key.startswith("arn:")]
        names = [key for key in unread if not key.startswith("arn:")]
        found = [*self._described("LoadBalancer", "LoadBalancerArns", arns)]
        found += self._described("LoadBalancer", "Names", names)
        for balancer in self._gather([partial(self._with_listeners, fields) for fields in found]):
            self._balancers[balancer.arn] = self._balancers[balancer.name] = balancer
        there = [self._balancers[key] for key in wanted if key in self._balancers]
        return tuple({balancer.arn: balancer for balancer in there}.values())

    def load_balancer_of(self, rule_or_listener_arn: str) -> str:
        """Return the ARN of the load balancer that a rule or listener ARN belongs to, from its text alone."""
        head, _, resource = rule_or_listener_arn.rpartition(":")
        kind, *path = resource.split("/")
        parts_of_balancer = 3  # app, its name, its id
        known = kind in {"listener", "listener-rule", "loadbalancer"} and len(path) >= parts_of_balancer
        if not known or not head.startswith("arn:"):
            raise UsageError(f"{rule_or_listener_arn!r} is not the ARN of a listener or of a listener rule")
        return f"{head}:loadbalancer/{'/'.join(path[:parts_of_balancer])}"

    def rules(self, load_balancer: LoadBalancer) -> tuple[Rule, ...]:
        """Return all rules of all listeners, default actions included, without tags, in order of precedence."""
        per_listener = self._gather([partial(self._rules_of, listener.arn) for listener in load_balancer.listeners])
        return tuple(rule for rules in per_listener for rule in rules)

    def tags(self, arns: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """Return the tags of rules and listeners by ARN."""
        wanted = tuple(dict.fromkeys(arns))
        found = self._gather([partial(self._some_tags, batch) for batch in batches(wanted, _NAMES_PER_CALL)])
        return {arn: tags for batch in found for arn, tags in batch.items()}

    def groups(self, names: Sequence[str]) -> Mapping[str, TargetGroup]:
        """Return the target groups that exist, by name, with attributes."""
        found = self._described("TargetGroup", "Names", tuple(dict.fromkeys(names)))
        groups = self._gather([partial(self._with_attributes, fields) for fields in found])
        return {group.name: group for group in groups}

    def health(self, group_arn: str) -> tuple[TargetHealth, ...]:
        """Return the health of all targets of a group."""
        answer = ask(self._caller, "elbv2", "DescribeTargetHealth", {"TargetGroupArn": group_arn})
        return tuple(health_from(item) for item in answer.parts("TargetHealthDescriptions"))

    def create_group(self, group: GroupSpec, vpc_id: str, tags: Mapping[str, str]) -> None:
        """Create a target group of type ip, with its attributes."""
        if group.create is None:
            raise UsageError(
                f"there is no target group {group.name}, and the configuration does not say how to make it",
                hint=f"create {group.name}, or add `create:` to it in teal.yaml",
            )
        request = group_to(group.name, group.create, vpc_id, tags)
        created = ask(self._caller, "elbv2", "CreateTargetGroup", request).parts("TargetGroups")
        if group.create.deregistration_delay_s is not None:
            for made in created:
                delay = delay_to(made.text("TargetGroupArn"), group.create.deregistration_delay_s)
                ask(self._caller, "elbv2", "ModifyTargetGroupAttributes", delay)
                self._attributes.pop(made.text("TargetGroupArn"), None)

    def create_rule(self, rule: NewRule) -> None:
        """Create a rule that forwards to one group."""
        ask(self._caller, "elbv2", "CreateRule", new_rule_to(rule)).parts("Rules")

    def delete_rule(self, rule_arn: str) -> None:
        """Delete a rule; one that is not there any more is fine."""
        try:
            ask(self._caller, "elbv2", "DeleteRule", {"RuleArn": rule_arn})
        except NotFoundError:
            return

    def write_forward(self, rule: Rule, forward: Forward) -> None:
        """Replace the forward action of `rule`, keeping every other action and its order as they are."""
        actions = actions_to(rule, forward)
        if rule.is_default:
            request = {"ListenerArn": rule.listener_arn, "DefaultActions": actions}
            ask(self._caller, "elbv2", "ModifyListener", request).parts("Listeners")
        else:
            ask(self._caller, "elbv2", "ModifyRule", {"RuleArn": rule.arn, "Actions": actions}).parts("Rules")

    def tag(self, arns: Sequence[str], tags: Mapping[str, str]) -> None:
        """Write tags on rules and listeners, in one call."""
        for batch in batches(arns, _NAMES_PER_CALL):
            ask(self._caller, "elbv2", "AddTags", {"ResourceArns": list(batch), "Tags": tags_to(tags)})

    def _described(self, thing: str, key: str, values: Sequence[str]) -> list[Fields]:
        """Return what Describe…s answers for these names or ARNs; what is not there is left out."""

        def some(batch: Sequence[str]) -> list[Fields]:
            return [*listed(self._caller, "elbv2", f"Describe{thing}s", {key: list(batch)}, f"{thing}s")]

        return [fields for batch in batches(values, _NAMES_PER_CALL) for fields in _those_there(some, batch)]

    def _with_listeners(self, fields: Fields) -> LoadBalancer:
        params = {"LoadBalancerArn": fields.text("LoadBalancerArn"), "PageSize": _PAGE}
        found = listed(self._caller, "elbv2", "DescribeListeners", params, "Listeners")
        return load_balancer_from(fields, tuple(map(listener_from, found)))

    def _with_attributes(self, fields: Fields) -> TargetGroup:
        arn = fields.text("TargetGroupArn")
        if arn not in self._attributes:
            answer = ask(self._caller, "elbv2", "DescribeTargetGroupAttributes", {"TargetGroupArn": arn})
            self._attributes[arn] = attributes_from(answer)
        return group_from(fields, self._attributes[arn])

    def _rules_of(self, listener_arn: str) -> list[Rule]:
        params: dict[str, Any] = {"ListenerArn": listener_arn, "PageSize": _PAGE}
        found = listed(self._caller, "elbv2", "DescribeRules", params, "Rules")
        rules = [rule_from(fields, listener_arn) for fields in found]
        if sum(rule.is_default for rule in rules) != 1:
            raise Fields({}, "elbv2:DescribeRules").unknown(
                f"the answer cannot be believed: {listener_arn} has exactly one default rule"
            )
        return sorted(rules, key=lambda rule: (rule.is_default, rule.priority or 0))

    def _some_tags(self, arns: Sequence[str]) -> dict[str, Mapping[str, str]]:
        def some(batch: Sequence[str]) -> list[tuple[str, Mapping[str, str]]]:
            answer = ask(self._caller, "elbv2", "DescribeTags", {"ResourceArns": list(batch)})
            found = {item.text("ResourceArn"): tags_from(item) for item in answer.parts("TagDescriptions")}
            silent = set(batch) - set(found)
            if silent:
                raise answer.unknown(f"the answer does not tell the tags of {', '.join(sorted(silent))}")
            return [*found.items()]

        return dict(_those_there(some, arns))


def _those_there(some: Callable[[Sequence[str]], list[T]], names: Sequence[str]) -> list[T]:
    """Return what `some` finds; when it misses one of several names, each is asked for alone."""
    try:
        return some(names)
    except NotFoundError:
        if len(names) == 1:
            return []
        return [item for name in names for item in _those_there(some, [name])]
