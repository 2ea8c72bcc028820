"""When two task definitions are of equal content: what AWS fills in, how it writes sizes, what is the user's own."""

from collections.abc import Mapping
from typing import Any

import pytest

import seen
from teal.model.workload import TaskDefinition
from teal.plan.difference import CONTENT, content_digest, equal_content, same_content

Body = Mapping[str, Any]


def task(**more: object) -> Body:
    """Return a body with something more at its top."""
    return {**seen.body(), **more}


def container(**more: object) -> Body:
    """Return a body with something more in its container."""
    body = seen.body()
    return {**body, "containerDefinitions": [{**each, **more} for each in body["containerDefinitions"]]}


CHECK = {"command": ["CMD-SHELL", "true"]}
EQUAL: list[tuple[Body, Body]] = [
    (task(cpu=".25 vCPU"), task(cpu="256")),
    (task(cpu="1 vCPU"), task(cpu="1024")),
    (task(cpu="1vcpu"), task(cpu=1024)),
    (task(memory="0.5 GB"), task(memory="512")),
    (task(memory="2GB"), task(memory="2048")),
    (container(healthCheck=CHECK), container(healthCheck={**CHECK, "interval": 30, "timeout": 5, "retries": 3})),
    (container(), container(cpu=0, essential=True, privileged=False, interactive=False, environment=[], command=[])),
    (
        container(portMappings=[{"containerPort": 80}]),
        container(portMappings=[{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}]),
    ),
    (
        container(portMappings=[{"containerPort": 80}]),
        container(portMappings=[{"containerPort": 80, "hostPort": 0}]),
    ),
    (
        container(environment=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]),
        container(environment=[{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]),
    ),
    (task(requiresCompatibilities=["EC2", "FARGATE"]), task(requiresCompatibilities=["FARGATE", "EC2"])),
    (
        task(runtimePlatform={"cpuArchitecture": "ARM64"}),
        task(runtimePlatform={"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"}),
    ),
    (task(volumes=[{"name": "v"}]), task(volumes=[{"name": "v", "host": {}}])),
    (
        container(),
        container(
            readonlyRootFilesystem=False,
            pseudoTerminal=False,
            disableNetworking=False,
            mountPoints=[],
            portMappings=[],
        ),
    ),
    (
        container(mountPoints=[{"sourceVolume": "v", "containerPath": "/v"}]),
        container(mountPoints=[{"containerPath": "/v", "sourceVolume": "v", "readOnly": False}]),
    ),
    (task(), task(enableFaultInjection=False)),
    (task(), dict(reversed(list(task().items())))),
    (task(), task(revision=7, status="ACTIVE", registeredBy="somebody", compatibilities=["EC2"])),
]


def options(**more: str) -> Body:
    """Return a body with these log options."""
    return container(logConfiguration={"logDriver": "awslogs", "options": {"awslogs-group": "g", **more}})


OTHER: list[tuple[Body, Body]] = [
    (task(cpu="256"), task(cpu="512")),
    (task(memory="1 GB"), task(memory="1000")),
    (container(dockerLabels={"protocol": "tcp"}), container()),
    (container(dockerLabels={"essential": "True"}), container(dockerLabels={})),
    (container(dockerLabels={"team": ""}), container()),
    (options(cpu="0"), options()),
    (options(privileged="False"), options()),
    (container(healthCheck=CHECK), container(healthCheck={**CHECK, "interval": 10})),
    (container(healthCheck=CHECK), container()),
    (container(environment=[{"name": "A", "value": "1"}]), container(environment=[{"name": "A", "value": "2"}])),
    (container(environment=[{"name": "A", "value": "1"}]), container()),
    (container(secrets=[{"name": "A", "valueFrom": "x"}]), container(secrets=[{"name": "A", "valueFrom": "y"}])),
    (container(readonlyRootFilesystem=True), container()),
    (container(disableNetworking=True), container()),
    (container(interval=30), container()),
    (container(essential=False), container()),
    (container(entryPoint=[""]), container()),
    (container(command=["a", "b"]), container(command=["b", "a"])),
    (task(enableFaultInjection=True), task()),
    (seen.body("shop/web:1.5"), seen.body("shop/web:1.6")),
]


@pytest.mark.parametrize(("asked", "registered"), EQUAL)
def test_what_aws_makes_of_a_body_is_equal_to_it(asked: Body, registered: Body) -> None:
    """Defaults, repeated ports, sizes in numbers, the order of sets and answer-only fields make no difference."""
    assert same_content(asked, registered)
    assert content_digest(asked) == content_digest(registered)


@pytest.mark.parametrize(("asked", "registered"), OTHER)
def test_what_a_person_changed_is_other_content(asked: Body, registered: Body) -> None:
    """Labels and log options are kept to the letter, commands in their order; a default is one only at its place."""
    assert not same_content(asked, registered)
    assert content_digest(asked) != content_digest(registered)


def registered(body: Body, **tags: str) -> TaskDefinition:
    """Return a revision as AWS answers it."""
    return TaskDefinition(arn=seen.definition_arn(42), family="web", revision=42, body=body, tags=tags)


def test_the_digest_of_what_was_asked_for_decides() -> None:
    """A revision tagged with the digest is of equal content whatever AWS made of it; without it the bodies are."""
    asked, made = task(cpu=".5 vCPU"), container(newNextYear={"mode": "auto"})
    assert not equal_content(asked, registered(made))
    assert equal_content(asked, registered(made, **{CONTENT: content_digest(asked)}))
    assert not equal_content(asked, registered(made, **{CONTENT: content_digest(made)}))
    assert equal_content(asked, registered(task(cpu="512")))
