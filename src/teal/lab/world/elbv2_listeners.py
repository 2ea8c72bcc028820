"""Listeners: port, protocol, certificates, and their default actions, which are those of their default rule.

Plain HTTP listeners are served by the data plane. An HTTPS listener exists in the API with all its rules, keeps its
groups attached and health-checked, but is not served: the lab has no certificates.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from teal.lab.world import elbv2_attributes as attributes
from teal.lab.world import elbv2_limits as limits
from teal.lab.world.elbv2_actions import check_protocol, settled_actions, shown_actions
from teal.lab.world.elbv2_forward import Place
from teal.lab.world.elbv2_model import Balancing, Listener, Rule, Shape, opened_port
from teal.lab.world.elbv2_page import check_exactly_one, page
from teal.lab.world.elbv2_rules import tell_unserved
from teal.lab.world.elbv2_tags import checked_tags
from teal.lab.world.ground import Answer, Params, duplicate
from teal.lab.world.wires import AwsRefusal, not_simulated

_POLICY = "ELBSecurityPolicy-2016-08"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What a listener shall be after a request."""

    port: int
    protocol: str
    secure: Shape


def create_listener(state: Balancing, params: Params, now_s: float) -> Answer:
    """CreateListener: idempotent for equal settings."""
    balancer = state.balancer(params["LoadBalancerArn"])
    if "Port" not in params or "Protocol" not in params:
        raise AwsRefusal("ValidationError", "A port and a protocol must be specified")
    wanted = _wanted(params, port=params["Port"], protocol=params["Protocol"], before={})
    tags = checked_tags(params.get("Tags", []))
    place = Place(state=state, balancer_arn=balancer.arn, protocol=wanted.protocol, port=wanted.port)
    actions = settled_actions(place, params["DefaultActions"])
    siblings = state.listeners_of(balancer.arn)
    same = next((sibling for sibling in siblings if sibling.port == wanted.port), None)
    if same is not None:
        return _repeated(state, same, wanted, actions)
    _check_opened_port(state, wanted, siblings)
    limits.check_limit(
        limits.LISTENERS, len(siblings) + 1, "TooManyListeners", f"listeners on load balancer '{balancer.arn}'"
    )
    listener = Listener(
        arn=f"{balancer.arn.replace(':loadbalancer/', ':listener/')}/{state.ground.hex_id(16)}",
        balancer_arn=balancer.arn,
        port=wanted.port,
        protocol=wanted.protocol,
        secure=wanted.secure,
        tags=tags,
    )
    rule = _default_rule(state, listener, actions)
    state.listeners[listener.arn] = listener
    state.rules[rule.arn] = rule
    state.tell(
        now_s, state.listener_label(listener), f"{listener.protocol} listener created ({_served(state, listener)})"
    )
    tell_unserved(state, rule, now_s)
    return {"Listeners": [_shown(state, listener)]}


def describe_listeners(state: Balancing, params: Params) -> Answer:
    """DescribeListeners: of one load balancer, or by ARN."""
    check_exactly_one(params, "LoadBalancerArn", "ListenerArns")
    arns: Sequence[str] = params.get("ListenerArns", ())
    if arns:
        found = [state.listener(arn) for arn in dict.fromkeys(arns)]
    else:
        found = state.listeners_of(state.balancer(params["LoadBalancerArn"]).arn)
    return page("Listeners", [_shown(state, listener) for listener in found], params)


def modify_listener(state: Balancing, params: Params, now_s: float) -> Answer:
    """ModifyListener: replaces the properties that were sent; default actions as a whole."""
    listener = state.listener(params["ListenerArn"])
    rule = state.default_rule(listener.arn)
    wanted = _wanted(
        params,
        port=params.get("Port", listener.port),
        protocol=params.get("Protocol", listener.protocol),
        before=listener.secure,
    )
    siblings = [other for other in state.listeners_of(listener.balancer_arn) if other is not listener]
    if any(sibling.port == wanted.port for sibling in siblings):
        raise _duplicate(listener.balancer_arn)
    _check_opened_port(state, wanted, siblings)
    sent: Sequence[Shape] = params.get("DefaultActions", ())
    place = Place(
        state=state, balancer_arn=listener.balancer_arn, protocol=wanted.protocol, port=wanted.port, replaced=rule
    )
    actions = settled_actions(place, sent) if sent else rule.actions
    others = [other.actions for other in state.rules_of(listener.arn) if other is not rule]
    check_protocol(wanted.protocol, (action["Type"] for kept in [actions, *others] for action in kept))
    listener.port, listener.protocol, listener.secure = wanted.port, wanted.protocol, wanted.secure
    rule.actions = actions
    state.tell(
        now_s, state.listener_label(listener), f"{listener.protocol} listener modified ({_served(state, listener)})"
    )
    tell_unserved(state, rule, now_s)
    return {"Listeners": [_shown(state, listener)]}


