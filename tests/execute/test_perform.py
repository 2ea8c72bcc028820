"""What each kind of act asks of AWS, and what it says when the thing it needs is gone."""

from dataclasses import replace
from typing import Any

import pytest

import seen as world
from execute.deeds import (
    BACK_0,
    BALANCER,
    CREATE,
    DELETE,
    EMPTY,
    GROUP,
    MADE,
    MAKE,
    MOVE,
    ORDER,
    RAISE,
    REGISTER,
    REGISTERED,
    REPLACE,
    TAG,
    TAGGED,
    TASTE,
    VERDICT,
    Deeds,
    ToldCompute,
    ToldRouter,
)
from execute.scripted import SPLIT
from plan.scenes import Scene as Seen
from plan.scenes import spec
from teal.errors import AwsError, NotFoundError
from teal.execute.bodies import SETTINGS
from teal.execute.perform import Outcome, Scene, aws_detail, perform
from teal.model.identity import Slot
from teal.model.snapshot import Snapshot
from teal.model.spec import RouteCreate, Spec, TasteSpec
from teal.model.step import Act
from teal.model.tags import DeploymentTag
from teal.model.traffic import Condition, Forward
from teal.model.workload import TaskDefinition
from teal.plan.difference import CONTENT, content_digest
from teal.ports import NewRule, Ports

PATH = Condition(field="path-pattern", values=("/shop/*",))
CREATED = replace(
    MADE,
    load_balancers=(BALANCER,),
    routes=tuple(
        replace(each, spec=replace(each.spec, create=RouteCreate(priority=31, conditions=(PATH,))))
        for each in MADE.routes
    ),
)
CONFIGURED = replace(
    spec(2),
    tags={"team": "shop"},
    service={"launchType": "FARGATE", "deploymentConfiguration": {"maximumPercent": 150, "alarms": {"enable": True}}},
)
OWN = {"team": "shop", "teal:app": "shop-web"}
OF_B = {**OWN, "teal:slot": "b"}
TAG_B = DeploymentTag(id="d7", revision=42)
UNTAGGED = replace(MAKE, revision=None)
STICKY = replace(
    SPLIT,
    routes=tuple(
        replace(each, rule=replace(each.rule, forward=Forward(shares=(("tg/a", 1),), stickiness_s=77)))
        for each in SPLIT.routes
        if each.rule is not None
    ),
)


def without(slot: Slot, *, service: bool = False, group: bool = False) -> Snapshot:
    """Return the app without a slot's service, or its group."""
    state = CREATED.slot(slot)
    groups = tuple(replace(each, group=None) for each in state.groups) if group else state.groups
    found = replace(state, service=None if service else state.service, groups=groups)
    return replace(CREATED, slots={**CREATED.slots, slot: found})


def rule(**parts: Any) -> NewRule:  # noqa: ANN401 - the fields of a rule
    """Return the rule that is made for slot b."""
    made = NewRule(listener_arn="l", priority=9, conditions=(), group_arn="tg/b", tags=OF_B)
    return replace(made, **parts)


def header(name: str, value: str) -> tuple[Condition, ...]:
    """Return the condition on a header."""
    return (Condition(field="http-header", header=name, values=(value,)),)


def body(*, group: bool = True, tags: dict[str, str] = OF_B, revision: int = 42) -> dict[str, Any]:
    """Return the service that is made for slot b."""
    balanced = [{"targetGroupArn": "tg/b", "containerName": "web", "containerPort": 8080}]
    return {
        "launchType": "FARGATE",
        "cluster": "prod",
        "serviceName": "shop-web-b",
        "taskDefinition": world.definition_arn(revision),
        "desiredCount": 2,
        "loadBalancers": balanced if group else [],
        "deploymentConfiguration": {
            "alarms": {"enable": True},
            "deploymentCircuitBreaker": {"enable": True, "rollback": False},
            "minimumHealthyPercent": 100,
            "maximumPercent": 200,
        },
        "tags": [{"key": key, "value": value} for key, value in tags.items()],
    }


