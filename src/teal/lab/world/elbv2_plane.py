"""What the data plane shall do, read off the API's state: plain HTTP listeners, and every group that a rule uses.

Groups of HTTPS listeners are listed too: AWS checks their targets whether or not anybody can reach the listener here.
"""

from teal.lab.world import elbv2_checks as checks
from teal.lab.world import elbv2_conditions as conditions
from teal.lab.world.elbv2_attributes import (
    APP_COOKIE,
    APP_COOKIE_S,
    COOKIE_S,
    IDLE_TIMEOUT,
    SLOW_START,
    STICKY,
    STICKY_TYPE,
)
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
    TargetStickiness,
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
        rules=tuple(_rule(state, rule) for rule in state.rules_of(listener.arn)),
    )


def _rule(state: Balancing, rule: Rule) -> ProxyRule:
    return ProxyRule(
        arn=rule.arn,
        conditions=tuple(conditions.for_proxy(condition) for condition in rule.conditions),
        action=_action(state, rule.actions[-1]),
    )


def _action(state: Balancing, action: Shape) -> Forward | FixedResponse | Redirect:
    """Return the action that answers. On plain HTTP it is the only one."""
    match action["Type"]:
        case "forward":
            return _forward(state, action)
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


def _forward(state: Balancing, action: Shape) -> Forward:
    among: Shape = action["ForwardConfig"]["TargetGroupStickinessConfig"]
    targets = ((arn, _target_stickiness(state, state.group(arn))) for arn, _ in shares(action))
    return Forward(
        shares=tuple(shares(action)),
        sticky_s=state.ground.scaled(among["DurationSeconds"]) if among["Enabled"] else 0.0,
        sticky_targets=tuple((arn, stickiness) for arn, stickiness in targets if stickiness is not None),
    )


def _target_stickiness(state: Balancing, group: Group) -> TargetStickiness | None:
    attributes = group.attributes
    if attributes[STICKY] != "true":
        return None
    if attributes[STICKY_TYPE] == "lb_cookie":
        return TargetStickiness(duration_s=state.ground.scaled(int(attributes[COOKIE_S])))
    return TargetStickiness(
        duration_s=state.ground.scaled(int(attributes[APP_COOKIE_S])), app_cookie=attributes[APP_COOKIE]
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
