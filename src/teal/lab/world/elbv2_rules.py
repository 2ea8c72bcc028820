"""Listener rules: created, described in order of priority, changed property by property, reordered all or nothing.

ModifyRule replaces only the properties that are sent: a change of actions leaves conditions, transforms and tags as
they are. The default rule is changed through its listener alone.
"""

from collections.abc import Mapping, Sequence

from teal.lab.world import elbv2_limits as limits
from teal.lab.world.elbv2_actions import settled_actions, shown_actions
from teal.lab.world.elbv2_conditions import settled_conditions
from teal.lab.world.elbv2_forward import Place
from teal.lab.world.elbv2_model import Balancing, Listener, Rule, Shape, in_priority, shares
from teal.lab.world.elbv2_page import check_exactly_one, page
from teal.lab.world.elbv2_tags import checked_tags
from teal.lab.world.ground import Answer, Params, duplicate
from teal.lab.world.wires import AwsRefusal

_PRIORITIES = range(1, 50001)
_TRANSFORMS = {"host-header-rewrite": "HostHeaderRewriteConfig", "url-rewrite": "UrlRewriteConfig"}
_LONGEST_REGEX = 1024


def create_rule(state: Balancing, params: Params, now_s: float) -> Answer:
    """CreateRule."""
    listener = state.listener(params["ListenerArn"])
    priority: int = params["Priority"]
    _check_priority(priority)
    if any(rule.priority == priority for rule in state.rules_of(listener.arn)):
        raise _priority_in_use(priority)
    count = sum(rule.priority is not None for rule in state.rules_on(listener.balancer_arn))
    limits.check_limit(limits.RULES, count + 1, "TooManyRules", f"rules on load balancer '{listener.balancer_arn}'")
    conditions = settled_conditions(params["Conditions"])
    actions = settled_actions(_place(state, listener, None), params["Actions"])
    rule = Rule(
        arn=f"{listener.arn.replace(':listener/', ':listener-rule/')}/{state.ground.hex_id(16)}",
        listener_arn=listener.arn,
        priority=priority,
        conditions=conditions,
        actions=actions,
        transforms=_settled_transforms(params.get("Transforms", [])),
        tags=checked_tags(params.get("Tags", [])),
    )
    state.rules[rule.arn] = rule
    state.tell(now_s, state.rule_label(rule), f"rule created: {_action_text(state, rule)}")
    tell_unserved(state, rule, now_s)
    return {"Rules": [_shown(rule)]}


def describe_rules(state: Balancing, params: Params) -> Answer:
    """DescribeRules: of one listener, or by ARN; sorted by priority, default rules last."""
    check_exactly_one(params, "ListenerArn", "RuleArns")
    arns: Sequence[str] = params.get("RuleArns", ())
    if arns:
        found = in_priority(state.rule(arn) for arn in dict.fromkeys(arns))
    else:
        found = state.rules_of(state.listener(params["ListenerArn"]).arn)
    return page("Rules", [_shown(rule) for rule in found], params)


def modify_rule(state: Balancing, params: Params, now_s: float) -> Answer:
    """ModifyRule: replaces the properties that were sent."""
    rule = _changeable(state, params["RuleArn"], "modified")
    sent = {name: params[name] for name in ("Conditions", "Actions", "Transforms") if params.get(name)}
    reset = bool(params.get("ResetTransforms", False))
    if not sent and not reset:
        raise AwsRefusal("ValidationError", "At least one of conditions, actions or transforms must be specified")
    if reset and "Transforms" in sent:
        raise AwsRefusal("ValidationError", "You cannot specify transforms and reset them in one request")
    place = _place(state, state.listeners[rule.listener_arn], rule)
    conditions = settled_conditions(sent["Conditions"]) if "Conditions" in sent else rule.conditions
    actions = settled_actions(place, sent["Actions"]) if "Actions" in sent else rule.actions
    transforms = [] if reset else rule.transforms
    if "Transforms" in sent:
        transforms = _settled_transforms(sent["Transforms"])
    rule.conditions, rule.actions, rule.transforms = conditions, actions, transforms
    state.tell(now_s, state.rule_label(rule), f"rule modified: {_action_text(state, rule)}")
    tell_unserved(state, rule, now_s)
    return {"Rules": [_shown(rule)]}


