"""Actions of rules and listeners: what is filled in, kept secret and refused."""

from typing import Any

import pytest

from lab.world.shop import FIXED, HEADER, Shop, fixed, login, redirect


@pytest.fixture
def shop() -> Shop:
    """Return a fresh shop."""
    return Shop()


@pytest.mark.parametrize("form", ["arn", "config", "both"])
def test_a_forward_to_one_group_is_answered_in_both_forms(shop: Shop, form: str) -> None:
    """Whichever form was sent, TargetGroupArn and a filled-in ForwardConfig are answered, with an order."""
    arn = shop.arns["b"]
    short = {"TargetGroupArn": arn}
    long = {"ForwardConfig": {"TargetGroups": [{"TargetGroupArn": arn}]}}
    action = {"Type": "forward"} | (short if form != "config" else {}) | (long if form != "arn" else {})
    (answer,) = shop.create("ModifyRule", RuleArn=shop.arns["rule"], Actions=[action])["Actions"]
    assert answer == {
        "Type": "forward",
        "TargetGroupArn": arn,
        "Order": 1,
        "ForwardConfig": {
            "TargetGroups": [{"TargetGroupArn": arn, "Weight": 1}],
            "TargetGroupStickinessConfig": {"Enabled": False},
        },
    }


def test_a_forward_to_two_groups_has_no_short_form(shop: Shop) -> None:
    """A weighted forward is answered as ForwardConfig alone, weights as sent."""
    (answer,) = shop.create("ModifyRule", RuleArn=shop.arns["rule"], Actions=[shop.forward(a=0, b=999)])["Actions"]
    assert "TargetGroupArn" not in answer
    assert [group["Weight"] for group in answer["ForwardConfig"]["TargetGroups"]] == [0, 999]


def test_a_client_secret_is_kept_and_never_told(shop: Shop) -> None:
    """The secret is in no answer; UseExistingClientSecret keeps it through a change, again and again."""
    sent = [login(ClientSecret="s3cret"), {**shop.forward(a=1), "Order": 2}]
    made = shop.rule(30, "https", Actions=sent)
    for group in ("b", "a", "b"):
        again = [login(UseExistingClientSecret=True), {**shop.forward(sticky=None, **{group: 1}), "Order": 2}]
        after = shop.create("ModifyRule", RuleArn=made["RuleArn"], Actions=again)
        assert "s3cret" not in repr((made, after, shop.rules("https")))
        assert "UseExistingClientSecret" not in after["Actions"][0]["AuthenticateOidcConfig"]
        assert after["Actions"][0]["AuthenticateOidcConfig"]["Scope"] == "openid"


def test_a_default_action_keeps_its_secret_through_its_listener(shop: Shop) -> None:
    """ModifyListener knows UseExistingClientSecret too."""
    for proof in ({"ClientSecret": "s3cret"}, {"UseExistingClientSecret": True}):
        actions = [login(**proof), {**shop.forward(a=1), "Order": 2}]
        after = shop.create("ModifyListener", ListenerArn=shop.arns["https"], DefaultActions=actions)
        assert "s3cret" not in repr(after)
        assert [action["Order"] for action in after["DefaultActions"]] == [1, 2]


