"""Rules: conditions and actions, to and from AWS's shapes.

ModifyRule replaces the whole list of actions and leaves alone what is not sent. So a write sends the actions and
nothing else, and each action but the forward is sent back to the letter, as it was read. One exception: AWS never
tells the client secret of authenticate-oidc and takes "use the one you have" instead. The forward is always sent as
`ForwardConfig`, never as `TargetGroupArn` too, which AWS answers for a single group but lets be sent only with the very
same group.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from teal.aws.fields import Fields
from teal.aws.translate_elbv2 import tags_to
from teal.model.traffic import Condition, Forward, Rule
from teal.ports import NewRule

_AUTHENTICATING = frozenset({"authenticate-cognito", "authenticate-oidc", "jwt-validation"})
_CONFIGS: Mapping[str, str] = {
    "host-header": "HostHeaderConfig",
    "http-header": "HttpHeaderConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "path-pattern": "PathPatternConfig",
    "query-string": "QueryStringConfig",
    "source-ip": "SourceIpConfig",
}


def rule_from(fields: Fields, listener_arn: str) -> Rule:
    """Return a rule of DescribeRules; a default rule stands for the listener's default action."""
    actions = _in_order(fields)
    last, others = actions[-1], actions[:-1]
    terminal = last.text("Type")
    priority = _priority(fields)
    return Rule(
        arn=listener_arn if priority is None else fields.text("RuleArn"),
        listener_arn=listener_arn,
        priority=priority,
        conditions=tuple(map(_condition_from, fields.parts_or_none("Conditions"))),
        forward=_forward_from(last) if terminal == "forward" else None,
        forward_order=last.whole("Order") if terminal == "forward" and last.has("Order") else None,
        terminal=terminal,
        other_actions=tuple(_canonical(action.data) for action in others),
        authenticates=any(action.text("Type") in _AUTHENTICATING for action in others),
    )


def actions_to(rule: Rule, forward: Forward) -> list[dict[str, Any]]:
    """Return the whole list of actions of `rule` with `forward` in the place of its forward action."""
    kept = [_kept(json.loads(action)) for action in rule.other_actions]
    action: dict[str, Any] = {"Type": "forward", "ForwardConfig": _forward_to(forward)}
    if not kept:
        return [action]
    last = max((other.get("Order", 0) for other in kept), default=0)
    return [*kept, {**action, "Order": last + 1 if rule.forward_order is None else rule.forward_order}]


def new_rule_to(rule: NewRule) -> dict[str, Any]:
    """Return the request that creates a rule that forwards to one group."""
    request: dict[str, Any] = {
        "ListenerArn": rule.listener_arn,
        "Priority": rule.priority,
        "Conditions": [_condition_to(condition) for condition in rule.conditions],
        "Actions": [{"Type": "forward", "ForwardConfig": _forward_to(Forward(shares=((rule.group_arn, 1),)))}],
    }
    return {**request, "Tags": tags_to(rule.tags)} if rule.tags else request


def _in_order(fields: Fields) -> Sequence[Fields]:
    actions = fields.parts("Actions")
    if not actions:
        raise fields.unknown("the answer cannot be believed: a rule without actions")
    return sorted(actions, key=lambda action: action.whole_or("Order", 0))


def _priority(fields: Fields) -> int | None:
    text = fields.text("Priority")
    if text == "default":
        return None
    if not text.isdecimal():
        raise fields.unknown(f"the answer cannot be believed: a rule of priority {text!r}")
    return int(text)


def _forward_from(action: Fields) -> Forward:
    configuration = action.part_or_empty("ForwardConfig")
    groups = configuration.parts_or_none("TargetGroups")
    shares = tuple((group.text("TargetGroupArn"), group.whole_or("Weight", 1)) for group in groups)
    stickiness = configuration.part_or_empty("TargetGroupStickinessConfig")
    return Forward(
        shares=shares or ((action.text("TargetGroupArn"), 1),),
        stickiness_s=stickiness.whole("DurationSeconds") if stickiness.flag("Enabled") else None,
    )


def _forward_to(forward: Forward) -> dict[str, Any]:
    groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in forward.shares]
    if forward.stickiness_s is not None:
        stickiness = {"Enabled": True, "DurationSeconds": forward.stickiness_s}
        return {"TargetGroups": groups, "TargetGroupStickinessConfig": stickiness}
    if len(groups) == 1:
        return {"TargetGroups": groups}
    return {"TargetGroups": groups, "TargetGroupStickinessConfig": {"Enabled": False}}


def _kept(action: dict[str, Any]) -> dict[str, Any]:
    """Return an action as AWS takes it back: with the client secret that it has and never tells."""
    if action["Type"] != "authenticate-oidc":
        return action
    told: Mapping[str, Any] = action.get("AuthenticateOidcConfig", {})
    bare = {name: value for name, value in told.items() if name != "ClientSecret"}
    return {**action, "AuthenticateOidcConfig": {**bare, "UseExistingClientSecret": True}}


def _canonical(action: Mapping[str, Any]) -> str:
    return json.dumps(action, sort_keys=True, separators=(",", ":"))


def _condition_from(fields: Fields) -> Condition:
    """Return a condition; AWS tells it by the older `Values`, by the newer `…Config`, or by both."""
    name = fields.text("Field")
    configuration = fields.part_or_empty(_CONFIGS.get(name, ""))
    if name == "query-string":
        pairs = tuple((pair.text_or("Key"), pair.text_or("Value")) for pair in configuration.parts_or_none("Values"))
        return Condition(field=name, queries=pairs)
    values = configuration.texts_or_none("Values") or fields.texts_or_none("Values")
    patterns = configuration.texts_or_none("RegexValues") or fields.texts_or_none("RegexValues")
    return Condition(
        field=name,
        values=(*values, *(f"regex:{pattern}" for pattern in patterns)),
        header=configuration.text_or("HttpHeaderName"),
    )


def _condition_to(condition: Condition) -> dict[str, Any]:
    configuration: dict[str, Any] = {"Values": list(condition.values)}
    if condition.field == "http-header":
        configuration["HttpHeaderName"] = condition.header
    if condition.field == "query-string":
        pairs = [{"Key": key, "Value": value} if key else {"Value": value} for key, value in condition.queries]
        configuration = {"Values": cast("list[Any]", pairs)}
    return {"Field": condition.field, _CONFIGS[condition.field]: configuration}
