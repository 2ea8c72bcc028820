"""The whole world of one lab: ECS, ELBv2 and the small services, behind one door.

The world is pure: the clock is an argument, chance is a seed, processes and sockets are wishes that go out and
observations that come in. The same world runs behind the lab's API with real processes and in memory with a virtual
clock.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Self

from teal.lab.world.ecs import Clusters
from teal.lab.world.elbv2 import Balancers
from teal.lab.world.ground import Answer, Ground, Params
from teal.lab.world.small import Scaling, ec2_call, sts_call
from teal.lab.world.story import Story
from teal.lab.world.wires import (
    AwsRefusal,
    DataPlane,
    Observation,
    RulesTaken,
    TargetSeen,
    WantedTask,
    not_simulated,
)


class World:
    """An AWS region in memory.

    Args:
        ground: account, region, time scale, network and story.
        now_s: the instant at which the region begins.
    """

    def __init__(self, ground: Ground, now_s: float) -> None:
        self._ground = ground
        self._now_s = now_s
        self._balancers = Balancers(ground)
        self._clusters = Clusters(ground, self._balancers)
        self._scaling = Scaling(ground=ground, has_service=self._has_service)
        ground.tell(now_s, "api", ground.region, f"account {ground.account} begins, time scale {ground.time_scale:g}")

    @property
    def events(self) -> Story:
        """The story so far, oldest first."""
        return self._ground.events

    def tell(self, at_s: float, source: str, subject: str, message: str) -> None:
        """Append one line to the story."""
        self._ground.tell(at_s, source, subject, message)

    def copy(self) -> Self:
        """Return another world in the same state, which goes its own way from here, with a story of its own."""
        return deepcopy(self, {id(self._ground.events): Story()})

    def call(self, service: str, operation: str, params: Params, now_s: float) -> Answer:
        """Perform one API operation; `params` have AWS's types and required members.

        Raises:
            AwsRefusal: AWS would refuse, or the lab does not simulate the operation.
        """
        self._now_s = now_s
        match service:
            case "ecs":
                return self._clusters.call(operation, params, now_s)
            case "elbv2":
                return self._balancers.call(operation, params, now_s)
            case "logs":
                return self._clusters.logs_call(operation, params, now_s)
            case "sts":
                return sts_call(self._ground, operation)
            case "ec2":
                return ec2_call(self._ground, operation, params)
            case "application-autoscaling":
                return self._scaling.call(operation, params, now_s)
            case _:
                raise not_simulated(f"{service} {operation}")

    def memory(self) -> dict[str, Any]:
        """Return all that the region knows, for `teal.lab.world.memory` to write down; not its story, and no logs."""
        return {
            "ids": self._ground.ids,
            "ecs": self._clusters.memory(),
            "elbv2": self._balancers.memory(),
            "scaling": self._scaling.memory(),
        }

    def restore(self, memory: Mapping[str, Any], now_s: float) -> None:
        """Know what a memory says and nothing else; tasks that ran are launched anew, under other ids and addresses.

        Raises:
            Exception: whatever comes of a memory that no region had. The world is then broken: try a copy first.
        """
        self._now_s = now_s
        self._ground.skip_ids(memory["ids"])
        self._balancers.restore(memory["elbv2"])
        self._scaling.restore(memory["scaling"])
        for group_arn, target in self._clusters.restore(memory["ecs"], now_s):
            self._balancers.forget_target(group_arn, target)
        self.advance(now_s)
        self.tell(now_s, "lab", self._ground.region, "restored from a snapshot")

    def observe(self, observation: Observation, now_s: float) -> None:
        """Take what a runtime or the data plane saw."""
        self._now_s = now_s
        if isinstance(observation, TargetSeen):
            self._balancers.observe(observation, now_s)
        else:
            self._clusters.observe(observation, now_s)

    def advance(self, now_s: float) -> None:
        """Let time pass: drained targets go, tasks start and stop, deployments proceed."""
        self._now_s = now_s
        self._balancers.advance(now_s)
        self._clusters.advance(now_s)

    def rules_taken(self, taken: RulesTaken, now_s: float) -> None:
        """Take that a node of the load balancer follows other rules from now on."""
        self._balancers.rules_taken(taken, now_s)

    def tasks(self) -> tuple[WantedTask, ...]:
        """Return the tasks that should exist."""
        return self._clusters.tasks()

    def data_plane(self) -> DataPlane:
        """Return what the load balancers should do."""
        return self._balancers.data_plane()

    def task_metadata(self, task_id: str) -> Answer | None:
        """Return what the metadata endpoint of a task answers, or None when there is no such task."""
        return self._clusters.task_metadata(task_id)

    def _has_service(self, cluster: str, service: str) -> bool:
        """Ask ECS for a service, at the instant of the call that wants to know."""
        try:
            answer = self._clusters.call("DescribeServices", {"cluster": cluster, "services": [service]}, self._now_s)
        except AwsRefusal:
            return False
        return any(found["status"] == "ACTIVE" for found in answer["services"])