ACTIONS: list[tuple[str, str, str]] = [
    # what is wrong, AWS's code, a part of AWS's message
    ("weight 1000", "ValidationError", "between '0' and '999'"),
    ("weight -1", "ValidationError", "between '0' and '999'"),
    ("six groups", "ValidationError", "at most '5' target groups"),
    ("same group twice", "ValidationError", "only once"),
    ("stickiness of 0 s", "ValidationError", "between '1' and '604800'"),
    ("stickiness of 8 days", "ValidationError", "between '1' and '604800'"),
    ("stickiness without duration", "ValidationError", "duration must be specified"),
    ("two forms disagree", "ValidationError", "same single target group"),
    ("no group", "ValidationError", "A target group ARN must be specified"),
    ("unknown group", "TargetGroupNotFound", "not found"),
    ("login alone", "InvalidLoadBalancerAction", "exactly one"),
    ("login last", "InvalidLoadBalancerAction", "must not be the last"),
    ("two terminal", "InvalidLoadBalancerAction", "exactly one"),
    ("three actions", "TooManyActions", "at most '2'"),
    ("no order", "ValidationError", "order must be specified"),
    ("same order", "ValidationError", "different order"),
    ("no secret", "ValidationError", "client secret must be specified"),
    ("nothing to reuse", "ValidationError", "no existing client secret"),
    ("secret and reuse", "ValidationError", "use the existing one"),
    ("status 302", "ValidationError", "2XX, 4XX or 5XX"),
    ("status 20", "ValidationError", "2XX, 4XX or 5XX"),
    ("redirect loop", "InvalidLoadBalancerAction", "creates a loop"),
    ("redirect to itself", "InvalidLoadBalancerAction", "creates a loop"),
    ("redirect to HTTP", "InvalidLoadBalancerAction", "HTTPS to HTTP"),
    ("redirect to FTP", "ValidationError", "protocol 'FTP' is not valid"),
    ("redirect to port 0", "InvalidLoadBalancerAction", "must be between 1 and 65535"),
    ("redirect to no path", "InvalidLoadBalancerAction", "should start with a '/'"),
    ("content type", "InvalidLoadBalancerAction", "must be one of: 'text/plain'"),
    ("long body", "ValidationError", "at most 1024"),
    ("session of 8 days", "ValidationError", "session timeout"),
    ("extra parameters", "ValidationError", "at most 10"),
    ("config of another type", "ValidationError", "cannot be specified"),
    ("no config", "ValidationError", "must be specified"),
]


def wrong_actions(shop: Shop, wrong: str) -> list[dict[str, Any]]:
    """Return the actions of one line of the table."""
    good = {**shop.forward(a=1), "Order": 2}
    unknown = shop.arns["a"].replace("tg-a", "tg-z")
    table: dict[str, list[dict[str, Any]]] = {
        "weight 1000": [shop.forward(a=1000)],
        "weight -1": [shop.forward(a=-1, b=1)],
        "six groups": [shop.forward(a=1, b=1, c=1, d=1, e=1, f=1)],
        "same group twice": [
            {"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": shop.arns["a"]}] * 2}}
        ],
        "stickiness of 0 s": [shop.forward(a=1, b=1, sticky={"Enabled": True, "DurationSeconds": 0})],
        "stickiness of 8 days": [shop.forward(a=1, b=1, sticky={"Enabled": True, "DurationSeconds": 691200})],
        "stickiness without duration": [shop.forward(a=1, b=1, sticky={"Enabled": True})],
        "two forms disagree": [{**shop.forward(a=1), "TargetGroupArn": shop.arns["b"]}],
        "no group": [{"Type": "forward"}],
        "unknown group": [{"Type": "forward", "TargetGroupArn": unknown}],
        "login alone": [login(ClientSecret="x")],
        "login last": [{**shop.forward(a=1), "Order": 1}, login(2, ClientSecret="x")],
        "two terminal": [{**FIXED, "Order": 1}, good],
        "three actions": [login(1, ClientSecret="x"), login(3, ClientSecret="x"), {**good, "Order": 4}],
        "no order": [login(ClientSecret="x"), shop.forward(a=1)],
        "same order": [login(2, ClientSecret="x"), good],
        "no secret": [login(), good],
        "nothing to reuse": [login(UseExistingClientSecret=True), good],
        "secret and reuse": [login(UseExistingClientSecret=True, ClientSecret="x"), good],
        "status 302": [fixed("302")],
        "status 20": [fixed("20")],
        "redirect loop": [redirect(Query="a=b")],
        "redirect to itself": [redirect(Protocol="HTTPS", Port="443")],
        "redirect to HTTP": [redirect(Protocol="HTTP", Host="other.example")],
        "redirect to FTP": [redirect(Protocol="FTP")],
        "redirect to port 0": [redirect(Port="0")],
        "redirect to no path": [redirect(Path="x")],
        "content type": [fixed("200", ContentType="image/png")],
        "long body": [fixed("200", MessageBody="x" * 1025)],
        "session of 8 days": [login(ClientSecret="x", SessionTimeout=691200), good],
        "extra parameters": [
            login(ClientSecret="x", AuthenticationRequestExtraParams={f"k{n}": "v" for n in range(11)}),
            good,
        ],
        "no config": [{"Type": "redirect"}],
        "config of another type": [{**FIXED, "TargetGroupArn": shop.arns["a"]}],
    }
    return table[wrong]