CONTENTS = {**OWN, CONTENT: content_digest(CONFIGURED.task_definition)}
COOKIE = replace(CONFIGURED, taste=TasteSpec(cookie="teal"))
ACCEPTED = Outcome(detail="accepted")
ACTS: dict[str, tuple[Act, Spec, Snapshot, tuple[object, ...], Outcome]] = {
    "a group": (GROUP, CONFIGURED, CREATED, ("create group", "shop-web-b", "vpc-1", OF_B), Outcome()),
    "a taste by header": (
        TASTE,
        CONFIGURED,
        CREATED,
        ("create rule", rule(conditions=header("X-Teal-Taste", "secret-b"))),
        Outcome(),
    ),
    "a taste by cookie": (
        TASTE,
        COOKIE,
        CREATED,
        ("create rule", rule(conditions=header("Cookie", "*teal=secret-b*"))),
        Outcome(),
    ),
    "a taste by port": (
        replace(TASTE, by_port=True),
        COOKIE,
        CREATED,
        ("create rule", rule(conditions=(Condition(field="path-pattern", values=("/*",)),))),
        Outcome(),
    ),
    "a tag of the move": (
        TAG,
        CONFIGURED,
        CREATED,
        ("tag", "rule/20", "rule/21", {"teal:move": str(MOVE)}),
        Outcome(detail=str(MOVE)),
    ),
    "a revision": (
        REGISTER,
        CONFIGURED,
        CREATED,
        ("register", CONFIGURED.task_definition, CONTENTS),
        Outcome(detail="revision 44", registered=REGISTERED),
    ),
    "a numbered revision": (
        replace(REGISTER, seq=7),
        CONFIGURED,
        CREATED,
        ("register", CONFIGURED.task_definition, {**CONTENTS, "teal:seq": "7"}),
        Outcome(detail="revision 44", registered=REGISTERED),
    ),
    "a service": (MAKE, CONFIGURED, CREATED, ("create service", body()), Outcome()),
    "a tagged service": (
        replace(MAKE, tag=TAG_B),
        CONFIGURED,
        CREATED,
        ("create service", body(tags={**OF_B, "teal:deployment": "d7.42"})),
        Outcome(),
    ),
    "a service without a group": (
        MAKE,
        CONFIGURED,
        without(Slot.B, group=True),
        ("create service", body(group=False)),
        Outcome(),
    ),
    "a service of what was not looked at": (
        replace(MAKE, revision=77),
        CONFIGURED,
        CREATED,
        ("create service", body(revision=77)),
        Outcome(),
    ),
    "a tag of a service": (
        TAGGED,
        CONFIGURED,
        CREATED,
        ("tag", "service/b", {"teal:deployment": "d7.42"}),
        Outcome(detail="d7.42"),
    ),
    "a tag with the one before": (
        replace(TAGGED, before="d1.41.served"),
        CONFIGURED,
        CREATED,
        ("tag", "service/b", {"teal:before": "d1.41.served", "teal:deployment": "d7.42"}),
        Outcome(detail="d7.42"),
    ),
    "tasks": (RAISE, CONFIGURED, CREATED, ("update", "prod", "shop-web-b", {"desiredCount": 5}), Outcome()),
    "a revision alone": (
        replace(REPLACE, count=None),
        CONFIGURED,
        CREATED,
        ("update", "prod", "shop-web-b", {"taskDefinition": world.definition_arn(43)}),
        Outcome(),
    ),
    "settings alone": (
        replace(RAISE, count=None, settings=True),
        CONFIGURED,
        CREATED,
        ("update", "prod", "shop-web-b", {"deploymentConfiguration": dict(SETTINGS)}),
        Outcome(),
    ),
    "a weight": (
        BACK_0,
        CONFIGURED,
        STICKY,
        ("write", "rule/20", Forward(shares=(("tg/a", 100),), stickiness_s=77)),
        ACCEPTED,
    ),
    "a route": (
        CREATE,
        CONFIGURED,
        CREATED,
        ("create rule", rule(listener_arn="listener/443", priority=31, conditions=(PATH,), tags=OWN)),
        Outcome(),
    ),
    "a tagged route": (
        replace(CREATE, tag=MOVE),
        CONFIGURED,
        CREATED,
        (
            "create rule",
            rule(listener_arn="listener/443", priority=31, conditions=(PATH,), tags={**OWN, "teal:move": str(MOVE)}),
        ),
        Outcome(),
    ),
    "a route less": (DELETE, CONFIGURED, CREATED, ("delete rule", "rule/21"), Outcome()),
    "a verdict": (
        VERDICT,
        CONFIGURED,
        CREATED,
        ("tag", world.definition_arn(42), {"teal:verdict": "back"}),
        Outcome(),
    ),
    "a number": (ORDER, CONFIGURED, CREATED, ("tag", world.definition_arn(42), {"teal:seq": "7"}), Outcome()),
    "nothing": (EMPTY, CONFIGURED, CREATED, ("update", "prod", "shop-web-a", {"desiredCount": 0}), Outcome()),
}


