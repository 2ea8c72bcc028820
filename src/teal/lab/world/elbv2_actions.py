"""The actions of a rule or listener: what AWS refuses about them, what it fills in, and what it never tells.

A list of actions is at most one that authenticates, on HTTPS only, and then exactly one that answers: forward,
redirect or fixed-response. A client secret is kept for `UseExistingClientSecret` and taken out of every answer.
"""

from collections.abc import Iterable, Sequence

from teal.lab.world import network
from teal.lab.world.elbv2_forward import Place, filled_forward
from teal.lab.world.elbv2_model import Shape
from teal.lab.world.ground import duplicate
from teal.lab.world.wires import AwsRefusal

_TERMINAL = frozenset({"forward", "redirect", "fixed-response"})
_MOST_ACTIONS = 2
_CONFIGS = {
    "authenticate-oidc": "AuthenticateOidcConfig",
    "authenticate-cognito": "AuthenticateCognitoConfig",
    "jwt-validation": "JwtValidationConfig",
    "redirect": "RedirectConfig",
    "fixed-response": "FixedResponseConfig",
    "forward": "ForwardConfig",
}
_LOGIN_DEFAULTS: Shape = {
    "SessionCookieName": "AWSELBAuthSessionCookie",
    "Scope": "openid",
    "SessionTimeout": 604800,
    "OnUnauthenticatedRequest": "authenticate",
}
_CONTENT_TYPES = ("text/plain", "text/css", "text/html", "application/javascript", "application/json")
_REDIRECT_DEFAULTS: Shape = {
    "Protocol": "#{protocol}",
    "Port": "#{port}",
    "Host": "#{host}",
    "Path": "/#{path}",
    "Query": "#{query}",
}
_PATH_WORDS = ("#{path}", "#{host}", "#{port}")
_LONGEST_EXTRA_PARAMS = 10
_LONGEST_BODY = 1024


def settled_actions(place: Place, sent: Sequence[Shape]) -> list[Shape]:
    """Return checked actions in order, filled in as AWS keeps them.

    Raises:
        AwsRefusal: as AWS refuses them.
    """
    ordered = _in_order(sent)
    _check_sequence(place, [action["Type"] for _, action in ordered])
    return [_settled(place, action) | {"Order": order} for order, action in ordered]


def shown_actions(actions: Iterable[Shape]) -> list[Shape]:
    """Return actions as AWS answers them: without the client secret."""
    shown = duplicate(list(actions))
    for action in shown:
        action.get("AuthenticateOidcConfig", {}).pop("ClientSecret", None)
    return shown


def has_login(actions: Iterable[Shape]) -> bool:
    """Say whether some action works on HTTPS listeners only."""
    return any(action["Type"] not in _TERMINAL for action in actions)


def check_protocol(protocol: str, kinds: Iterable[str]) -> None:
    """Refuse authenticating actions on a listener that is not HTTPS.

    Raises:
        AwsRefusal: there is one.
    """
    for kind in kinds:
        if kind not in _TERMINAL and protocol != "HTTPS":
            raise AwsRefusal(
                "InvalidLoadBalancerAction", f"Actions of type '{kind}' are supported only on HTTPS listeners"
            )


def _in_order(sent: Sequence[Shape]) -> list[tuple[int, Shape]]:
    if len(sent) == 1:
        return [(sent[0].get("Order", 1), sent[0])]
    orders = [action.get("Order") for action in sent]
    if None in orders:
        raise AwsRefusal("ValidationError", "An action order must be specified when there is more than one action")
    if len(set(orders)) < len(orders):
        raise AwsRefusal("ValidationError", "Each action must have a different order")
    return sorted(((action["Order"], action) for action in sent), key=lambda pair: pair[0])


def _check_sequence(place: Place, kinds: Sequence[str]) -> None:
    terminal = [kind for kind in kinds if kind in _TERMINAL]
    if len(terminal) != 1:
        raise AwsRefusal(
            "InvalidLoadBalancerAction",
            "You must specify exactly one of the following actions: forward, redirect, fixed-response",
        )
    if len(kinds) > _MOST_ACTIONS:
        raise AwsRefusal("TooManyActions", f"A rule can have at most '{_MOST_ACTIONS}' actions")
    if kinds[-1] not in _TERMINAL:
        raise AwsRefusal(
            "InvalidLoadBalancerAction", f"An action of type '{kinds[-1]}' must not be the last action to be performed"
        )
    check_protocol(place.protocol, kinds)


def _settled(place: Place, action: Shape) -> Shape:
    kind: str = action["Type"]
    needed = _CONFIGS[kind]
    _check_members(action, kind, needed)
    match kind:
        case "forward":
            return filled_forward(place, action)
        case "redirect":
            return {"Type": kind, needed: _redirect(place, action[needed])}
        case "fixed-response":
            return {"Type": kind, needed: _fixed_response(action[needed])}
        case "authenticate-oidc":
            return {"Type": kind, needed: _with_secret(place, _login(action[needed]))}
        case "authenticate-cognito":
            return {"Type": kind, needed: _login(action[needed])}
        case _:
            return {"Type": kind, needed: duplicate(action[needed])}