def delete_listener(state: Balancing, params: Params, now_s: float) -> Answer:
    """DeleteListener: with all its rules."""
    listener = state.listener(params["ListenerArn"])
    label = state.listener_label(listener)
    for rule in state.rules_of(listener.arn):
        del state.rules[rule.arn]
    del state.listeners[listener.arn]
    state.tell(now_s, label, "listener deleted")
    return {}


def describe_listener_attributes(state: Balancing, params: Params) -> Answer:
    """DescribeListenerAttributes: AWS's defaults; the lab cannot change them."""
    return attributes.answer(attributes.of_listener(state.listener(params["ListenerArn"]).protocol))


def _repeated(state: Balancing, same: Listener, wanted: _Wanted, actions: list[Shape]) -> Answer:
    """Answer a creation on a port that is taken: by an equal listener, or refuse."""
    is_equal = (same.protocol, same.secure) == (wanted.protocol, wanted.secure)
    if not (is_equal and state.default_rule(same.arn).actions == actions):
        raise _duplicate(same.balancer_arn)
    return {"Listeners": [_shown(state, same)]}


def _duplicate(balancer_arn: str) -> AwsRefusal:
    return AwsRefusal(
        "DuplicateListener", f"A listener already exists on this port for this load balancer '{balancer_arn}'"
    )


def _check_opened_port(state: Balancing, wanted: _Wanted, siblings: Sequence[Listener]) -> None:
    """Refuse a listener that the lab could not open next to the others, although AWS could."""
    opened = opened_port(state.ground, wanted.port)
    for sibling in siblings:
        if wanted.protocol == sibling.protocol == "HTTP" and opened_port(state.ground, sibling.port) == opened:
            raise not_simulated(
                f"listeners on ports {sibling.port} and {wanted.port} together: "
                f"it would open port {opened} of the load balancer for either"
            )


def _wanted(params: Params, *, port: int, protocol: str, before: Shape) -> _Wanted:
    """Return what a request makes of a listener that had the TLS settings `before`."""
    if protocol not in {"HTTP", "HTTPS"}:
        raise AwsRefusal("ValidationError", f"Listener protocol '{protocol}' must be one of 'HTTPS, HTTP'")
    certificates: Sequence[Shape] = params.get("Certificates", ())
    if protocol == "HTTP":
        for what in [
            *(["A certificate"] if certificates else []),
            *(["An SSL policy"] if params.get("SslPolicy") else []),
        ]:
            raise AwsRefusal("ValidationError", f"{what} cannot be specified for HTTP listeners")
        return _Wanted(port=port, protocol=protocol, secure={})
    if len(certificates) > 1:
        raise AwsRefusal("TooManyCertificates", "Only one certificate can be specified")
    if not certificates and not before:
        raise AwsRefusal("ValidationError", "A certificate must be specified for HTTPS listeners")
    secure = {
        "SslPolicy": params.get("SslPolicy", before.get("SslPolicy", _POLICY)),
        "MutualAuthentication": params.get("MutualAuthentication", before.get("MutualAuthentication", {"Mode": "off"})),
        "Certificates": [_certificate(sent) for sent in certificates] or before["Certificates"],
    }
    return _Wanted(port=port, protocol=protocol, secure=duplicate(secure))


def _certificate(sent: Shape) -> Shape:
    arn: str = sent.get("CertificateArn", "")
    service = arn.split(":")[2:3]
    if not arn.startswith("arn:") or service not in (["acm"], ["iam"]):
        raise AwsRefusal("ValidationError", f"Certificate ARN '{arn}' is not valid")
    return {"CertificateArn": arn}


def _default_rule(state: Balancing, listener: Listener, actions: list[Shape]) -> Rule:
    return Rule(
        arn=f"{listener.arn.replace(':listener/', ':listener-rule/')}/{state.ground.hex_id(16)}",
        listener_arn=listener.arn,
        priority=None,
        conditions=[],
        actions=actions,
        transforms=[],
        tags={},
    )


def _served(state: Balancing, listener: Listener) -> str:
    if listener.protocol != "HTTP":
        return "in the API only: the lab does not serve HTTPS"
    return f"open at {state.balancers[listener.balancer_arn].address}:{opened_port(state.ground, listener.port)}"


def _shown(state: Balancing, listener: Listener) -> Shape:
    return {
        "ListenerArn": listener.arn,
        "LoadBalancerArn": listener.balancer_arn,
        "Port": listener.port,
        "Protocol": listener.protocol,
        "DefaultActions": shown_actions(state.default_rule(listener.arn).actions),
        **duplicate(listener.secure),
    }
