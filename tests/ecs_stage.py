"""A stage for the ECS half of the world: a virtual clock, a runtime that behaves as told, target groups that drain.

Every call is checked against botocore's model, both ways: what a test sends and what the world answers.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import botocore.loaders
import botocore.model
import botocore.validate
import jmespath  # type: ignore[import-untyped]  # it ships no types
import pytest

from teal.lab.world.ecs import Clusters
from teal.lab.world.ground import Ground
from teal.lab.world.wires import (
    AwsRefusal,
    ContainerExited,
    ContainerProbed,
    ContainerStarted,
    Phase,
    TaskNotStarted,
    TaskStarted,
    WantedTask,
)

Json = dict[str, Any]
Target = tuple[str, int]

GROUP = "arn:aws:elasticloadbalancing:eu-west-1:000000000000:targetgroup/web/1111111111111111"
SECOND = "arn:aws:elasticloadbalancing:eu-west-1:000000000000:targetgroup/web-2/2222222222222222"
LOOSE = "arn:aws:elasticloadbalancing:eu-west-1:000000000000:targetgroup/loose/3333333333333333"
INSTANCES = "arn:aws:elasticloadbalancing:eu-west-1:000000000000:targetgroup/inst/4444444444444444"
NETWORK: Json = {"awsvpcConfiguration": {"subnets": ["subnet-a", "subnet-b"], "securityGroups": ["sg-lab"]}}


@cache
def model(service: str) -> Any:  # noqa: ANN401 - botocore ships no types
    """Return botocore's model of a service."""
    loaded = botocore.loaders.Loader().load_service_model(service, "service-2")
    return botocore.model.ServiceModel(loaded, service)


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What a task of an image does."""

    starts_after_s: float = 0.5
    refuses: str = ""  # the reason why it cannot be started
    dies_after_s: float | None = None
    exit_code: int = 1
    healthy_after_s: float = 1.0
    sick_after_s: float | None = None  # counted from registration
    obeys: bool = True  # ends on SIGTERM


@dataclass(slots=True)
class Registration:
    """A target in a group."""

    since_s: float
    dial: tuple[str, int]
    draining_since_s: float | None = None


@dataclass(slots=True)
class FakeDesk:
    """Target groups that keep what they are told, with health as the stage decides."""

    health: Callable[[Target, float], str]
    delay_s: float = 3.0
    groups: dict[str, str] = field(
        default_factory=lambda: {GROUP: "ip", SECOND: "ip", LOOSE: "ip", INSTANCES: "instance"}
    )
    attached: set[str] = field(default_factory=lambda: {GROUP, SECOND, INSTANCES})
    targets: dict[tuple[str, Target], Registration] = field(default_factory=dict[tuple[str, Target], Registration])
    reasons: dict[tuple[str, Target], str] = field(default_factory=dict[tuple[str, Target], str])

    def group_exists(self, group_arn: str) -> bool:
        """Say whether the group is known."""
        return group_arn in self.groups

    def group_type(self, group_arn: str) -> str:
        """Return the target type."""
        return self.groups[group_arn]

    def is_attached(self, group_arn: str) -> bool:
        """Say whether a rule forwards to the group."""
        return group_arn in self.attached

    def register(self, group_arn: str, target: Target, dial: tuple[str, int], now_s: float) -> None:
        """Register a target."""
        self.targets[group_arn, target] = Registration(now_s, dial)

    def deregister(self, group_arn: str, target: Target, now_s: float) -> None:
        """Begin to drain a target."""
        self.targets[group_arn, target].draining_since_s = now_s

    def target_state(self, group_arn: str, target: Target, now_s: float) -> str | None:
        """Return the state of a target."""
        known = self.targets.get((group_arn, target))
        if known is None:
            return None
        if known.draining_since_s is None:
            return self.health(target, now_s - known.since_s)
        return "draining" if now_s < known.draining_since_s + self.delay_s else None

    def target_reason(self, group_arn: str, target: Target) -> str:
        """Return why a target is not healthy."""
        return self.reasons.get((group_arn, target), "")


@dataclass(slots=True)
class Seen:
    """What the runtime of the stage knows about a task."""

    since_s: float
    image: str
    address: str
    started_at_s: float | None = None
    terminated_at_s: float | None = None
    gone: bool = False
    running: dict[str, float] = field(default_factory=dict[str, float])  # container: when it started
    probed_at_s: dict[str, float] = field(default_factory=dict[str, float])


class Stage:
    """A region with a clock."""

    def __init__(self, *, time_scale: float = 1.0, delay_s: float = 3.0) -> None:
        self.ground = Ground(time_scale=time_scale)
        self.desk = FakeDesk(self._health, delay_s)
        self.clusters = Clusters(self.ground, self.desk)
        self.now_s = 1_700_000_000.0
        self.images: dict[str, Behaviour] = {}
        self.seen: dict[str, Seen] = {}
        self.signals: list[tuple[float, str, Phase]] = []
        self.sick_inside: set[str] = set()  # images whose health check fails
        self.ecs("CreateCluster", clusterName="demo")

    def ecs(self, operation: str, **params: object) -> Json:
        """Call an operation of ECS, checking both sides against botocore's model."""
        return self._call("ecs", self.clusters.call, operation, params)

    def logs(self, operation: str, **params: object) -> Json:
        """Call an operation of CloudWatch Logs."""
        return self._call("logs", self.clusters.logs_call, operation, params)

    def _call(
        self, service: str, call: Callable[[str, Json, float], Json], operation: str, params: dict[str, object]
    ) -> Json:
        shapes = model(service).operation_model(operation)
        validator = botocore.validate.ParamValidator()
        report = validator.validate(params, shapes.input_shape)
        assert not report.has_errors(), report.generate_report()
        answer = call(operation, params, self.now_s)
        if shapes.output_shape is not None:
            report = validator.validate(answer, shapes.output_shape)
            assert not report.has_errors(), report.generate_report()
        return answer

    def refusal(self, operation: str, **params: object) -> tuple[str, str]:
        """Return code and message of a refusal."""
        with pytest.raises(AwsRefusal) as caught:
            self.ecs(operation, **params)
        return caught.value.code, caught.value.message

    def run(self, seconds: float, look: Callable[[], None] | None = None, step_s: float = 0.1) -> None:
        """Let time pass."""
        for _ in range(round(seconds / step_s)):
            self.now_s += step_s
            self._play()
            self.clusters.advance(self.now_s)
            if look is not None:
                look()

    def _play(self) -> None:
        for wanted in self.clusters.tasks():
            seen = self.seen.get(wanted.task_id)
            if seen is None:
                seen = Seen(self.now_s, wanted.containers[0].image, wanted.address)
                self.seen[wanted.task_id] = seen
            if not seen.gone:
                self._play_task(wanted, seen, self.images.get(seen.image, Behaviour()))

    def _play_task(self, wanted: WantedTask, seen: Seen, does: Behaviour) -> None:
        if wanted.phase is not Phase.RUN:
            self._signal(wanted, seen, does)
        elif seen.started_at_s is None and self.now_s >= seen.since_s + does.starts_after_s:
            self._begin(wanted, seen, does)
        elif self._is_dead(seen, does):
            self._exit(wanted, seen, does.exit_code)
        elif seen.started_at_s is not None:
            self._go_on(wanted, seen)

    def _go_on(self, wanted: WantedTask, seen: Seen) -> None:
        """Start what is no longer held, probe what wants to be probed."""
        for each in wanted.containers:
            if each.name not in seen.running and each.name not in wanted.held:
                seen.running[each.name] = self.now_s
                self.clusters.observe(ContainerStarted(task_id=wanted.task_id, container=each.name), self.now_s)
            if each.probe is None or each.name not in seen.running:
                continue
            last_s = seen.probed_at_s.setdefault(each.name, seen.running[each.name])
            if self.now_s >= last_s + each.probe.interval_s:
                seen.probed_at_s[each.name] = self.now_s
                probed = ContainerProbed(
                    task_id=wanted.task_id, container=each.name, passed=each.image not in self.sick_inside
                )
                self.clusters.observe(probed, self.now_s)

    def _is_dead(self, seen: Seen, does: Behaviour) -> bool:
        if seen.started_at_s is None or does.dies_after_s is None:
            return False
        return self.now_s >= seen.started_at_s + does.dies_after_s

    def _begin(self, wanted: WantedTask, seen: Seen, does: Behaviour) -> None:
        if does.refuses:
            seen.gone = True
            self.clusters.observe(TaskNotStarted(task_id=wanted.task_id, reason=does.refuses), self.now_s)
            return
        seen.started_at_s = self.now_s
        seen.running = {each.name: self.now_s for each in wanted.containers if each.name not in wanted.held}
        dial = {port: ("127.7.0.9", 20000 + port) for each in wanted.containers for port in each.ports}
        self.clusters.observe(TaskStarted(task_id=wanted.task_id, dial=dial), self.now_s)

    def _signal(self, wanted: WantedTask, seen: Seen, does: Behaviour) -> None:
        if seen.terminated_at_s is None or wanted.phase is Phase.KILL:
            seen.terminated_at_s = self.now_s
            self.signals.append((self.now_s, wanted.task_id, wanted.phase))
        if wanted.phase is Phase.KILL or does.obeys:
            self._exit(wanted, seen, 137 if wanted.phase is Phase.KILL else 143)

    def kill(self, task_arn: str) -> None:
        """Let the process of a task die, as if the kernel had killed it."""
        task_id = task_arn.rpartition("/")[2]
        wanted = next(each for each in self.clusters.tasks() if each.task_id == task_id)
        self._exit(wanted, self.seen[task_id], 137)

    def end(self, task_arn: str, container: str, code: int) -> None:
        """Let one container of a task end."""
        observation = ContainerExited(task_id=task_arn.rpartition("/")[2], container=container, exit_code=code)
        self.clusters.observe(observation, self.now_s)

    def _exit(self, wanted: WantedTask, seen: Seen, code: int) -> None:
        seen.gone = not wanted.held
        for each in wanted.containers:
            if each.name in wanted.held:
                continue
            observation = ContainerExited(task_id=wanted.task_id, container=each.name, exit_code=code)
            self.clusters.observe(observation, self.now_s)

    def _health(self, target: Target, age_s: float) -> str:
        image = next((each.image for each in self.seen.values() if each.address == target[0] and not each.gone), "")
        does = self.images.get(image, Behaviour())
        if does.sick_after_s is not None and age_s >= does.sick_after_s:
            return "unhealthy"
        return "healthy" if age_s >= does.healthy_after_s else "initial"

    def sick_note(self, address: str, sentence: str) -> None:
        """Let the balancer say why a target is unhealthy."""
        self.desk.reasons[GROUP, (address, 8080)] = sentence

    def register(self, family: str = "web", image: str = "web:1", **extra: object) -> str:
        """Register a task definition; return its ARN."""
        answer = self.ecs("RegisterTaskDefinition", **(definition(family, image) | extra))
        arn: str = answer["taskDefinition"]["taskDefinitionArn"]
        return arn

    def service(self, name: str = "web", /, **extra: object) -> Json:
        """Create a service of two tasks behind GROUP; `web:1` must be registered."""
        params: Json = {
            "cluster": "demo",
            "serviceName": name,
            "taskDefinition": "web",
            "desiredCount": 2,
            "launchType": "FARGATE",
            "networkConfiguration": NETWORK,
            "loadBalancers": [{"targetGroupArn": GROUP, "containerName": "web", "containerPort": 8080}],
        }
        found: Json = self.ecs("CreateService", **(params | extra))["service"]
        return found

    def update(self, name: str = "web", /, **params: object) -> Json:
        """Update a service."""
        found: Json = self.ecs("UpdateService", cluster="demo", service=name, **params)["service"]
        return found

    def look(self, name: str = "web") -> Json:
        """Describe a service."""
        found: Json = self.ecs("DescribeServices", cluster="demo", services=[name])["services"][0]
        return found

    def events(self, name: str = "web") -> list[str]:
        """Return what a service said, oldest first."""
        return [each["message"] for each in reversed(self.look(name)["events"])]

    def run_task(self, **extra: object) -> Json:
        """Run one task of `web`."""
        params: Json = {
            "cluster": "demo",
            "taskDefinition": "web",
            "launchType": "FARGATE",
            "networkConfiguration": NETWORK,
        }
        found: Json = self.ecs("RunTask", **(params | extra))["tasks"][0]
        return found

    def describe(self, arn: str) -> Json:
        """Describe one task."""
        found: Json = self.ecs("DescribeTasks", cluster="demo", tasks=[arn])["tasks"][0]
        return found

    def tasks(self, *, stopped: bool = False, **query: object) -> list[Json]:
        """Describe all tasks of the cluster that are meant to run (or to stop)."""
        wanted = "STOPPED" if stopped else "RUNNING"
        arns = self.ecs("ListTasks", cluster="demo", desiredStatus=wanted, **query)["taskArns"]
        if not arns:
            return []
        found: list[Json] = self.ecs("DescribeTasks", cluster="demo", tasks=arns)["tasks"]
        return found

    def stand(self, name: str = "web", /, **extra: object) -> Json:
        """Register `web:1`, create the service, and wait until it is steady."""
        self.register()
        self.service(name, **extra)
        self.run(12)
        found = self.look(name)
        assert found["deployments"][0]["rolloutState"] == "COMPLETED"
        return found


def definition(family: str = "web", image: str = "web:1") -> Json:
    """Return a small Fargate task definition."""
    return {
        "family": family,
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": "arn:aws:iam::000000000000:role/execution",
        "taskRoleArn": "arn:aws:iam::000000000000:role/task",
        "containerDefinitions": [{"name": "web", "image": image, "portMappings": [{"containerPort": 8080}]}],
    }


def rules(least: int, most: int, **breaker: object) -> Json:
    """Return a deployment configuration."""
    found: Json = {"minimumHealthyPercent": least, "maximumPercent": most}
    return found | ({"deploymentCircuitBreaker": {"enable": True, "rollback": False} | breaker} if breaker else {})


@cache
def stability() -> Any:  # noqa: ANN401 - jmespath ships no types
    """Return what botocore's waiter services_stable asks of an answer."""
    waiters = botocore.loaders.Loader().load_service_model("ecs", "waiters-2")["waiters"]
    acceptors = waiters["ServicesStable"]["acceptors"]
    return jmespath.compile(next(each["argument"] for each in acceptors if each["state"] == "success"))


def is_stable(stage: Stage) -> bool:
    """Say what botocore's waiter services_stable would see."""
    found: bool = stability().search({"services": [stage.look()]})
    return found
