"""What rules and listeners may do: forward, redirect, answer, ask for a login."""

from lab.conformance.row import Claim, Json, Row, assumed, seen, stated
from lab.conformance.scene import FIXED, OIDC, attributes, evenly, forward, path, rule

VALIDATION, ACTION = "ValidationError", "InvalidLoadBalancerAction"
_WEIGHT = assumed(VALIDATION, "API model, TargetGroupTuple: the range is 0 to 999")
_CONFIG = assumed(VALIDATION, "API model, Action: the same single target group in both")
_STICKY = assumed(VALIDATION, "API model, TargetGroupStickinessConfig: 1 to 604800 s, required when enabled")
_REDIRECT = assumed(ACTION, "API model, RedirectActionConfig; the code as for a wrong path")
_ANSWER = assumed(VALIDATION, "API model, FixedResponseActionConfig")
_CONTENT = assumed(ACTION, "API model, FixedResponseActionConfig; the code as for a wrong redirect")
_ONE_LAST = assumed(ACTION, "API model, Action: exactly one routing action, and it is the last")
_BOTH: Json = forward(a=90, b=10)
_WEEK: Json = {"Enabled": True, "DurationSeconds": 604800}
_NOBODY = "arn:aws:elasticloadbalancing:eu-west-1:000000000000:targetgroup/none/0123456789abcdef"
_APP_COOKIE = attributes(
    "b", stickiness__enabled="true", stickiness__type="app_cookie", stickiness__app_cookie__cookie_name="session"
)


def _modified(what: str, wrong: Json, claim: Claim, right: Json = _BOTH) -> Row:
    """Return a row of ModifyRule: one action against another one."""
    return Row(
        what=what,
        call="elbv2 ModifyRule",
        wrong={"RuleArn": "$rule", "Actions": [wrong]},
        right={"RuleArn": "$rule", "Actions": [right]},
        claim=claim,
    )


def _created(what: str, wrong: list[Json], claim: Claim, right: list[Json], listener: str = "https") -> Row:
    """Return a row of CreateRule: a list of actions against another one."""
    new: Json = {"ListenerArn": f"${listener}", "Priority": 30, "Conditions": [path("/new")]}
    return Row(
        what=what,
        call="elbv2 CreateRule",
        wrong={**new, "Actions": wrong},
        right={**new, "Actions": right},
        claim=claim,
    )


def _redirect(**config: str) -> Json:
    return {"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301", **config}}


