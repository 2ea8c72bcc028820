"""What the data plane shall do, read off the API's state: plain HTTP listeners, and every group that a rule uses.

Groups of HTTPS listeners are listed too: AWS checks their targets whether or not anybody can reach the listener here.
"""

from teal.lab.world import elbv2_checks as checks
from teal.lab.world import elbv2_conditions as conditions
from teal.lab.world.elbv2_attributes import IDLE_TIMEOUT, SLOW_START
from teal.lab.world.elbv2_model import Balancing, Group, Listener, Rule, Shape, opened_port, shares
from teal.lab.world.wires import (
    DataPlane,
    FixedResponse,
    Forward,
    ProxyGroup,
    ProxyListener,
    ProxyRule,
    ProxyTarget,
    Redirect,
)


def data_plane(state: Balancing) -> DataPlane:
    """Return the whole wish, in order of creation; equal states give equal values."""
    attached = state.attachments()
    return DataPlane(
        listeners=tuple(
            _listener(state, listener) for listener in state.listeners.values() if listener.protocol == "HTTP"
        ),
        groups=tuple(_group(state, group) for arn, group in state.groups.items() if arn in attached),
    )


def _listener(state: Balancing, listener: Listener) -> ProxyListener:
    balancer = state.balancers[listener.balancer_arn]
    return ProxyListener(
        arn=listener.arn,
        host=balancer.address,
        port=opened_port(state.ground, listener.port),
        # Not scaled: how long a request may take is the app's own time, and the app does not hurry.
        idle_timeout_s=float(balancer.attributes[IDLE_TIMEOUT]),
        rules=tuple(_rule(rule) for rule in state.rules_of(listener.arn)),
    )


def _rule(rule: Rule) -> ProxyRule:
    return ProxyRule(
        arn=rule.arn,
        conditions=tuple(conditions.for_proxy(condition) for condition in rule.conditions),
        action=_action(rule.actions[-1]),
    )


def _action(action: Shape) -> Forward | FixedResponse | Redirect:
    """Return the action that answers. On plain HTTP it is the only one."""
    match action["Type"]:
        case "forward":
            return Forward(shares=tuple(shares(action)))
        case "fixed-response":
            fixed: Shape = action["FixedResponseConfig"]
            return FixedResponse(
                status=int(fixed["StatusCode"]),
                content_type=fixed.get("ContentType", "text/plain"),
                body=fixed.get("MessageBody", ""),
            )
        case _:
            redirect: Shape = action["RedirectConfig"]
            return Redirect(
                status=int(redirect["StatusCode"].removeprefix("HTTP_")),
                protocol=redirect["Protocol"],
                host=redirect["Host"],
                port=redirect["Port"],
                path=redirect["Path"],
                query=redirect["Query"],
            )


def _group(state: Balancing, group: Group) -> ProxyGroup:
    return ProxyGroup(
        arn=group.arn,
        name=group.name,
        health_check=checks.for_proxy(group, state.ground),
        targets=tuple(
            ProxyTarget(target_id=target.target_id, port=target.port, host=target.dial[0], host_port=target.dial[1])
            for target in group.targets.values()
            if target.drained_at_s is None
        ),
        finishing=tuple(group.finishing_until_s),
        slow_start_s=state.ground.scaled(int(group.attributes[SLOW_START])),
    )
