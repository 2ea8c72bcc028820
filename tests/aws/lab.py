"""The lab's world in memory as a caller: what an adapter asks is checked and answered as AWS would."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from teal.aws.call import Caller
from teal.aws.errors import error_for
from teal.aws.operations import OPERATIONS
from teal.lab.front.answering import answer
from teal.lab.world.ground import Ground
from teal.lab.world.wires import AwsRefusal, Phase, TargetSeen, TaskStarted
from teal.lab.world.world import World

Json = dict[str, Any]
START_S = 1_790_000_000.0


@dataclass
class LabCaller:
    """Calls a world; starts its tasks and sees its targets healthy when told to let time pass."""

    now_s: float = START_S
    world: World = field(default_factory=lambda: World(Ground(), START_S))
    region: str = "eu-west-1"
    started: set[str] = field(default_factory=set[str])
    wire: Caller | None = None  # asks the same world over HTTP

    def endpoint(self, service: str) -> str:
        """Return a URL on loopback."""
        assert service
        return "http://127.0.0.1:4566"

    def call(self, service: str, operation: str, params: Mapping[str, Any]) -> Json:
        """Return the world's answer, or raise its refusal as the door to botocore would."""
        if self.wire is not None and (service, operation) in OPERATIONS:
            return self.wire.call(service, operation, params)
        try:
            return answer(self.world, service, operation, params, self.now_s)
        except AwsRefusal as refusal:
            name = f"{service}:{operation}"
            raise error_for(name, refusal.code, refusal.message, status=refusal.status) from refusal

    def make(self, service: str, operation: str, /, **params: Any) -> Json:  # noqa: ANN401 - AWS's parameters
        """Call, and return the first thing of the answer."""
        (made, *_) = self.call(service, operation, params).values()
        first: Json = made[0] if isinstance(made, list) else made
        return first

    def let_pass(self, seconds: int) -> None:
        """Let seconds pass: tasks start, targets are seen healthy."""
        for _ in range(seconds):
            self.now_s += 1
            for task in self.world.tasks():
                if task.phase is Phase.RUN and task.task_id not in self.started:
                    self.started.add(task.task_id)
                    ports = {port: (task.address, port) for made in task.containers for port in made.ports}
                    self.world.observe(TaskStarted(task_id=task.task_id, dial=ports), self.now_s)
            for group in self.world.data_plane().groups:
                for target in group.targets:
                    seen = TargetSeen(
                        group_arn=group.arn, target_id=target.target_id, port=target.port, state="healthy"
                    )
                    self.world.observe(seen, self.now_s)
            self.world.advance(self.now_s)