@pytest.mark.parametrize(("wrong", "code", "message"), ACTIONS)
def test_wrong_actions_are_refused_everywhere(shop: Shop, wrong: str, code: str, message: str) -> None:
    """The same actions are refused on create and on modify, of rules and of listeners, and change nothing."""
    actions = wrong_actions(shop, wrong)
    rule = shop.rule(40, "https")["RuleArn"]
    listener = shop.arns["https"]
    refusals = [
        shop.refusal("CreateRule", ListenerArn=listener, Priority=50, Conditions=[HEADER], Actions=actions),
        shop.refusal("ModifyRule", RuleArn=rule, Actions=actions),
        shop.refusal("ModifyListener", ListenerArn=listener, DefaultActions=actions),
    ]
    assert {refusal.code for refusal in refusals} == {code}
    assert all(message in refusal.message for refusal in refusals)
    assert {refusal.status for refusal in refusals} == {400}


def test_login_needs_https(shop: Shop) -> None:
    """Login is refused on an HTTP listener, and so is a listener that would become HTTP under a login."""
    actions = [login(ClientSecret="x"), {**shop.forward(a=1), "Order": 2}]
    refusal = shop.refusal("ModifyRule", RuleArn=shop.arns["rule"], Actions=actions)
    assert (refusal.code, "only on HTTPS listeners" in refusal.message) == ("InvalidLoadBalancerAction", True)
    shop.rule(30, "https", Actions=actions)
    refusal = shop.refusal("ModifyListener", ListenerArn=shop.arns["https"], Protocol="HTTP")
    assert refusal.code == "InvalidLoadBalancerAction"


def test_target_stickiness_needs_group_stickiness(shop: Shop) -> None:
    """A weighted forward with a sticky group is refused from either side, in AWS's words, unless the rule is sticky."""
    on = [{"Key": "stickiness.enabled", "Value": "true"}]
    shop.call("ModifyTargetGroupAttributes", TargetGroupArn=shop.arns["b"], Attributes=on)
    refusal = shop.refusal("ModifyRule", RuleArn=shop.arns["rule"], Actions=[shop.forward(a=1, b=1)])
    words = "You must enable group stickiness on a rule"
    assert (refusal.code, words in refusal.message) == ("InvalidLoadBalancerAction", True)
    sticky = shop.forward(a=1, b=1, sticky={"Enabled": True, "DurationSeconds": 60})
    shop.call("ModifyRule", RuleArn=shop.arns["rule"], Actions=[sticky])
    shop.call("ModifyRule", RuleArn=shop.arns["rule"], Actions=[shop.forward(b=1)])
    shop.call("ModifyRule", RuleArn=shop.arns["rule"], Actions=[shop.forward(c=1, d=1)])
    refusal = shop.refusal("ModifyTargetGroupAttributes", TargetGroupArn=shop.arns["c"], Attributes=on)
    words = "This target group appears behind a rule with group stickiness disabled"
    assert (refusal.code, words in refusal.message) == ("InvalidConfigurationRequest", True)


OTHER_LOGINS = [
    {
        "Type": "authenticate-cognito",
        "Order": 1,
        "AuthenticateCognitoConfig": {
            "UserPoolArn": "arn:aws:cognito-idp:eu-west-1:000000000000:userpool/1",
            "UserPoolClientId": "shop",
            "UserPoolDomain": "shop",
        },
    },
    {
        "Type": "jwt-validation",
        "Order": 1,
        "JwtValidationConfig": {"JwksEndpoint": "https://login.example/keys", "Issuer": "https://login.example"},
    },
]


@pytest.mark.parametrize("action", OTHER_LOGINS, ids=lambda action: action["Type"])
def test_every_kind_of_login_is_kept(shop: Shop, action: dict[str, Any]) -> None:
    """Cognito and JWT actions are answered with what was sent, before the forward."""
    first, second = shop.rule(30, "https", Actions=[action, {**shop.forward(a=1), "Order": 2}])["Actions"]
    (name,) = (key for key in action if key.endswith("Config"))
    assert action[name].items() <= first[name].items()
    assert (first["Type"], second["Type"]) == (action["Type"], "forward")
