"""The whole world: ECS and load balancing on one clock, driven as a runtime and a data plane would."""

from typing import Any

import pytest

from teal.lab.world.ground import Ground
from teal.lab.world.wires import AwsRefusal, Phase, TargetSeen, TaskStarted
from teal.lab.world.world import World

NOW_S = 1_790_000_000.0
SUBNETS = ["subnet-a", "subnet-b"]


class Region:
    """A world with a load balancer, a group `web` behind it, and a cluster `demo`; its clock is turned by hand."""

    def __init__(self) -> None:
        self.ground = Ground()
        self.now_s = NOW_S
        self.world = World(self.ground, NOW_S)
        balancer = self.call("elbv2", "CreateLoadBalancer", Name="shop", Subnets=SUBNETS)["LoadBalancers"][0]
        wanted = {"Protocol": "HTTP", "Port": 8080, "VpcId": "vpc-lab", "TargetType": "ip"}
        self.group = str(
            self.call("elbv2", "CreateTargetGroup", Name="web", **wanted)["TargetGroups"][0]["TargetGroupArn"]
        )
        self.call(
            "elbv2",
            "CreateListener",
            LoadBalancerArn=balancer["LoadBalancerArn"],
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.group}],
        )
        self.call("ecs", "CreateCluster", clusterName="demo")

    def call(self, service: str, operation: str, /, **params: object) -> dict[str, Any]:
        """Perform an operation now."""
        return self.world.call(service, operation, params, self.now_s)

    def run(self, duration_s: float) -> None:
        """Let time pass in steps of a second, starting every task that is wanted, each at its own address."""
        for _ in range(int(duration_s)):
            self.now_s += 1.0
            for task in self.world.tasks():
                if task.phase is Phase.RUN:
                    dial = {8080: (task.address.replace("10.", "127.", 1), 8080)}
                    self.world.observe(TaskStarted(task_id=task.task_id, dial=dial), self.now_s)
            self.world.advance(self.now_s)

    def serve(self, count: int) -> None:
        """Create the service `web` with `count` tasks behind the group."""
        container = {"name": "web", "image": "web:1", "essential": True, "portMappings": [{"containerPort": 8080}]}
        definition = self.call(
            "ecs",
            "RegisterTaskDefinition",
            family="web",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[container],
        )["taskDefinition"]["taskDefinitionArn"]
        self.call(
            "ecs",
            "CreateService",
            cluster="demo",
            serviceName="web",
            taskDefinition=definition,
            desiredCount=count,
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": {"subnets": SUBNETS, "securityGroups": ["sg-lab"]}},
            loadBalancers=[{"targetGroupArn": self.group, "containerName": "web", "containerPort": 8080}],
        )

    def states(self) -> list[str]:
        """Return the states of the group's targets."""
        answer = self.call("elbv2", "DescribeTargetHealth", TargetGroupArn=self.group)
        return [found["TargetHealth"]["State"] for found in answer["TargetHealthDescriptions"]]


@pytest.fixture
def region() -> Region:
    """Return a fresh region."""
    return Region()


def test_a_service_reaches_the_data_plane_and_leaves_it_drained(region: Region) -> None:
    """Tasks that run are registered and told to the data plane; scaled in, they drain before they are terminated."""
    region.serve(2)
    region.run(60)
    (group,) = region.world.data_plane().groups
    assert sorted(target.target_id for target in group.targets) == sorted(t.address for t in region.world.tasks())
    assert [target.host.split(".")[0] for target in group.targets] == ["127", "127"]
    assert region.states() == ["initial", "initial"]
    for target in group.targets:
        seen = TargetSeen(group_arn=group.arn, target_id=target.target_id, port=target.port, state="healthy")
        region.world.observe(seen, region.now_s)
    assert region.states() == ["healthy", "healthy"]
    region.call("ecs", "UpdateService", cluster="demo", service="web", desiredCount=1)
    region.run(60)
    assert sorted(region.states()) == ["draining", "healthy"]
    assert [len(found.targets) for found in region.world.data_plane().groups] == [1]
    drained: list[bool] = []
    for _ in range(300):
        if any(task.phase is Phase.TERMINATE for task in region.world.tasks()):
            drained.append(region.states() == ["healthy"])
        region.run(1)
    assert drained
    assert all(drained)


def test_a_service_can_be_a_scalable_target(region: Region) -> None:
    """Application Auto Scaling knows the services of ECS, and refuses one that is not there."""
    region.serve(1)
    target = {
        "ServiceNamespace": "ecs",
        "ScalableDimension": "ecs:service:DesiredCount",
        "MinCapacity": 1,
        "MaxCapacity": 2,
    }
    region.call("application-autoscaling", "RegisterScalableTarget", ResourceId="service/demo/web", **target)
    with pytest.raises(AwsRefusal, match="ValidationException"):
        region.call("application-autoscaling", "RegisterScalableTarget", ResourceId="service/none/web", **target)
    (found,) = region.call("application-autoscaling", "DescribeScalableTargets", ServiceNamespace="ecs")[
        "ScalableTargets"
    ]
    assert (found["MinCapacity"], found["MaxCapacity"]) == (1, 2)


@pytest.mark.parametrize(
    ("service", "operation", "member"),
    [
        ("sts", "GetCallerIdentity", "Account"),
        ("ec2", "DescribeVpcs", "Vpcs"),
        ("logs", "DescribeLogGroups", "logGroups"),
    ],
)
def test_each_service_answers(region: Region, service: str, operation: str, member: str) -> None:
    """The door leads to every service of the lab."""
    assert member in region.call(service, operation)


@pytest.mark.parametrize(
    ("service", "operation", "message"),
    [
        ("elbv2", "CreateTrustStore", "teal's lab does not simulate elbv2 CreateTrustStore"),
        ("ecs", "CreateExpressGatewayService", "teal's lab does not simulate ecs CreateExpressGatewayService"),
        ("s3", "PutObject", "teal's lab does not simulate s3 PutObject"),
    ],
)
def test_what_is_not_simulated_says_so(region: Region, service: str, operation: str, message: str) -> None:
    """Unknown operations and services are refused with one sentence and status 501."""
    with pytest.raises(AwsRefusal) as caught:
        region.call(service, operation)
    assert (caught.value.code, caught.value.message, caught.value.status) == ("NotSimulated", message, 501)


def test_tasks_have_metadata(region: Region) -> None:
    """The metadata of a task is answered while there is one."""
    region.serve(1)
    region.run(30)
    (task,) = region.world.tasks()
    assert region.world.task_metadata(task.task_id) is not None
    assert region.world.task_metadata("none") is None


def test_the_story_begins_with_the_region(region: Region) -> None:
    """The first line names the account; every line has the instant of its call."""
    first, *rest = region.world.events
    assert (first.subject, first.message) == ("eu-west-1", "account 000000000000 begins, time scale 1")
    assert {event.at_s for event in rest} == {NOW_S}
