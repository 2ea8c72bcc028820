"""What somebody else changes behind a deployer's back: by the same API, with nobody's leave.

Each kind looks at what is there, picks by the seed, and makes one change. It returns what it did as a sentence, or None
when there is nothing to change.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from teal.lab.faults.chance import draw, pick
from teal.lab.faults.kinds import Change, Edit
from teal.lab.world.ground import Answer, Params

Call = Callable[[str, str, Params], Answer]
Shape = Mapping[str, Any]
_MOST_PRIORITY = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """Somebody with access to the API, who decides by a seed."""

    call: Call
    edit: Edit
    seed: int
    count: int

    def pick(self, items: Sequence[Shape]) -> Shape | None:
        """Choose."""
        return pick(items, self.seed, self.count)

    def number(self, low: int, high: int) -> int:
        """Return a number from `low` to `high`."""
        return low + int(draw(self.seed, self.count, "number") * (high - low + 1))

    def elb(self, operation: str, **params: object) -> Answer:
        """Call ELBv2."""
        return self.call("elbv2", operation, params)

    def ecs(self, operation: str, **params: object) -> Answer:
        """Call ECS."""
        return self.call("ecs", operation, params)

    def groups(self) -> list[Shape]:
        """Return the target groups that are meant."""
        every: list[Shape] = self.elb("DescribeTargetGroups")["TargetGroups"]
        return [each for each in every if fnmatchcase(each["TargetGroupName"], self.edit.group)]

    def rules(self) -> list[Shape]:
        """Return the rules that forward to groups that are meant, default rules left out."""
        meant = {each["TargetGroupArn"] for each in self.groups()}
        balancers: list[Shape] = self.elb("DescribeLoadBalancers")["LoadBalancers"]
        found: list[Shape] = []
        for balancer in balancers:
            listeners: list[Shape] = self.elb("DescribeListeners", LoadBalancerArn=balancer["LoadBalancerArn"])[
                "Listeners"
            ]
            for listener in listeners:
                every: list[Shape] = self.elb("DescribeRules", ListenerArn=listener["ListenerArn"])["Rules"]
                found += [dict(each) | {"ListenerArn": listener["ListenerArn"]} for each in every]
        return [each for each in found if not each["IsDefault"] and meant & set(forwards(each))]

    def services(self) -> list[Shape]:
        """Return the active services that are meant."""
        found: list[Shape] = []
        for cluster in self.ecs("ListClusters")["clusterArns"]:
            arns = self.ecs("ListServices", cluster=cluster, maxResults=100)["serviceArns"]
            for start in range(0, len(arns), 10):
                described = self.ecs(
                    "DescribeServices", cluster=cluster, services=arns[start : start + 10], include=["TAGS"]
                )
                found += described["services"]
        return [
            one for one in found if one["status"] == "ACTIVE" and fnmatchcase(one["serviceName"], self.edit.service)
        ]


def forwards(rule: Shape) -> dict[str, int]:
    """Return the weights of a rule's forward action by group ARN."""
    groups = [group for action in rule["Actions"] for group in action.get("ForwardConfig", {}).get("TargetGroups", ())]
    return {group["TargetGroupArn"]: int(group.get("Weight", 1)) for group in groups}


def weights(hand: Hand) -> str | None:
    """Write other weights into the forward action of a rule."""
    rules = hand.rules()
    rule = hand.pick(rules)
    if rule is None:
        return None
    others = [arn for one in rules if one["ListenerArn"] == rule["ListenerArn"] for arn in forwards(one)]
    arns = list(dict.fromkeys([*forwards(rule), *others]))[:2]
    first = hand.number(1, 98)
    shares = dict(zip(arns, (first, 100 - first), strict=False))
    if shares == forwards(rule):
        shares[arns[0]] += 1
    hand.elb("ModifyRule", RuleArn=rule["RuleArn"], Actions=[_forwarding(each, shares) for each in rule["Actions"]])
    told = ", ".join(f"{arn.split('/')[-2]} {weight}" for arn, weight in shares.items())
    return f"rule {rule['Priority']} forwards to {told}"


