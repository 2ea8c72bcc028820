"""A region as a file: whole, refused when it is anything else, and unable to do anything but be read."""

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from lab.faults.test_gameday import Region
from teal.errors import UsageError
from teal.lab.snapshot import put_back, take
from teal.lab.world import memory
from teal.lab.world.ground import Ground
from teal.lab.world.wires import ContainerProbed, ContainerStarted, TaskStarted
from teal.lab.world.world import World

Lines = tuple[dict[str, Any], dict[str, Any]]


def running() -> Region:
    """Return a region whose service has a running task that is registered."""
    region = Region()
    region.ecs(
        "CreateService",
        cluster="demo",
        serviceName="shop",
        taskDefinition="web:1",
        desiredCount=2,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-a", "subnet-b"]}},
    )
    region.pass_s(0.5)
    for task in region.world.tasks():
        region.world.observe(TaskStarted(task_id=task.task_id, dial={8080: ("127.7.1.1", 8080)}), region.now_s)
    region.world.call(
        "application-autoscaling",
        "RegisterScalableTarget",
        {
            "ServiceNamespace": "ecs",
            "ResourceId": "service/demo/shop",
            "ScalableDimension": "ecs:service:DesiredCount",
            "MinCapacity": 1,
            "MaxCapacity": 4,
        },
        region.now_s,
    )
    region.pass_s(0.5)
    return region


def balanced(region: Region) -> None:
    """Give a region a service whose task is registered with the second group, and has a container that waits."""
    web = {"name": "web", "image": "lab/sample:1", "portMappings": [{"containerPort": 8080}]}
    check = {"command": ["CMD", "true"], "interval": 5}
    waits = {"dependsOn": [{"containerName": "web", "condition": "HEALTHY"}]}
    containers = [web | {"healthCheck": check}, {"name": "side", "image": "lab/sample:1", "essential": False} | waits]
    size = {"networkMode": "awsvpc", "cpu": "256", "memory": "512"}
    region.ecs("RegisterTaskDefinition", family="behind", containerDefinitions=containers, **size)
    region.ecs(
        "CreateService",
        cluster="demo",
        serviceName="behind",
        taskDefinition="behind",
        desiredCount=1,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-a"]}},
        loadBalancers=[{"targetGroupArn": region.groups[1], "containerName": "web", "containerPort": 8080}],
    )
    region.pass_s(0.5)
    region.pass_s(0.5)
    begin(region)


def begin(region: Region) -> None:
    """Let the last task begin: its first container, that is healthy at once, and then the one that waits for it."""
    task = region.world.tasks()[-1]
    assert task.held == {"side"}
    region.world.observe(TaskStarted(task_id=task.task_id, dial={8080: ("127.7.1.2", 8080)}), region.now_s)
    region.world.observe(ContainerProbed(task_id=task.task_id, container="web", passed=True), region.now_s)
    region.pass_s(0.01)
    assert region.world.tasks()[-1].held == frozenset()
    region.world.observe(ContainerStarted(task_id=task.task_id, container="side"), region.now_s)


def settled(region: Region) -> Any:  # noqa: ANN401 - AWS's own shape
    """Return what must be the same before and after: everything but tasks and what is said about them."""
    found = region.everything()[:-1]
    services = region.ecs("DescribeServices", cluster="demo", services=["web", "shop"], include=["TAGS"])["services"]
    kept = ("serviceName", "serviceArn", "desiredCount", "taskDefinition", "tags", "createdAt", "loadBalancers")
    scaling = region.world.call("application-autoscaling", "DescribeScalableTargets", {"ServiceNamespace": "ecs"}, 1.0)
    families = region.ecs("ListTaskDefinitions")
    return [found[0], found[1:-1], [{key: each[key] for key in kept} for each in services], scaling, families]


def world_on(network: int = 7, region: str = "eu-west-1") -> tuple[World, Ground]:
    """Return an empty region."""
    ground = Ground(time_scale=0.01, network=network, region=region)
    return World(ground, 0.0), ground


def test_a_region_comes_back_whole() -> None:
    """Rules, groups, tags, services, definitions and scalable targets are as they were, in an empty lab."""
    before = running()
    after = Region()
    after.world, ground = world_on()
    put_back(take(before.world, Ground(), 5.0), after.world, ground, before.now_s)
    after.now_s, after.listener, after.groups = before.now_s, before.listener, before.groups
    assert settled(after) == settled(before)


