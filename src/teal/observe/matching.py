"""Finding a route among the rules that are there, and saying which rules are there."""

from collections.abc import Sequence
from typing import Any

from teal.model.snapshot import RouteState
from teal.model.spec import RouteSpec
from teal.model.traffic import Listener, LoadBalancer, Rule

LAST_PRIORITY = 50_000


def lowest_priority(listener: Listener, routes: Sequence[RouteState]) -> int:
    """Return the lowest number of the app's production rules on a listener; a default action comes after all rules."""
    numbers = [LAST_PRIORITY + 1]
    for route in routes:
        if route.listener != listener:
            continue
        if route.rule is not None and route.rule.priority is not None:
            numbers.append(route.rule.priority)
        elif route.rule is None and route.spec.create is not None:
            numbers.append(route.spec.create.priority)
    return min(numbers)


def listener_of_route(spec: RouteSpec, balancer: str, balancers: Sequence[LoadBalancer]) -> Listener | None:
    """Return the listener on which a route is configured; None where there is none."""
    there = [each for b in balancers if balancer in {b.name, b.arn} for each in b.listeners]
    if spec.rule_arn is not None:
        return next((each for each in there if _listener_of(spec.rule_arn) == each.arn), None)
    return next((each for each in there if each.port == spec.listener_port), None)


def _listener_of(rule_arn: str) -> str:
    """Return the ARN of the listener that a rule ARN belongs to; a listener's own ARN stands for its default action."""
    if ":listener/" in rule_arn:
        return rule_arn
    return rule_arn.replace(":listener-rule/", ":listener/").rpartition("/")[0]


def stands_on(rule: Rule, spec: RouteSpec, listener: Listener | None) -> bool:
    """Say whether a rule stands where the route is looked for."""
    return (listener is not None and rule.listener_arn == listener.arn) or rule.arn == spec.rule_arn


def matches(rule: Rule, spec: RouteSpec) -> bool:
    """Say whether a rule is the one that the configuration names, by the one way in which it names it."""
    if spec.rule_arn is not None:
        return rule.arn == spec.rule_arn
    if spec.default:
        return rule.is_default
    if spec.priority is not None:
        return rule.priority == spec.priority
    return not rule.is_default and _equal_conditions(rule, spec)


def _equal_conditions(rule: Rule, spec: RouteSpec) -> bool:
    def key(conditions: Sequence[Any]) -> list[tuple[Any, ...]]:
        return sorted(
            (c.field, c.header.lower(), tuple(sorted(c.values)), tuple(sorted(c.queries))) for c in conditions
        )

    return key(rule.conditions) == key(spec.conditions or ())


def describe(rule: Rule) -> str:
    """Say which rule it is; the values of header conditions, which may be secrets, are left out."""
    if rule.is_default:
        return f"default action of {rule.listener_arn.rpartition(':')[2]}"
    what = ", ".join(
        f"{c.field} {' or '.join(c.values or ('…',))}" for c in rule.conditions if c.field != "http-header"
    )
    return f"rule {rule.priority}{f' ({what})' if what else ''} {rule.arn}"