def _forwarding(action: Shape, shares: Mapping[str, int]) -> Shape:
    """Return an action of a rule for a write: a forward with new shares, any other as it is."""
    if action["Type"] == "forward":
        config = dict(action["ForwardConfig"])
        config["TargetGroups"] = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in shares.items()]
        return {"Type": "forward", "Order": action.get("Order", 1), "ForwardConfig": config}
    if action["Type"] == "authenticate-oidc":
        config = dict(action["AuthenticateOidcConfig"]) | {"UseExistingClientSecret": True}
        return dict(action) | {"AuthenticateOidcConfig": config}
    return action


def rule_deleted(hand: Hand) -> str | None:
    """Delete a rule."""
    rule = hand.pick(hand.rules())
    if rule is None:
        return None
    hand.elb("DeleteRule", RuleArn=rule["RuleArn"])
    return f"rule {rule['Priority']} deleted"


def rule_conditions(hand: Hand) -> str | None:
    """Give a rule another condition."""
    rule = hand.pick(hand.rules())
    if rule is None:
        return None
    path = f"/by-hand-{hand.number(1, 9999)}/*"
    hand.elb("ModifyRule", RuleArn=rule["RuleArn"], Conditions=[{"Field": "path-pattern", "Values": [path]}])
    return f"rule {rule['Priority']} has the condition path {path}"


def rule_priority(hand: Hand) -> str | None:
    """Move a rule to a priority that is free."""
    rules = hand.rules()
    rule = hand.pick(rules)
    if rule is None:
        return None
    on_listener = hand.elb("DescribeRules", ListenerArn=rule["ListenerArn"])["Rules"]
    taken = {each["Priority"] for each in on_listener}
    start = hand.number(1, _MOST_PRIORITY - len(taken))
    free = next(number for number in range(start, start + len(taken) + 1) if str(number) not in taken)
    hand.elb("SetRulePriorities", RulePriorities=[{"RuleArn": rule["RuleArn"], "Priority": free}])
    return f"rule {rule['Priority']} has priority {free}"


def group_stickiness(hand: Hand) -> str | None:
    """Turn the stickiness of a group on, or off."""
    group = hand.pick(hand.groups())
    if group is None:
        return None
    arn = group["TargetGroupArn"]
    known = hand.elb("DescribeTargetGroupAttributes", TargetGroupArn=arn)["Attributes"]
    on = any(each["Key"] == "stickiness.enabled" and each["Value"] == "true" for each in known)
    wanted = {"Key": "stickiness.enabled", "Value": "false" if on else "true"}
    hand.elb("ModifyTargetGroupAttributes", TargetGroupArn=arn, Attributes=[wanted])
    return f"group {group['TargetGroupName']} has stickiness {'off' if on else 'on'}"


def group_health_check(hand: Hand) -> str | None:
    """Send the health checks of a group to another path."""
    group = hand.pick(hand.groups())
    if group is None:
        return None
    path = f"/by-hand-{hand.number(1, 9999)}"
    hand.elb("ModifyTargetGroup", TargetGroupArn=group["TargetGroupArn"], HealthCheckPath=path)
    return f"group {group['TargetGroupName']} is checked at {path}"


