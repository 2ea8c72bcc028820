"""ELBv2 as the lab knows it: Application Load Balancers, in AWS's answers and AWS's refusals.

A rule change is complete when the call returns; how late the data plane takes it up is the data plane's affair. Where
the lab differs from AWS stands in docs/lab.md.
"""

from collections.abc import Callable, Mapping
from typing import Any

from teal.lab.world import elbv2_balancers as balancers
from teal.lab.world import elbv2_groups as groups
from teal.lab.world import elbv2_limits as limits
from teal.lab.world import elbv2_listeners as listeners
from teal.lab.world import elbv2_plane as plane
from teal.lab.world import elbv2_rules as rules
from teal.lab.world import elbv2_tags as tags
from teal.lab.world import elbv2_targets as targets
from teal.lab.world.elbv2_model import Balancing
from teal.lab.world.elbv2_page import page
from teal.lab.world.elbv2_taken import sentences
from teal.lab.world.ground import Answer, Ground, Params
from teal.lab.world.memory import parts
from teal.lab.world.wires import DataPlane, RulesTaken, TargetSeen, not_simulated

_READS: Mapping[str, Callable[[Balancing, Params], Answer]] = {
    "DescribeListenerAttributes": listeners.describe_listener_attributes,
    "DescribeListeners": listeners.describe_listeners,
    "DescribeLoadBalancerAttributes": balancers.describe_load_balancer_attributes,
    "DescribeLoadBalancers": balancers.describe_load_balancers,
    "DescribeRules": rules.describe_rules,
    "DescribeTags": tags.describe_tags,
    "DescribeTargetGroupAttributes": groups.describe_target_group_attributes,
    "DescribeTargetGroups": groups.describe_target_groups,
    "DescribeTargetHealth": targets.describe_target_health,
}
_WRITES: Mapping[str, Callable[[Balancing, Params, float], Answer]] = {
    "AddTags": tags.add_tags,
    "CreateListener": listeners.create_listener,
    "CreateLoadBalancer": balancers.create_load_balancer,
    "CreateRule": rules.create_rule,
    "CreateTargetGroup": groups.create_target_group,
    "DeleteListener": listeners.delete_listener,
    "DeleteLoadBalancer": balancers.delete_load_balancer,
    "DeleteRule": rules.delete_rule,
    "DeleteTargetGroup": groups.delete_target_group,
    "DeregisterTargets": targets.deregister_targets,
    "ModifyListener": listeners.modify_listener,
    "ModifyLoadBalancerAttributes": balancers.modify_load_balancer_attributes,
    "ModifyRule": rules.modify_rule,
    "ModifyTargetGroup": groups.modify_target_group,
    "ModifyTargetGroupAttributes": groups.modify_target_group_attributes,
    "RegisterTargets": targets.register_targets,
    "RemoveTags": tags.remove_tags,
    "SetRulePriorities": rules.set_rule_priorities,
}


class Balancers:
    """The load balancing half of the world, and the desk at which ECS registers its targets."""

    def __init__(self, ground: Ground) -> None:
        self._state = Balancing(ground=ground)

    def call(self, operation: str, params: Params, now_s: float) -> Answer:
        """Perform one API operation.

        Raises:
            AwsRefusal: AWS would refuse, or the lab does not simulate the operation.
        """
        self.advance(now_s)
        if operation == "DescribeAccountLimits":
            return page("Limits", [{"Name": name, "Max": str(most)} for name, most in limits.LIMITS.items()], params)
        if operation in _READS:
            return _READS[operation](self._state, params)
        if operation in _WRITES:
            answer = _WRITES[operation](self._state, params, now_s)
            targets.settle(self._state, now_s)
            return answer
        raise not_simulated(f"elbv2 {operation}")

    def advance(self, now_s: float) -> None:
        """Let time pass: drained targets are gone after their delay."""
        targets.drop_drained(self._state, now_s)

    def observe(self, seen: TargetSeen, now_s: float) -> None:
        """Take a report of the data plane."""
        targets.see(self._state, seen, now_s)

    def rules_taken(self, taken: RulesTaken, now_s: float) -> None:
        """Write into the story what a node of the load balancer has taken up."""
        for sentence in sentences(self._state, taken):
            self._state.ground.tell(now_s, "node", f"node {taken.node}", sentence)

    def data_plane(self) -> DataPlane:
        """Return what the data plane shall do."""
        return plane.data_plane(self._state)

    def memory(self) -> dict[str, Any]:
        """Return all that the load balancers know."""
        return parts(self._state, "ground")

    def restore(self, memory: Mapping[str, Any]) -> None:
        """Know what a memory says, and nothing else."""
        self._state = Balancing(ground=self._state.ground, **memory)

    def forget_target(self, group_arn: str, target: tuple[str, int]) -> None:
        """Drop a target that does not exist any more, without draining it. A deleted group has none."""
        group = self._state.groups.get(group_arn)
        if group is not None:
            group.targets.pop(target, None)

    def group_exists(self, group_arn: str) -> bool:
        """Say whether there is a target group with this ARN."""
        return group_arn in self._state.groups

    def group_type(self, group_arn: str) -> str:
        """Return the target type, `ip` or `instance`."""
        return str(self._state.group(group_arn).fixed["TargetType"])

    def is_attached(self, group_arn: str) -> bool:
        """Say whether some listener rule or default action forwards to the group."""
        group = self._state.groups.get(group_arn)
        return group is not None and group.in_use

    def register(self, group_arn: str, target: tuple[str, int], dial: tuple[str, int], now_s: float) -> None:
        """Register a target that is reached at `dial`."""
        targets.register(self._state, self._state.group(group_arn), target, dial, now_s)

    def deregister(self, group_arn: str, target: tuple[str, int], now_s: float) -> None:
        """Begin to drain a target; it is gone after the deregistration delay. A deleted group has no targets."""
        group = self._state.groups.get(group_arn)
        if group is not None:
            targets.deregister(self._state, group, target, now_s)

    def target_state(self, group_arn: str, target: tuple[str, int], now_s: float) -> str | None:
        """Return `initial healthy unhealthy unused draining`, or None when the target is not registered any more."""
        self.advance(now_s)
        group = self._state.groups.get(group_arn)
        return None if group is None else targets.state_of(group, target)

    def target_reason(self, group_arn: str, target: tuple[str, int]) -> str:
        """Return why a target is not healthy, in AWS's words; empty when nothing is known."""
        group = self._state.groups.get(group_arn)
        found = group.targets.get(target) if group is not None else None
        return "" if found is None else found.description or found.reason