def performed(ports: Ports, step: Act, configured: Spec, found: Snapshot) -> tuple[Outcome, list[tuple[object, ...]]]:
    """Do an act; return what came of it, and what AWS was asked for."""
    far = TaskDefinition(arn=world.definition_arn(77), family="web", revision=77, body={})
    deeds = Deeds(definitions={"web:77": far})
    around = replace(ports, router=ToldRouter(deeds), compute=ToldCompute(deeds))
    secrets = {slot: f"secret-{slot}" for slot in Slot}
    outcome = perform(step, Scene(spec=configured, snapshot=found, ports=around, secrets=secrets))
    return outcome, deeds.done


@pytest.mark.parametrize(("step", "configured", "found", "deed", "outcome"), ACTS.values(), ids=ACTS)
def test_what_an_act_asks_of_aws(
    ports: Ports, step: Act, configured: Spec, found: Snapshot, deed: tuple[object, ...], outcome: Outcome
) -> None:
    """One call each, with absolute values: whatever is done twice is done."""
    assert performed(ports, step, configured, found) == (outcome, [deed])


def test_a_route_that_is_gone_needs_no_deleting(ports: Ports) -> None:
    """Where there is no rule any more, nothing is asked."""
    found = Seen(shares=(1, None), b="d7.42").seen()
    assert performed(ports, DELETE, CONFIGURED, found) == (Outcome(), [])


def without_route(*, listener: bool = True, create: bool = True, forwards: bool = True) -> Snapshot:
    """Return the app without a part of its routes."""
    routes = tuple(
        replace(
            each,
            listener=each.listener if listener else None,
            spec=each.spec if create else replace(each.spec, create=None),
            rule=replace(each.rule, forward=each.rule.forward if forwards else None) if each.rule is not None else None,
        )
        for each in CREATED.routes
    )
    return replace(CREATED, routes=routes)


GONE: dict[str, tuple[Act, Snapshot, str]] = {
    "a service": (TAGGED, without(Slot.B, service=True), "service of slot b"),
    "a group": (TASTE, without(Slot.B, group=True), "target group shop-web-b"),
    "a rule": (BACK_0, Seen(shares=(None, 1), b="d7.42").seen(), "r0"),
    "where it forwards": (BACK_0, without_route(forwards=False), "r0"),
    "a listener": (CREATE, without_route(listener=False), "r1"),
    "how it is made": (CREATE, without_route(create=False), "r1"),
    "a task definition": (replace(VERDICT, revision=99), CREATED, "task definition web:99"),
    "one that is to be registered": (
        UNTAGGED,
        replace(CREATED, definitions={"x": TaskDefinition(arn="web:1", family="web", revision=1, body={})}),
        "task definition web:None",
    ),
}


@pytest.mark.parametrize(("step", "found", "what"), GONE.values(), ids=GONE)
def test_what_is_gone_is_named(ports: Ports, step: Act, found: Snapshot, what: str) -> None:
    """What was there a moment ago, when it was decided, is an error of its own, and nothing else is written instead."""
    with pytest.raises(NotFoundError, match=f"{what} was there a moment ago"):
        performed(ports, step, CONFIGURED, found)


def test_an_error_of_aws_has_its_request() -> None:
    """For support, where AWS told it."""
    error = AwsError("no", code="Validation", operation="any", request_id="r-1")
    assert aws_detail(error) == "any: Validation: no (request r-1)"
    assert aws_detail(AwsError("no", code="Validation", operation="any")) == "any: Validation: no"