def test_tasks_begin_anew() -> None:
    """As many tasks for the same services, under other ids and addresses, and the old targets are gone."""
    region = running()
    old = region.world.tasks()
    put_back(take(region.world, Ground(), 5.0), region.world, Ground(), region.now_s)
    assert region.ecs("ListTasks", cluster="demo", desiredStatus="RUNNING")["taskArns"]
    region.pass_s(0.5)
    new = region.world.tasks()
    assert sorted(each.group for each in new) == sorted(each.group for each in old)
    assert not {each.task_id for each in new} & {each.task_id for each in old}
    assert not {each.address for each in new} & {each.address for each in old}
    assert [each.phase for each in new] == ["run"] * len(old)


def test_what_is_on_its_way_comes_back() -> None:
    """Stickiness, slow start and open requests to a target that drains are as before; a task waits once more."""
    region = running()
    balanced(region)
    news = {"stickiness.enabled": "true", "slow_start.duration_seconds": "30"}
    pairs = [{"Key": key, "Value": value} for key, value in news.items()]
    for group in region.groups:
        region.elb("ModifyTargetGroupAttributes", TargetGroupArn=group, Attributes=pairs)
    region.elb("DeregisterTargets", TargetGroupArn=region.groups[0], Targets=[{"Id": "10.7.0.5", "Port": 8080}])
    before = region.world.data_plane()
    assert before.groups[0].finishing
    assert before.groups[1].targets
    put_back(take(region.world, Ground(time_scale=0.01), 5.0), region.world, Ground(time_scale=0.01), region.now_s)
    after = region.world.data_plane()
    assert (after.listeners, after.groups[0]) == (before.listeners, before.groups[0])
    assert after.groups[1] == replace(before.groups[1], targets=())
    region.pass_s(0.5)
    begin(region)
    assert len(region.world.data_plane().groups[1].targets) == 1


def test_a_client_token_means_the_task_that_took_the_place() -> None:
    """RunTask with the token of a task that was launched anew launches no other one."""
    region = running()
    wanted = {"cluster": "demo", "taskDefinition": "web:1", "launchType": "FARGATE", "clientToken": "t"}
    network = {"awsvpcConfiguration": {"subnets": ["subnet-a"]}}
    (before,) = region.ecs("RunTask", **wanted, networkConfiguration=network)["tasks"]
    put_back(take(region.world, Ground(), 5.0), region.world, Ground(), region.now_s)
    (after,) = region.ecs("RunTask", **wanted, networkConfiguration=network)["tasks"]
    assert after["taskArn"] != before["taskArn"]
    assert after["taskArn"] in region.ecs("ListTasks", cluster="demo", family="web")["taskArns"]


def test_a_group_that_was_deleted_under_its_targets_is_no_obstacle() -> None:
    """A task is still registered with a group that is gone: the region comes back, the task anew."""
    region = running()
    balanced(region)
    health = region.elb("DescribeTargetHealth", TargetGroupArn=region.groups[1])["TargetHealthDescriptions"]
    assert len(health) == 1
    region.elb("DeleteRule", RuleArn=region.rules[1])
    region.elb("DeleteTargetGroup", TargetGroupArn=region.groups[1])
    old = region.world.tasks()
    put_back(take(region.world, Ground(), 5.0), region.world, Ground(), region.now_s)
    region.pass_s(0.5)
    assert sorted(each.group for each in region.world.tasks()) == sorted(each.group for each in old)


def test_what_happens_after_a_snapshot_is_undone() -> None:
    """Back in the same lab: what was made since is gone, what was deleted is there again."""
    region = running()
    before = settled(region)
    snapshot = take(region.world, Ground(), 5.0)
    region.elb("DeleteRule", RuleArn=region.rules[1])
    region._rule(77, region.groups[0])
    region.ecs("UpdateService", cluster="demo", service="shop", desiredCount=3)
    assert settled(region) != before
    put_back(snapshot, region.world, Ground(), region.now_s)
    assert settled(region) == before


