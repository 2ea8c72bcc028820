"""The adapters over the lab's world, in memory and over HTTP: one life of an app, told by the ports alone."""

from collections.abc import Iterator
from dataclasses import replace
from threading import Lock
from typing import Any

import pytest

from aws.conftest import StandIn
from aws.lab import LabCaller
from aws.test_translate_rules import OIDC_CONFIG
from teal.aws.account import AwsAccount
from teal.aws.client import BotocoreCaller
from teal.aws.compute import EcsCompute
from teal.aws.logs import CloudWatchLogs
from teal.aws.router import Elbv2Router
from teal.errors import RefusedError
from teal.lab.front import Catalogue, Door, Front
from teal.model.spec import GroupCreate, GroupSpec
from teal.model.traffic import Condition, Forward, LoadBalancer
from teal.ports import NewRule

Json = dict[str, Any]

TASTE = Condition(field="http-header", header="X-Teal-Taste", values=("secret",))
BODY: Json = {
    "family": "web",
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "cpu": "256",
    "memory": "512",
    "containerDefinitions": [
        {
            "name": "web",
            "image": "lab/shop:1",
            "essential": True,
            "command": ["sh", "-c", "set -e\nexec app"],
            "portMappings": [{"containerPort": 8080}],
        }
    ],
}


@pytest.fixture(params=["in memory", "over HTTP"])
def lab(request: pytest.FixtureRequest, stand_in: StandIn) -> Iterator[LabCaller]:
    """Give a region with a cluster, and a load balancer whose HTTPS listener signs people in by default.

    The stand-in for AWS is there for its environment alone.
    """
    assert stand_in.url
    made = _furnished(LabCaller())
    if request.param == "in memory":
        yield made
        return
    front = Front(world=made.world, lock=Lock(), clock=lambda: made.now_s, wake=lambda: None, catalogue=Catalogue())
    door = Door(port=0, answer=front.reply, headers={})
    door.open()
    made.wire = BotocoreCaller(region=made.region, endpoint_url=f"http://127.0.0.1:{door.port}")
    yield made
    door.close()


def _furnished(made: LabCaller) -> LabCaller:
    made.make("ecs", "CreateCluster", clusterName="prod")
    balancer = made.make("elbv2", "CreateLoadBalancer", Name="shop", Subnets=["subnet-a", "subnet-b"])
    sign_in = {
        "Type": "authenticate-oidc",
        "Order": 1,
        "AuthenticateOidcConfig": {**OIDC_CONFIG, "ClientSecret": "hunter2"},
    }
    answers: Json = {"Type": "fixed-response", "Order": 2, "FixedResponseConfig": {"StatusCode": "404"}}
    made.make(
        "elbv2",
        "CreateListener",
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTPS",
        Port=443,
        Certificates=[{"CertificateArn": "arn:aws:acm:eu-west-1:000000000000:certificate/1"}],
        DefaultActions=[sign_in, answers],
    )
    return made


def _shop(router: Elbv2Router) -> LoadBalancer:
    (shop,) = router.load_balancers(["shop"])
    return shop


def _groups(router: Elbv2Router, vpc_id: str) -> dict[str, str]:
    for name in ("shop-a", "shop-b"):
        create = GroupCreate(health_path="/health", deregistration_delay_s=30)
        router.create_group(GroupSpec(name=name, container="web", port=8080, create=create), vpc_id, {"teal:app": "x"})
    return {name: group.arn for name, group in router.groups(["shop-a", "shop-b", "gone"]).items()}


def _served(lab: LabCaller, group_arn: str) -> EcsCompute:
    compute = EcsCompute(lab)
    definition = compute.register(BODY, {"teal:app": "x"})
    compute.create_service({
        "cluster": "prod",
        "serviceName": "web",
        "taskDefinition": definition.arn,
        "desiredCount": 2,
        "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-a"]}},
        "loadBalancers": [{"targetGroupArn": group_arn, "containerName": "web", "containerPort": 8080}],
    })  # fmt: skip
    lab.let_pass(90)
    return compute


def test_load_balancer_and_rules(lab: LabCaller) -> None:
    """A load balancer is found by name, with its listener; its default action signs people in and answers."""
    router = Elbv2Router(lab)
    shop = _shop(router)
    assert [(listener.port, listener.protocol) for listener in shop.listeners] == [(443, "HTTPS")]
    assert router.load_balancer_of(shop.listeners[0].arn) == shop.arn
    (default,) = router.rules(shop)
    assert (default.is_default, default.terminal, default.authenticates) == (True, "fixed-response", True)


def test_groups(lab: LabCaller) -> None:
    """Groups are made as configured; those that are missing do not hide the others."""
    router = Elbv2Router(lab)
    arns = _groups(router, _shop(router).vpc_id)
    assert set(arns) == {"shop-a", "shop-b"}
    group = router.groups(["shop-a"])["shop-a"]
    assert (group.target_type, group.deregistration_delay_s, group.load_balancer_arns) == ("ip", 30, ())


