"""A scene for waiters: a region in memory, and botocore's own waiters that ask it, a second of the region per poll."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import WaiterError
from botocore.session import Session

from ecs_stage import definition
from region import Region, set_scene
from teal.lab.world.wires import AwsRefusal, Phase

NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-a", "subnet-b"]}}
BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}


@cache
def session() -> Any:  # noqa: ANN401 - botocore ships no types
    """Return a session; it keeps the models it has read."""
    made = Session()
    made.set_credentials("lab", "lab")
    return made


@dataclass(slots=True)
class Watch:
    """A region, and botocore clients whose calls reach it without a wire."""

    region: Region = field(default_factory=Region)
    at_poll: Callable[[int], object] = lambda _: None
    truth: Callable[[], bool] = lambda: True
    truths: list[bool] = field(default_factory=list[bool])  # at each poll

    def _wait(self, service: str, name: str, polls: int, params: Mapping[str, object]) -> None:
        """Wait as botocore does, without its pauses."""
        self.truths.clear()
        client = session().create_client(service, "eu-west-1", endpoint_url="http://127.0.0.1:1")
        client.meta.events.register("before-parameter-build", self._note)
        client.meta.events.register("before-call", self._answer)
        client.get_waiter(xform_name(name)).wait(**params, WaiterConfig={"Delay": 0, "MaxAttempts": polls})

    def _note(self, params: Mapping[str, Any], context: dict[str, Any], **_: object) -> None:
        context["sent"] = dict(params)

    def _answer(self, model: Any, context: dict[str, Any], **_: object) -> tuple[object, dict[str, Any]]:  # noqa: ANN401 - botocore ships no types
        """Let a second pass, then answer as the region does."""
        self.region.pass_time(1.0)
        self.at_poll(len(self.truths))
        self.truths.append(self.truth())
        service = str(model.service_model.service_name)
        try:
            answer = self.region.aws(service, model.name, **context["sent"])
        except AwsRefusal as refusal:
            status = refusal.status
            answer = {"Error": {"Code": refusal.code, "Message": refusal.message}}
        else:
            status = 200
        return SimpleNamespace(status_code=status), answer | {"ResponseMetadata": {"HTTPStatusCode": status}}

    def wait(self, service: str, name: str, /, **params: object) -> None:
        """Wait until the waiter returns, for ten minutes."""
        self._wait(service, name, 600, params)

    def comes_true(self, service: str, name: str, truth: Callable[[], bool], /, **params: object) -> None:
        """Wait; fail unless it was not so at first, and the waiter returned within a second of its being so."""
        self.truth = truth
        self.wait(service, name, **params)
        assert self.truths[-1]
        assert not self.truths[0]
        assert not any(self.truths[:-2])

    def stays_false(self, service: str, name: str, /, **params: object) -> None:
        """Wait in vain: twenty polls and no success."""
        with pytest.raises(WaiterError, match="Max attempts exceeded"):
            self._wait(service, name, 20, params)

    def fails(self, service: str, name: str, why: str, /, **params: object) -> None:
        """Wait; the waiter gives up at once, for a reason."""
        with pytest.raises(WaiterError, match=why):
            self.wait(service, name, **params)
        assert len(self.truths) == 1


@dataclass(slots=True)
class Scene(Watch):
    """A cluster, a load balancer with one group in use, and what is needed to run services in it."""

    group: str = ""

    def __post_init__(self) -> None:
        listener = set_scene(self.region)
        made = self.region.aws(
            "elbv2", "CreateTargetGroup", Name="web", Protocol="HTTP", Port=8080, VpcId="vpc-lab", TargetType="ip"
        )
        self.group = str(made["TargetGroups"][0]["TargetGroupArn"])
        self.region.aws(
            "elbv2",
            "CreateRule",
            ListenerArn=listener,
            Priority=10,
            Conditions=[{"Field": "path-pattern", "Values": ["/*"]}],
            Actions=[{"Type": "forward", "TargetGroupArn": self.group}],
        )
        delay = {"Key": "deregistration_delay.timeout_seconds", "Value": "30"}
        self.region.aws("elbv2", "ModifyTargetGroupAttributes", TargetGroupArn=self.group, Attributes=[delay])

    def define(self, image: str = "web:1", **extra: object) -> str:
        """Register a task definition; return `family:revision`."""
        made = self.region.aws("ecs", "RegisterTaskDefinition", **(definition("web", image) | extra))["taskDefinition"]
        return f"web:{made['revision']}"

    def serve(self, definition: str, count: int = 2) -> None:
        """Create the service `web`."""
        self.region.aws(
            "ecs",
            "CreateService",
            cluster="shop",
            serviceName="web",
            taskDefinition=definition,
            desiredCount=count,
            launchType="FARGATE",
            networkConfiguration=NETWORK,
            deploymentConfiguration=BREAKER,
            loadBalancers=[{"targetGroupArn": self.group, "containerName": "web", "containerPort": 8080}],
        )

    def stand(self) -> str:
        """Let the service stand on its first revision, its deployment completed; return the revision."""
        first = self.define()
        self.serve(first)
        self.region.pass_time(60)
        assert self.look()["deployments"][0]["rolloutState"] == "COMPLETED"
        return first

    def update(self, **params: object) -> None:
        """Update the service."""
        self.region.aws("ecs", "UpdateService", cluster="shop", service="web", **params)

    def look(self) -> dict[str, Any]:
        """Describe the service."""
        found = self.region.aws("ecs", "DescribeServices", cluster="shop", services=["web"])
        return dict(found["services"][0])

    def run(self) -> str:
        """Run a task of the newest revision; return its ARN."""
        made = self.region.aws(
            "ecs",
            "RunTask",
            cluster="shop",
            taskDefinition="web",
            launchType="FARGATE",
            networkConfiguration=NETWORK,
        )
        return str(made["tasks"][0]["taskArn"])

    def processes(self) -> list[tuple[str, Phase]]:
        """Return what the runtime is asked for: revision and phase of each task."""
        return [(f"{each.family}:{each.revision}", each.phase) for each in self.region.world.tasks()]

    def listening(self) -> int:
        """Return how many targets the load balancer itself finds healthy."""
        return self.region.healthy(self.region.world.data_plane())[self.group]

    def states(self) -> list[str]:
        """Return the states of all targets."""
        found = self.region.aws("elbv2", "DescribeTargetHealth", TargetGroupArn=self.group)
        return [each["TargetHealth"]["State"] for each in found["TargetHealthDescriptions"]]

    def targets(self) -> list[dict[str, Any]]:
        """Return all targets."""
        found = self.region.aws("elbv2", "DescribeTargetHealth", TargetGroupArn=self.group)
        return [each["Target"] for each in found["TargetHealthDescriptions"]]

    def balancer(self) -> str:
        """Return the ARN of the load balancer."""
        found = self.region.aws("elbv2", "DescribeLoadBalancers", Names=["shop"])["LoadBalancers"]
        return str(found[0]["LoadBalancerArn"])
