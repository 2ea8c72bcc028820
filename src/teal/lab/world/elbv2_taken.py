"""What the nodes of a load balancer take up, in the words of the story: a write is complete long before its effect."""

from collections.abc import Iterator
from typing import assert_never

from teal.lab.world.elbv2_model import Balancing
from teal.lab.world.wires import FixedResponse, Forward, Redirect, RulesTaken


def sentences(state: Balancing, taken: RulesTaken) -> Iterator[str]:
    """Say what a node does from now on, one sentence for each rule."""
    for rule in taken.rules:
        yield f"{_label(state, rule.arn)} now {_does(state, rule.action)}"
    if taken.gone:
        yield f"{len(taken.gone)} rules are gone"


def _label(state: Balancing, arn: str) -> str:
    rule = state.rules.get(arn)
    return "a rule that was deleted meanwhile" if rule is None else state.rule_label(rule)


def _does(state: Balancing, action: Forward | FixedResponse | Redirect) -> str:
    match action:
        case Forward():
            names = {arn: group.name for arn, group in state.groups.items()}
            return "forwards to " + ", ".join(f"{names.get(arn, arn)} {weight}" for arn, weight in action.shares)
        case FixedResponse():
            return f"answers {action.status} itself"
        case Redirect():
            return f"redirects with {action.status}"
        case _:
            assert_never(action)