def _check_members(action: Shape, kind: str, needed: str) -> None:
    """Refuse the configuration of another type of action, or none of its own."""
    allowed = {"Type", "Order", needed, *(["TargetGroupArn"] if kind == "forward" else [])}
    for name in action:
        if name not in allowed:
            raise AwsRefusal("ValidationError", f"'{name}' cannot be specified for an action of type '{kind}'")
    if kind != "forward" and needed not in action:
        raise AwsRefusal("ValidationError", f"'{needed}' must be specified for an action of type '{kind}'")


def _redirect(place: Place, sent: Shape) -> Shape:
    filled = _REDIRECT_DEFAULTS | sent
    if filled["Protocol"] not in {"HTTP", "HTTPS", "#{protocol}"}:
        raise AwsRefusal("ValidationError", f"The redirect protocol '{filled['Protocol']}' is not valid")
    port: str = filled["Port"]
    if port != "#{port}" and not (port.isascii() and port.isdigit() and int(port) in network.PORTS):
        raise AwsRefusal(
            "InvalidLoadBalancerAction", f"The redirect port '{port}' must be between 1 and 65535 or '#{{port}}'"
        )
    _check_redirect_path(filled["Path"])
    protocol = place.protocol if filled["Protocol"] == "#{protocol}" else filled["Protocol"]
    if (place.protocol, protocol) == ("HTTPS", "HTTP"):
        raise AwsRefusal("InvalidLoadBalancerAction", "You cannot redirect HTTPS to HTTP")
    stays = (
        protocol == place.protocol
        and port in {"#{port}", str(place.port)}
        and filled["Host"] == _REDIRECT_DEFAULTS["Host"]
        and filled["Path"] == _REDIRECT_DEFAULTS["Path"]
    )
    if stays:
        raise AwsRefusal(
            "InvalidLoadBalancerAction", "The redirect configuration is not valid because it creates a loop"
        )
    return filled


def _check_redirect_path(path: str) -> None:
    if not path.startswith("/") or any(path.count(word) > 1 for word in _PATH_WORDS):
        words = ", ".join(f"'{word}'" for word in _PATH_WORDS)
        raise AwsRefusal(
            "InvalidLoadBalancerAction",
            "The Path parameter must be a valid path, should start with a '/' and may contain up to one of each of "
            f"these placeholders: {words}.",
        )


def _fixed_response(sent: Shape) -> Shape:
    status: str = sent["StatusCode"]
    if not (status.isascii() and status.isdigit() and len(status) == len("200") and status[0] in "245"):
        raise AwsRefusal("ValidationError", f"The status code '{status}' must be 2XX, 4XX or 5XX")
    content_type: str | None = sent.get("ContentType")
    if content_type is not None and content_type not in _CONTENT_TYPES:
        types = ", ".join(f"'{known}'" for known in _CONTENT_TYPES)
        raise AwsRefusal("InvalidLoadBalancerAction", f"The ContentType must be one of: {types}")
    if len(sent.get("MessageBody", "")) > _LONGEST_BODY:
        raise AwsRefusal("ValidationError", f"The message body must have at most {_LONGEST_BODY} characters")
    return duplicate(sent)


def _login(sent: Shape) -> Shape:
    filled = _LOGIN_DEFAULTS | duplicate(sent)
    if not 1 <= filled["SessionTimeout"] <= _LOGIN_DEFAULTS["SessionTimeout"]:
        raise AwsRefusal("ValidationError", "The session timeout must be between '1' and '604800' seconds inclusive")
    if len(filled.get("AuthenticationRequestExtraParams", {})) > _LONGEST_EXTRA_PARAMS:
        raise AwsRefusal(
            "ValidationError", f"There can be at most {_LONGEST_EXTRA_PARAMS} authentication request parameters"
        )
    return filled


def _with_secret(place: Place, filled: Shape) -> Shape:
    reuse = bool(filled.pop("UseExistingClientSecret", False))
    sent: str | None = filled.pop("ClientSecret", None)
    if reuse and sent is not None:
        raise AwsRefusal("ValidationError", "You cannot specify a client secret and use the existing one")
    kept = _kept_secret(place) if reuse else sent
    if kept is None:
        reason = "There is no existing client secret to use" if reuse else "A client secret must be specified"
        raise AwsRefusal("ValidationError", reason)
    return filled | {"ClientSecret": kept}


def _kept_secret(place: Place) -> str | None:
    before = place.replaced.actions if place.replaced is not None else ()
    for action in before:
        if action["Type"] == "authenticate-oidc":
            return str(action["AuthenticateOidcConfig"]["ClientSecret"])
    return None