def target_deregistered(hand: Hand) -> str | None:
    """Take a target out of its group."""
    found: list[Shape] = []
    for group in hand.groups():
        seen = hand.elb("DescribeTargetHealth", TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
        found += [
            {"group": group, "target": {"Id": one["Target"]["Id"], "Port": one["Target"]["Port"]}}
            for one in seen
            if one["TargetHealth"]["State"] != "draining"
        ]
    chosen = hand.pick(found)
    if chosen is None:
        return None
    hand.elb("DeregisterTargets", TargetGroupArn=chosen["group"]["TargetGroupArn"], Targets=[chosen["target"]])
    return f"target {chosen['target']['Id']} of group {chosen['group']['TargetGroupName']} deregistered"


def tags_removed(hand: Hand) -> str | None:
    """Remove all tags of a rule or a service that has some."""
    rules = {each["RuleArn"]: each for each in hand.rules()}
    tagged: list[Shape] = []
    arns = list(rules)
    for start in range(0, len(arns), 20):
        described = hand.elb("DescribeTags", ResourceArns=arns[start : start + 20])["TagDescriptions"]
        tagged += [
            {"rule": each["ResourceArn"], "keys": [tag["Key"] for tag in each["Tags"]]}
            for each in described
            if each["Tags"]
        ]
    tagged += [
        {"service": each["serviceArn"], "keys": [tag["key"] for tag in each["tags"]]}
        for each in hand.services()
        if each.get("tags")
    ]
    chosen = hand.pick(tagged)
    if chosen is None:
        return None
    if "rule" in chosen:
        hand.elb("RemoveTags", ResourceArns=[chosen["rule"]], TagKeys=chosen["keys"])
        return f"rule {rules[chosen['rule']]['Priority']} has lost its tags"
    hand.ecs("UntagResource", resourceArn=chosen["service"], tagKeys=chosen["keys"])
    return f"service {chosen['service'].rpartition('/')[2]} has lost its tags"


def service_scaled(hand: Hand) -> str | None:
    """Give a service another desired count."""
    service = hand.pick(hand.services())
    if service is None:
        return None
    count = int(service["desiredCount"])
    wanted = count - 1 if count > 1 and hand.number(0, 1) else count + 1
    _update(hand, service, desiredCount=wanted)
    return f"service {service['serviceName']} scaled from {count} to {wanted}"


def service_updated(hand: Hand) -> str | None:
    """Give a service another revision of its task definition, if there is one."""
    found: list[Shape] = []
    for service in hand.services():
        family = service["taskDefinition"].rpartition("/")[2].partition(":")[0]
        arns = hand.ecs("ListTaskDefinitions", familyPrefix=family)["taskDefinitionArns"]
        found += [{"service": service, "arn": arn} for arn in arns if arn != service["taskDefinition"]]
    chosen = hand.pick(found)
    if chosen is None:
        return None
    _update(hand, chosen["service"], taskDefinition=chosen["arn"])
    return f"service {chosen['service']['serviceName']} updated to {chosen['arn'].rpartition('/')[2]}"


def service_restarted(hand: Hand) -> str | None:
    """Deploy a service anew, as it is."""
    service = hand.pick(hand.services())
    if service is None:
        return None
    _update(hand, service, forceNewDeployment=True)
    return f"service {service['serviceName']} deployed anew"


def _update(hand: Hand, service: Shape, **changes: object) -> None:
    hand.ecs("UpdateService", cluster=service["clusterArn"], service=service["serviceName"], **changes)


def task_stopped(hand: Hand) -> str | None:
    """Stop a task of a service."""
    found: list[Shape] = []
    for service in hand.services():
        arns = hand.ecs("ListTasks", cluster=service["clusterArn"], serviceName=service["serviceName"])["taskArns"]
        found += [{"service": service, "arn": arn} for arn in arns]
    chosen = hand.pick(found)
    if chosen is None:
        return None
    hand.ecs("StopTask", cluster=chosen["service"]["clusterArn"], task=chosen["arn"], reason="stopped by hand")
    return f"task {chosen['arn'].rpartition('/')[2]} of service {chosen['service']['serviceName']} stopped"


EDITS: Mapping[Change, Callable[[Hand], str | None]] = {
    "weights": weights,
    "rule-deleted": rule_deleted,
    "rule-conditions": rule_conditions,
    "rule-priority": rule_priority,
    "group-stickiness": group_stickiness,
    "group-health-check": group_health_check,
    "target-deregistered": target_deregistered,
    "tags-removed": tags_removed,
    "service-scaled": service_scaled,
    "service-updated": service_updated,
    "service-restarted": service_restarted,
    "task-stopped": task_stopped,
}
