"""What others do to the app behind teal's back: people in the console, old pipelines, and tasks that die."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sim.checkers import Watcher
from sim.cloud import Cloud
from sim.scenario import Disturbance, Edit
from sim.story import Story
from sim.weights import slot_of
from teal.lab.world.wires import AwsRefusal
from teal.model.tags import BEFORE, DEPLOYMENT, MOVE

CLUSTER = "shop"
WAR_EVERY_S = 10.0


@dataclass(slots=True)
class Stranger:
    """Somebody who does not know of teal."""

    cloud: Cloud
    story: Story
    watcher: Watcher
    body: Mapping[str, Any]  # a task definition that somebody else may put into a service
    gone: bool = False

    def disturb(self, what: Disturbance) -> None:
        """Do it, if there is anything to do it to, and they are still about."""
        if self.gone:
            return
        acts: Mapping[Edit, Callable[[int], None]] = {
            Edit.WEIGHTS: self._weights,
            Edit.ELSEWHERE: self._elsewhere,
            Edit.FIXED: self._fixed,
            Edit.NO_RULE: self._no_rule,
            Edit.STICKY: self._sticky,
            Edit.NO_TAGS: self._no_tags,
            Edit.NO_SERVICE_TAGS: self._no_service_tags,
            Edit.NO_TASTE: self._no_taste,
            Edit.PIPELINE: self._pipeline,
            Edit.SETTINGS: self._settings,
            Edit.WAR: self._war,
            Edit.GROW: self._grow,
            Edit.SHRINK: self._shrink,
            Edit.DEATH: self._death,
            Edit.MASS_DEATH: self._mass_death,
        }
        try:
            acts[what.edit](what.nth)
        except (AwsRefusal, LookupError) as error:
            self.story.tell(self.cloud.now_s, "somebody", f"{what.edit}: nothing to do it to: {error!r}")
        else:
            self.story.count("edits by somebody else")
            self.story.tell(self.cloud.now_s, "somebody", f"{what.edit} ({what.nth})")
            self.watcher.refresh()

    def _rule(self, nth: int) -> tuple[str, str]:
        rules = sorted((host, arn) for arn, host in self.watcher.rule_of.items())
        if not rules:
            raise LookupError("no route")
        host, arn = rules[nth % len(rules)]
        return host, arn

    def _modify(self, nth: int, actions: list[dict[str, Any]]) -> None:
        host, arn = self._rule(nth)
        self.watcher.stranger_writes((host,), ())
        self.cloud.aws("elbv2", "ModifyRule", RuleArn=arn, Actions=actions)

    def _groups(self) -> list[str]:
        found = self.cloud.aws("elbv2", "DescribeTargetGroups")["TargetGroups"]
        return [group["TargetGroupArn"] for group in found if slot_of(group["TargetGroupArn"]) != "-"]

    def _weights(self, nth: int) -> None:
        groups = [
            {"TargetGroupArn": arn, "Weight": weight}
            for arn, weight in zip(self._groups(), (30, 70) if nth % 2 else (100, 0), strict=False)
        ]
        self._modify(nth, [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}])

    def _elsewhere(self, nth: int) -> None:
        vpc = self.cloud.aws("elbv2", "DescribeLoadBalancers")["LoadBalancers"][0]["VpcId"]
        made = self.cloud.aws(
            "elbv2", "CreateTargetGroup", Name="elsewhere", Protocol="HTTP", Port=80, TargetType="ip", VpcId=vpc
        )
        self._modify(nth, [{"Type": "forward", "TargetGroupArn": made["TargetGroups"][0]["TargetGroupArn"]}])

    def _fixed(self, nth: int) -> None:
        self._modify(nth, [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}])

    def _no_rule(self, nth: int) -> None:
        host, arn = self._rule(nth)
        self.watcher.stranger_writes((host,), ())
        self.cloud.aws("elbv2", "DeleteRule", RuleArn=arn)

    def _sticky(self, nth: int) -> None:
        host, _ = self._rule(nth)
        groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in self.watcher.api[host]]
        stickiness = {"Enabled": True, "DurationSeconds": 60}
        config = {"TargetGroups": groups, "TargetGroupStickinessConfig": stickiness}
        self._modify(nth, [{"Type": "forward", "ForwardConfig": config}])

    def _no_tags(self, _nth: int) -> None:
        arns = [self._rule(nth)[1] for nth in range(len(self.watcher.rule_of))] or [self._rule(0)[1]]
        self.watcher.stranger_writes(tuple(self.watcher.rule_of.values()), ())
        self.cloud.aws("elbv2", "RemoveTags", ResourceArns=arns, TagKeys=[MOVE])

    def _slot(self, nth: int) -> tuple[str, dict[str, Any]]:
        slot = "ab"[nth % 2]
        return slot, self.watcher.service(slot)

    def _no_service_tags(self, nth: int) -> None:
        slot, service = self._slot(nth)
        self.watcher.stranger_writes(tuple(self.watcher.rule_of.values()), (slot,))
        self.cloud.aws("ecs", "UntagResource", resourceArn=service["serviceArn"], tagKeys=[DEPLOYMENT, BEFORE])

    def _no_taste(self, nth: int) -> None:
        listener = self.cloud.aws("elbv2", "DescribeLoadBalancers")["LoadBalancers"][0]["LoadBalancerArn"]
        listener = self.cloud.aws("elbv2", "DescribeListeners", LoadBalancerArn=listener)["Listeners"][0]["ListenerArn"]
        rules = self.cloud.aws("elbv2", "DescribeRules", ListenerArn=listener)["Rules"]
        tastes = [rule for rule in rules if any(c["Field"] == "http-header" for c in rule["Conditions"])]
        rule = tastes[nth % len(tastes)] if tastes else None
        if rule is None:
            raise LookupError("no taste rule")
        self.watcher.stranger_writes((), (slot_of(rule["Actions"][-1]["TargetGroupArn"]),))
        self.cloud.aws("elbv2", "DeleteRule", RuleArn=rule["RuleArn"])

    def _update(self, nth: int, **changes: Any) -> None:  # noqa: ANN401 - fields of UpdateService
        slot, service = self._slot(nth)
        wanted = {"cluster": CLUSTER, "service": service["serviceName"], **changes}
        self.watcher.stranger_writes((), (slot,))
        self.cloud.aws("ecs", "UpdateService", **wanted)

    def _pipeline(self, nth: int) -> None:
        made = self.cloud.aws("ecs", "RegisterTaskDefinition", **self.body)["taskDefinition"]["taskDefinitionArn"]
        self._update(nth, taskDefinition=made)

    def _settings(self, nth: int) -> None:
        breaker = {"enable": True, "rollback": True}
        self._update(nth, deploymentConfiguration={"deploymentCircuitBreaker": breaker})

    def _war(self, nth: int) -> None:
        """Put settings back as often as teal puts them right, as a controller does."""
        slot, service = self._slot(nth)
        breaker = service["deploymentConfiguration"]["deploymentCircuitBreaker"]
        if not breaker["rollback"]:
            self._settings(nth)
        self.watcher.stranger_writes((), (slot,))
        self.cloud.time.at(self.cloud.now_s + WAR_EVERY_S, lambda: None if self.gone else self._war(nth))

    def _grow(self, nth: int) -> None:
        slot, service = self._slot(nth)
        wanted = {"cluster": CLUSTER, "service": f"shop-{slot}", "desiredCount": service["desiredCount"] + 2}
        self.cloud.aws("ecs", "UpdateService", **wanted)

    def _shrink(self, nth: int) -> None:
        self._update(nth, desiredCount=nth // 2)

    def _death(self, nth: int) -> None:
        self._end_tasks(nth, 1)

    def _mass_death(self, nth: int) -> None:
        self._end_tasks(nth, 100)

    def _end_tasks(self, nth: int, most: int) -> None:
        slot, service = self._slot(nth)
        name = service["serviceName"]
        found = self.cloud.aws("ecs", "ListTasks", cluster=CLUSTER, serviceName=name)["taskArns"]
        healthy = sum(count for arn, count in self.cloud.healthy_now.items() if slot_of(arn) == slot)
        self.watcher.stranger_writes((), (slot,) if healthy <= most else ())
        for arn in found[:most]:
            self.cloud.aws("ecs", "StopTask", cluster=CLUSTER, task=arn)
