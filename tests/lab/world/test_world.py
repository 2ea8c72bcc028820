"""The whole world: ECS and load balancing on one clock, driven as a runtime and a data plane would."""

import sys
from ipaddress import ip_address, ip_network
from types import FrameType
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
        container = {"name": "web", "image": "web:1", "essential": True, "portMappings": [{"containerPort": 8080}]}
        self.call(
            "ecs",
            "RegisterTaskDefinition",
            family="web",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[container],
        )

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

    def serve(self, count: int, name: str = "web") -> None:
        """Create a service with `count` tasks behind the group."""
        self.call(
            "ecs",
            "CreateService",
            cluster="demo",
            serviceName=name,
            taskDefinition="web",
            desiredCount=count,
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": {"subnets": SUBNETS, "securityGroups": ["sg-lab"]}},
            loadBalancers=[{"targetGroupArn": self.group, "containerName": "web", "containerPort": 8080}],
        )

    def heal(self) -> None:
        """Let the data plane see every target healthy."""
        for group in self.world.data_plane().groups:
            for target in group.targets:
                seen = TargetSeen(group_arn=group.arn, target_id=target.target_id, port=target.port, state="healthy")
                self.world.observe(seen, self.now_s)

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
    region.heal()
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


def test_a_copy_shares_what_containers_wrote(region: Region) -> None:
    """A copy goes its own way but for the logs, which may be large: a read of the past shows those of today."""
    copy = region.world.copy()
    region.serve(1)
    region.call("logs", "CreateLogGroup", logGroupName="/shop")
    (found,) = copy.call("logs", "DescribeLogGroups", {}, region.now_s)["logGroups"]
    assert found["logGroupName"] == "/shop"
    assert copy.tasks() == ()


def test_the_story_begins_with_the_region(region: Region) -> None:
    """The first line names the account; every line has the instant of its call."""
    first, *rest = region.world.events
    assert (first.subject, first.message) == ("eu-west-1", "account 000000000000 begins, time scale 1")
    assert {event.at_s for event in rest} == {NOW_S}


def test_all_answers_agree_on_the_network(region: Region) -> None:
    """DescribeTasks, DescribeSubnets and DescribeTargetHealth tell of one and the same network."""
    region.serve(5)
    region.run(5)
    subnets = {each["SubnetId"]: each for each in region.call("ec2", "DescribeSubnets")["Subnets"]}
    arns = region.call("ecs", "ListTasks", cluster="demo")["taskArns"]
    used: set[str] = set()
    zones: dict[str, str] = {}
    for task in region.call("ecs", "DescribeTasks", cluster="demo", tasks=arns)["tasks"]:
        details = {each["name"]: each["value"] for each in task["attachments"][0]["details"]}
        subnet = subnets[details["subnetId"]]
        assert ip_address(details["privateIPv4Address"]) in ip_network(subnet["CidrBlock"])
        assert task["availabilityZone"] == subnet["AvailabilityZone"]
        zones[details["privateIPv4Address"]] = task["availabilityZone"]
        used.add(subnet["SubnetId"])
    assert used == set(SUBNETS)
    health = region.call("elbv2", "DescribeTargetHealth", TargetGroupArn=region.group)["TargetHealthDescriptions"]
    assert {each["Target"]["Id"]: each["Target"]["AvailabilityZone"] for each in health} == zones


def work_of_a_look(services: int, *, draining: bool = False) -> int:
    """Return how many functions are called when time passes in a steady region with ten tasks in each service."""
    region = Region()
    for number in range(services):
        region.serve(10, f"web-{number}")
    region.run(3)
    region.heal()
    region.run(1)
    if draining:
        region.call("ecs", "UpdateService", cluster="demo", service="web-0", desiredCount=0)
        region.run(1)
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        region.world.advance(region.now_s + 0.05)
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("draining", [False, True])
def test_a_look_costs_little_and_grows_with_the_tasks_alone(*, draining: bool) -> None:
    """A look at a steady region takes a dozen or two calls per task, also when tasks drain, however many there are."""
    small, large = work_of_a_look(5, draining=draining), work_of_a_look(20, draining=draining)
    assert large < 200 * 24
    assert large < small * 4.5
