"""What a node has taken up: the difference between two lists of listeners, rule by rule."""

from teal.lab.proxy.timetable import Listeners
from teal.lab.world.wires import RulesTaken


def rules_taken(node: int, before: Listeners, after: Listeners) -> RulesTaken:
    """Return the rules that are new or changed on a node, and those that are gone."""
    known = {rule.arn: rule for one in before for rule in one.rules}
    now = {rule.arn: rule for one in after for rule in one.rules}
    return RulesTaken(
        node=node,
        rules=tuple(rule for arn, rule in now.items() if known.get(arn) != rule),
        gone=tuple(arn for arn in known if arn not in now),
    )