def _answer(status: str, **config: str) -> Json:
    return {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": status, **config}}


def _login(order: int = 1, **config: object) -> Json:
    return {**OIDC, "Order": order, "AuthenticateOidcConfig": {**OIDC["AuthenticateOidcConfig"], **config}}


_LAST: Json = {**FIXED, "Order": 2}
_SIGNED_IN = [OIDC, _LAST]
_MOVED = _redirect(Path="/moved/#{path}")

FORWARD = (
    _modified("a weight of 1000", forward(a=1000, b=1), _WEIGHT),
    _modified("a weight of -1", forward(a=-1, b=1), _WEIGHT),
    _modified(
        "six target groups in a forward",
        forward(a=1, b=1, c=1, d=1, e=1, idle=1),
        assumed(VALIDATION, "ALB guide, load-balancer-limits: 5 target groups per action"),
        forward(a=1, b=1, c=1, d=1, e=1),
    ),
    _modified(
        "one target group twice in a forward",
        evenly("a", "a"),
        assumed(VALIDATION, "not documented; AWS is assumed to refuse what has no meaning"),
        evenly("a", "b"),
    ),
    _modified(
        "a forward to a target group that is not there",
        {"Type": "forward", "TargetGroupArn": _NOBODY},
        stated("TargetGroupNotFound", "API reference, ModifyRule"),
        {"Type": "forward", "TargetGroupArn": "$b"},
    ),
    _modified("a forward without a target group", {"Type": "forward"}, _CONFIG),
    _modified(
        "TargetGroupArn beside a ForwardConfig of another group",
        {**forward(b=1), "TargetGroupArn": "$a"},
        _CONFIG,
        {**forward(a=1), "TargetGroupArn": "$a"},
    ),
    _modified(
        "TargetGroupArn beside a ForwardConfig of two groups", {**forward(a=1, b=1), "TargetGroupArn": "$a"}, _CONFIG
    ),
    _modified(
        "a target group that another load balancer uses",
        forward(f=1),
        seen(
            "TargetGroupAssociationLimit",
            "The following target groups cannot be associated with more than one load balancer",
            "API reference, ModifyRule; public reports",
        ),
        forward(c=1),
    ),
    _modified(
        "a forward with the configuration of a fixed response",
        {**forward(a=1), "FixedResponseConfig": {"StatusCode": "200"}},
        assumed(VALIDATION, "API model, Action: specify only when Type is fixed-response"),
    ),
)
STICKINESS = (
    _modified("group stickiness for 0 s", forward(a=1, b=1, sticky={**_WEEK, "DurationSeconds": 0}), _STICKY),
    _modified("group stickiness for 700000 s", forward(a=1, b=1, sticky={**_WEEK, "DurationSeconds": 700000}), _STICKY),
    _modified(
        "group stickiness without a duration",
        forward(a=1, b=1, sticky={"Enabled": True}),
        _STICKY,
        forward(a=1, b=1, sticky={"Enabled": False}),
    ),
    Row(
        what="a forward to two groups, one with sticky targets, without group stickiness",
        call="elbv2 ModifyRule",
        wrong={"RuleArn": "$rule", "Actions": [_BOTH]},
        right={"RuleArn": "$rule", "Actions": [forward(a=1, b=1, sticky=_WEEK)]},
        before=(attributes("b", stickiness__enabled="true"),),
        claim=assumed(
            ACTION,
            "ALB guide, sticky-sessions; the words from public reports, the code as for application cookies",
            "You must enable group stickiness on a rule if you enabled target stickiness on one of its target groups",
        ),
    ),
    Row(
        what="sticky targets in a group behind a rule of two groups without group stickiness",
        call="elbv2 ModifyTargetGroupAttributes",
        wrong=attributes("c", stickiness__enabled="true").params,
        spoiled=(rule("both", 30, forward(c=1, d=1)),),
        claim=seen(
            "InvalidConfigurationRequest",
            "This target group appears behind a rule with group stickiness disabled",
            "ALB guide, sticky-sessions; aws-load-balancer-controller #2734",
        ),
    ),
    Row(
        what="a forward to two groups, one with application cookies",
        call="elbv2 ModifyRule",
        wrong={"RuleArn": "$rule", "Actions": [forward(a=1, b=1, sticky=_WEEK)]},
        spoiled=(_APP_COOKIE,),
        claim=seen(
            ACTION,
            "none of them can have stickiness of type 'app_cookie' enabled",
            "ALB guide, sticky-sessions; public reports",
        ),
    ),
    Row(
        what="application cookies of a group behind a rule of two groups",
        call="elbv2 ModifyTargetGroupAttributes",
        wrong=_APP_COOKIE.params,
        spoiled=(rule("both", 30, forward(b=1, c=1, sticky=_WEEK)),),
        claim=assumed("InvalidConfigurationRequest", "ALB guide, sticky-sessions; the code as for lb_cookie"),
    ),
)
OTHERS = (
    _modified("a fixed response of status 302", _answer("302"), _ANSWER, _answer("503")),
    _modified("a fixed response of 1025 characters", _answer("503", MessageBody="x" * 1025), _ANSWER, _answer("503")),
    _modified("a fixed response of type image/png", _answer("503", ContentType="image/png"), _CONTENT, _answer("503")),
    _modified(
        "a redirect to where the request came from",
        _redirect(),
        seen(
            ACTION,
            "The redirect configuration is not valid because it creates a loop",
            "API model, RedirectActionConfig; public reports",
        ),
        _MOVED,
    ),
    _modified("a redirect to port 0", _redirect(Port="0"), _REDIRECT, _redirect(Port="8443")),
    _modified(
        "a redirect to a path without a slash",
        _redirect(Path="moved"),
        seen(ACTION, "The Path parameter must be a valid path, should start with a '/'", "public reports"),
        _MOVED,
    ),
    _created(
        "a redirect from HTTPS to HTTP",
        [_redirect(Protocol="HTTP", Port="80")],
        seen(ACTION, "You cannot redirect HTTPS to HTTP", "API model, RedirectActionConfig; public reports"),
        [_redirect(Host="other.example")],
    ),
    _created("a login and nothing after it", [OIDC], _ONE_LAST, _SIGNED_IN),
    _created("a login after the answer", [_login(2), {**FIXED, "Order": 1}], _ONE_LAST, _SIGNED_IN),
    _created("two routing actions", [{**FIXED, "Order": 1}, _LAST], _ONE_LAST, _SIGNED_IN),
    _created(
        "a login on an HTTP listener",
        _SIGNED_IN,
        seen(
            ACTION,
            "Actions of type 'authenticate-oidc' are supported only on HTTPS listeners",
            "API model, Action; public reports",
        ),
        [FIXED],
        "http",
    ),
    _created(
        "two actions without an order",
        [{**OIDC, "Order": 1}, FIXED],
        assumed(VALIDATION, "API model, Action: Order is required for rules with multiple actions"),
        _SIGNED_IN,
    ),
    _created(
        "two actions of one order",
        [_login(2), _LAST],
        assumed(VALIDATION, "API model, Action: the lowest order is performed first"),
        _SIGNED_IN,
    ),
    _created(
        "three actions",
        [OIDC, _login(2), {**FIXED, "Order": 3}],
        assumed("TooManyActions", "API reference, CreateRule; API model, Action: at most one login"),
        _SIGNED_IN,
    ),
    _created(
        "a login without a client secret",
        [
            {
                **OIDC,
                "AuthenticateOidcConfig": {
                    k: v for k, v in OIDC["AuthenticateOidcConfig"].items() if k != "ClientSecret"
                },
            },
            _LAST,
        ],
        assumed(VALIDATION, "API model, AuthenticateOidcActionConfig: required for a new rule"),
        _SIGNED_IN,
    ),
    _created(
        "a session of more than a week",
        [_login(SessionTimeout=604801), _LAST],
        assumed(VALIDATION, "API model, AuthenticateOidcActionConfig: the default, 604800 s, is taken for the most"),
        _SIGNED_IN,
    ),
)
ROWS = (*FORWARD, *STICKINESS, *OTHERS)