def test_addresses_move_to_the_network_of_the_lab() -> None:
    """Whole addresses of the old network become those of the new one; what only looks alike stays."""
    region = Region()
    region.elb("RegisterTargets", TargetGroupArn=region.groups[1], Targets=[{"Id": "10.7.3.4", "Port": 80}])
    region.elb(
        "ModifyRule",
        RuleArn=region.rules[0],
        Conditions=[{"Field": "host-header", "Values": ["v110.7.3.4", "1.10.7.3.4"]}],
    )
    world, ground = world_on(network=23)
    put_back(take(region.world, Ground(), 5.0), world, ground, 6.0)
    assert world.call("elbv2", "DescribeLoadBalancers", {}, 6.0)["LoadBalancers"][0]["DNSName"] == "127.23.255.1"
    seen = world.call("elbv2", "DescribeTargetHealth", {"TargetGroupArn": region.groups[1]}, 6.0)
    assert [each["Target"]["Id"] for each in seen["TargetHealthDescriptions"]] == ["10.23.3.4"]
    rule = world.call("elbv2", "DescribeRules", {"RuleArns": [region.rules[0]]}, 6.0)["Rules"][0]
    assert rule["Conditions"][0]["Values"] == ["v110.7.3.4", "1.10.7.3.4"]


def sealed(header: dict[str, Any], contents: dict[str, Any]) -> bytes:
    """Return a file whose checksum is right, whatever is in it."""
    text = json.dumps(contents).encode()
    return json.dumps({**header, "sha256": sha256(text).hexdigest()}).encode() + b"\n" + text + b"\n"


def changed(part: int, **news: object) -> Callable[[Lines], bytes]:
    """Return a change of one of the two lines."""
    return lambda lines: sealed(*(line | news if number == part else line for number, line in enumerate(lines)))


def without_a_field(lines: Lines) -> bytes:
    """Drop a field of the first record."""
    header, contents = lines
    del contents["objects"][0][1]["name"]
    return sealed(header, contents)


def with_object(name: str, **own: object) -> Callable[[Lines], bytes]:
    """Return a change that smuggles a record in."""

    def change(lines: Lines) -> bytes:
        lines[1]["objects"].append([name, own])
        return sealed(*lines)

    return change


WRONG: list[tuple[Callable[[Lines], bytes], str]] = [
    (lambda _: b"", "no snapshot"),
    (lambda _: b"\x80\x04\x95cposix\nsystem\n", "no snapshot"),
    (lambda _: b"{}\n{}\n", "no snapshot"),
    (lambda _: b"[1]\n", "no snapshot"),
    (lambda lines: json.dumps(lines[0]).encode() + b"\n{}\n", "damaged"),
    (lambda lines: (json.dumps(lines[0]) + "\n" + json.dumps(lines[1])).encode()[:-200], "damaged"),
    (changed(0, version=2), "version 2 of the format"),
    (changed(0, format="tea"), "no snapshot"),
    (changed(0, network="7"), "no snapshot"),
    (changed(0, layout="0" * 16), "built differently"),
    (changed(0, region="us-east-1"), "region us-east-1"),
    (changed(1, objects=[]), "region that a lab can have"),
    (changed(1, roots={}), "region that a lab can have"),
    (changed(1, roots=7), "region that a lab can have"),
    (without_a_field, "other fields"),
    (with_object("os.system"), "no record"),
    (with_object("ecs_model.TaskStatus"), "no record"),
    (with_object("ecs_model.EVENTS_KEPT"), "no record"),
    (with_object("world.World"), "no record"),
]


@pytest.mark.parametrize(("change", "part"), WRONG)
def test_what_is_no_snapshot_is_refused(change: Callable[[Lines], bytes], part: str) -> None:
    """Foreign, damaged, of another version or made by hand: refused with the reason, and nothing is lost."""
    region = running()
    before = settled(region), region.world.tasks()
    head, body = take(region.world, Ground(), 5.0).splitlines()
    with pytest.raises(UsageError, match=part):
        put_back(change((json.loads(head), json.loads(body))), region.world, Ground(), region.now_s)
    assert (settled(region), region.world.tasks()) == before


def test_the_layout_follows_the_records() -> None:
    """It is the same for the same code, and names nothing outside of the world."""
    assert memory.layout() == memory.layout()
    known = memory.records()
    assert {"ecs_model.Task", "ecs_model.TaskStatus", "elbv2_model.Group", "wires.Container"} <= known.keys()
    assert all(kind.__module__.startswith("teal.lab.world.") for kind in known.values())


def test_every_kind_of_value_is_kept() -> None:
    """Circles, tuples, sets, queues, infinity, instants, other keys; what is none of it is refused at once."""
    region = running()
    roots = region.world.memory()
    plain = memory.write(roots)
    assert memory.write(memory.read(json.loads(json.dumps(plain)))) == plain
    with pytest.raises(TypeError, match="cannot keep"):
        memory.write({"x": replace})