def test_writes_to_a_rule(lab: LabCaller) -> None:
    """A split and its end are read back as they were written, conditions and tags untouched."""
    router = Elbv2Router(lab)
    shop = _shop(router)
    arns = _groups(router, shop.vpc_id)
    listener_arn = shop.listeners[0].arn
    router.create_rule(
        NewRule(listener_arn=listener_arn, priority=20, conditions=(TASTE,), group_arn=arns["shop-a"], tags={"k": "v"})
    )
    before = router.rules(shop)[0]
    assert (before.priority, before.conditions) == (20, (TASTE,))
    split = Forward(shares=((arns["shop-a"], 95), (arns["shop-b"], 5)))
    for wanted in (split, replace(split, stickiness_s=60), Forward(shares=((arns["shop-b"], 100),))):
        router.write_forward(before, wanted)
        after = router.rules(shop)[0]
        assert after == replace(before, forward=wanted)
    router.tag([before.arn, listener_arn], {"teal:move": "m1.a.b.done.1"})
    assert router.tags([before.arn, listener_arn]) == {
        before.arn: {"k": "v", "teal:move": "m1.a.b.done.1"},
        listener_arn: {"teal:move": "m1.a.b.done.1"},
    }
    for _ in range(2):
        router.delete_rule(before.arn)
    assert len(router.rules(shop)) == 1


def test_write_to_a_default_action_keeps_the_sign_in(lab: LabCaller) -> None:
    """The default action forwards, and still signs people in with the secret that AWS never tells."""
    router = Elbv2Router(lab)
    shop = _shop(router)
    arns = _groups(router, shop.vpc_id)
    (before,) = router.rules(shop)
    wanted = Forward(shares=((arns["shop-a"], 1),))
    router.write_forward(before, wanted)
    (after,) = router.rules(shop)
    assert (after.forward, after.forward_order, after.terminal) == (wanted, 2, "forward")
    assert after.other_actions == before.other_actions
    assert "hunter2" not in after.other_actions[0]


def test_refusal_of_a_priority(lab: LabCaller) -> None:
    """A priority that is taken is refused by name."""
    router = Elbv2Router(lab)
    shop = _shop(router)
    arns = _groups(router, shop.vpc_id)
    new = NewRule(
        listener_arn=shop.listeners[0].arn, priority=7, conditions=(TASTE,), group_arn=arns["shop-a"], tags={}
    )
    router.create_rule(new)
    with pytest.raises(RefusedError, match="PriorityInUse"):
        router.create_rule(new)


def test_service(lab: LabCaller) -> None:
    """A service comes up: tasks run at addresses that are the group's healthy targets."""
    router = Elbv2Router(lab)
    shop = _shop(router)
    arns = _groups(router, shop.vpc_id)
    router.write_forward(router.rules(shop)[0], Forward(shares=((arns["shop-a"], 1),)))
    compute = _served(lab, arns["shop-a"])
    web = compute.services("prod", ["web", "gone"])["web"]
    assert (web.desired, web.running, web.deployments[0].rollout_state) == (2, 2, "COMPLETED")
    assert web.target_group_arns == (arns["shop-a"],)
    tasks, targets = compute.tasks("prod", "web"), router.health(arns["shop-a"])
    assert {task.address for task in tasks} == {target.target_id for target in targets}
    assert {target.state for target in targets} == {"healthy"}
    assert {task.containers[0].image_digest[:7] for task in tasks} == {"sha256:"}


def test_changes_to_a_service(lab: LabCaller) -> None:
    """A service is scaled and tagged; its old tasks are told as stopped."""
    router = Elbv2Router(lab)
    shop = _shop(router)
    arns = _groups(router, shop.vpc_id)
    router.write_forward(router.rules(shop)[0], Forward(shares=((arns["shop-a"], 1),)))
    compute = _served(lab, arns["shop-a"])
    compute.update_service("prod", "web", {"desiredCount": 1})
    web = compute.services("prod", ["web"])["web"]
    compute.tag(web.arn, {"teal:deployment": "d1.1"})
    lab.let_pass(60)
    web = compute.services("prod", ["web"])["web"]
    assert (web.desired, web.running, web.tags) == (1, 1, {"teal:deployment": "d1.1"})
    assert sum(task.desired_status == "RUNNING" for task in compute.tasks("prod", "web")) == 1


def test_definitions(lab: LabCaller) -> None:
    """Revisions are registered, found by name and listed newest first; their bodies come back to the letter."""
    compute = EcsCompute(lab)
    first, second = (compute.register(BODY, {"n": str(n)}) for n in (1, 2))
    assert compute.latest_definitions("web", 5) == (second, first)
    assert compute.definition("web:1") == first
    assert compute.definition("web:9") is None
    assert first.tags == {"n": "1"}
    assert first.body["containerDefinitions"][0]["command"] == ["sh", "-c", "set -e\nexec app"]


def test_absence(lab: LabCaller) -> None:
    """What is not there is a value, not an error."""
    compute, router = EcsCompute(lab), Elbv2Router(lab)
    assert (compute.cluster_found("prod"), compute.cluster_found("gone")) == (True, False)
    assert compute.services("gone", ["web"]) == {}
    assert compute.services("prod", ["web"]) == {}
    assert compute.tasks("prod", "web") == compute.tasks("gone", "web") == ()
    assert compute.latest_definitions("web", 3) == ()
    assert router.load_balancers(["gone"]) == ()
    assert router.groups(["gone"]) == {}
    assert CloudWatchLogs(lab).last_lines("/ecs/gone", "x", 5) == ()


def test_account(lab: LabCaller) -> None:
    """The lab says whose account it plays; nothing is scaled until it is registered."""
    account = AwsAccount(lab)
    assert (account.caller().account, account.caller().region) == ("000000000000", "eu-west-1")
    assert account.scalable("prod", ["web"]) == frozenset()