def delete_rule(state: Balancing, params: Params, now_s: float) -> Answer:
    """DeleteRule: any but the default rule."""
    rule = _changeable(state, params["RuleArn"], "deleted")
    state.tell(now_s, state.rule_label(rule), "rule deleted")
    del state.rules[rule.arn]
    return {}


def set_rule_priorities(state: Balancing, params: Params, now_s: float) -> Answer:
    """SetRulePriorities: all or nothing, so that rules may swap their priorities."""
    pairs: Sequence[Shape] = params["RulePriorities"]
    wanted: dict[str, int] = {}
    for pair in pairs:
        rule = _changeable(state, pair.get("RuleArn", ""), "reordered")
        if rule.arn in wanted or "Priority" not in pair:
            raise AwsRefusal("ValidationError", f"Exactly one priority must be specified for rule '{rule.arn}'")
        _check_priority(pair["Priority"])
        wanted[rule.arn] = pair["Priority"]
    for listener_arn in dict.fromkeys(state.rules[arn].listener_arn for arn in wanted):
        _check_unique(state.rules_of(listener_arn), wanted)
    for arn, priority in wanted.items():
        rule = state.rules[arn]
        if rule.priority != priority:
            state.tell(now_s, state.rule_label(rule), f"rule priority is now {priority}")
        rule.priority = priority
    return {"Rules": [_shown(state.rules[arn]) for arn in wanted]}


def tell_unserved(state: Balancing, rule: Rule, now_s: float) -> None:
    """Say in the story which parts of a rule the data plane of the lab does not act upon."""
    if state.listeners[rule.listener_arn].protocol != "HTTP":
        return
    if rule.transforms:
        state.tell(now_s, state.rule_label(rule), "transforms are kept, without effect in the lab")


def _place(state: Balancing, listener: Listener, replaced: Rule | None) -> Place:
    return Place(
        state=state,
        balancer_arn=listener.balancer_arn,
        protocol=listener.protocol,
        port=listener.port,
        replaced=replaced,
    )


def _changeable(state: Balancing, arn: str, verb: str) -> Rule:
    rule = state.rule(arn)
    if rule.priority is None:
        raise AwsRefusal("OperationNotPermitted", f"Default rule '{arn}' cannot be {verb}")
    return rule


def _check_priority(priority: int) -> None:
    if priority not in _PRIORITIES:
        raise AwsRefusal("ValidationError", f"Rule priority '{priority}' must be between '1' and '50000' inclusive")


def _priority_in_use(priority: int) -> AwsRefusal:
    return AwsRefusal("PriorityInUse", f"Priority '{priority}' is currently in use")


def _check_unique(rules: Sequence[Rule], wanted: Mapping[str, int]) -> None:
    """Refuse priorities that two rules of one listener would share."""
    seen: set[int] = set()
    for rule in rules:
        priority = wanted.get(rule.arn, rule.priority)
        if priority is None:
            continue
        if priority in seen:
            raise _priority_in_use(priority)
        seen.add(priority)


def _settled_transforms(sent: Sequence[Shape]) -> list[Shape]:
    kinds = [transform["Type"] for transform in sent]
    if len(set(kinds)) < len(kinds):
        raise AwsRefusal("ValidationError", "A rule can have at most one transform of each type")
    for transform in sent:
        config: Shape = transform.get(_TRANSFORMS[transform["Type"]], {})
        rewrites: Sequence[Shape] = config.get("Rewrites", ())
        if len(rewrites) != 1 or not 1 <= len(rewrites[0]["Regex"]) <= _LONGEST_REGEX:
            raise AwsRefusal(
                "ValidationError", f"A transform must have one rewrite of at most {_LONGEST_REGEX} characters"
            )
    return duplicate(list(sent))


def _action_text(state: Balancing, rule: Rule) -> str:
    """Say in the story what a rule does, e.g. `forward tg-a 90, tg-b 10`."""
    last = rule.actions[-1]
    parts = [f"{state.groups[arn].name} {weight}" for arn, weight in shares(last)]
    return f"{last['Type']} {', '.join(parts)}".rstrip()


def _shown(rule: Rule) -> Shape:
    shown: Shape = {
        "RuleArn": rule.arn,
        "Priority": "default" if rule.priority is None else str(rule.priority),
        "Conditions": duplicate(rule.conditions),
        "Actions": shown_actions(rule.actions),
        "IsDefault": rule.priority is None,
    }
    return shown | ({"Transforms": duplicate(rule.transforms)} if rule.transforms else {})
