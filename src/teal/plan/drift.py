"""Shape drift: a production rule that is not teal's to write any more.

Shape needs no history: the forward action names a group that is not this app's, or there is no forward action, or
every weight is 0. Weights over the app's own groups are never drift between runs: the move tag interprets them.
"""

from teal.model.snapshot import RouteState, Snapshot

UNKNOWN_RULE_HINT = "make it a route, list its ARN under `ignored:`, or delete it: taste rules are made anew"


def shape_drift(snapshot: Snapshot, route: RouteState) -> str:
    """Say what is wrong with the shape of a route's rule; empty when nothing is."""
    rule = route.rule
    if rule is None:
        return ""
    if rule.forward is None:
        return f"{route.spec} does not forward: its action is {rule.terminal}"
    own = {
        group.arn
        for group in (state.group(route.spec.group_key).group for state in snapshot.slots.values())
        if group is not None
    }
    foreign = sorted(arn.rpartition("targetgroup/")[2] for arn in rule.forward.groups - own)
    if foreign:
        return f"{route.spec} forwards to {', '.join(foreign)}, which is no group of this app"
    if len(rule.forward.shares) > 1 and not any(weight for _, weight in rule.forward.shares):
        return f"{route.spec} gives weight to no group at all"
    return ""


def drifted(snapshot: Snapshot) -> dict[int, str]:
    """Return what is wrong, by the index of the route."""
    found = ((index, shape_drift(snapshot, route)) for index, route in enumerate(snapshot.routes))
    return {index: reason for index, reason in found if reason}
