"""ECS: from AWS's answers to values, and from values to AWS's requests.

The body of a task definition is kept to the letter, because it is compared with the configuration and because a command
or a variable may well hold line breaks; it is content, and whoever shows it escapes it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from teal.aws.fields import Fields
from teal.model.workload import Container, EcsDeployment, Service, Task, TaskDefinition

_EXTERNALLY_DEPLOYED = frozenset({"CODE_DEPLOY", "EXTERNAL"})


def service_from(fields: Fields) -> Service:
    """Return a service of DescribeServices."""
    external = _controller(fields) in _EXTERNALLY_DEPLOYED
    configuration = fields.part_or_empty("deploymentConfiguration")
    breaker = configuration.part_or_empty("deploymentCircuitBreaker")
    return Service(
        name=fields.text("serviceName"),
        arn=fields.text("serviceArn"),
        status=fields.text("status"),
        desired=fields.whole("desiredCount"),
        running=fields.whole("runningCount"),
        pending=fields.whole("pendingCount"),
        task_definition_arn=fields.text_or("taskDefinition") if external else fields.text("taskDefinition"),
        deployments=tuple(map(_deployment, _deployments(fields, external=external))),
        target_group_arns=_target_groups(fields),
        minimum_healthy_percent=configuration.whole_or("minimumHealthyPercent", 100),
        maximum_percent=configuration.whole_or("maximumPercent", 200),
        breaker_enabled=breaker.flag("enable"),
        breaker_rolls_back=breaker.flag("rollback"),
        unsupported=_unsupported(fields),
        events=_events(fields),
        tags=tags_from(fields),
    )


def task_from(fields: Fields) -> Task:
    """Return a task of DescribeTasks."""
    return Task(
        arn=fields.text("taskArn"),
        task_definition_arn=fields.text("taskDefinitionArn"),
        status=fields.text("lastStatus"),
        desired_status=fields.text("desiredStatus"),
        address=_address(fields),
        stop_code=fields.text_or("stopCode"),
        stopped_reason=fields.text_or("stoppedReason"),
        created_at_s=fields.instant_s("createdAt"),
        stopped_at_s=fields.instant_s("stoppedAt"),
        containers=tuple(map(_container, fields.parts_or_none("containers"))),
    )


def definition_from(answer: Fields, sent_tags: Mapping[str, str] | None = None) -> TaskDefinition:
    """Return the task definition in an answer of DescribeTaskDefinition or RegisterTaskDefinition.

    Args:
        answer: the whole answer.
        sent_tags: the tags that were registered, for an answer that does not repeat them.
    """
    fields = answer.part("taskDefinition")
    return TaskDefinition(
        arn=fields.text("taskDefinitionArn"),
        family=fields.text("family"),
        revision=fields.whole("revision"),
        body={name: _plain(value) for name, value in fields.data.items()},
        tags=tags_from(answer) or sent_tags or {},
    )


def tags_from(fields: Fields) -> dict[str, str]:
    """Return the tags of a structure as ECS spells them."""
    return {tag.text("key"): tag.text_or("value") for tag in fields.parts_or_none("tags")}


def tags_to(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as ECS wants them."""
    return [{"key": key, "value": value} for key, value in tags.items()]


def registration_to(body: Mapping[str, Any], tags: Mapping[str, str]) -> dict[str, Any]:
    """Return the request that registers `body` with its own tags and `tags`, which win."""
    own = {tag["key"]: tag.get("value", "") for tag in body.get("tags", ())}
    merged = tags_to({**own, **tags})
    bare = {name: value for name, value in body.items() if name != "tags"}
    return {**bare, "tags": merged} if merged else bare


def _deployment(fields: Fields) -> EcsDeployment:
    return EcsDeployment(
        id=fields.text("id"),
        status=fields.text("status"),
        task_definition_arn=fields.text("taskDefinition"),
        desired=fields.whole("desiredCount"),
        running=fields.whole("runningCount"),
        pending=fields.whole("pendingCount"),
        failed=fields.whole_or("failedTasks", 0),
        rollout_state=fields.text_or("rolloutState"),
        rollout_reason=fields.text_or("rolloutStateReason"),
        created_at_s=fields.instant_s("createdAt"),
    )


def _container(fields: Fields) -> Container:
    return Container(
        name=fields.text("name"),
        status=fields.text_or("lastStatus"),
        exit_code=fields.whole("exitCode") if fields.has("exitCode") else None,
        reason=fields.text_or("reason"),
        image=fields.text_or("image"),
        image_digest=fields.text_or("imageDigest"),
    )


def _controller(fields: Fields) -> str:
    return fields.part_or_empty("deploymentController").text_or("type", "ECS")


def _deployments(fields: Fields, *, external: bool) -> tuple[Fields, ...]:
    return fields.parts_or_none("deployments") if external else fields.parts("deployments")


def _target_groups(fields: Fields) -> tuple[str, ...]:
    return tuple(
        balancer.text("targetGroupArn")
        for balancer in fields.parts_or_none("loadBalancers")
        if balancer.has("targetGroupArn")  # a Classic Load Balancer has none
    )


def _unsupported(fields: Fields) -> tuple[str, ...]:
    """Return the settings of a service that a twin must not copy, or that teal cannot work with."""
    deployments = fields.parts_or_none("deployments")
    strategy = fields.part_or_empty("deploymentConfiguration").text_or("strategy", "ROLLING")
    found = {
        "deploymentController": _controller(fields) != "ECS",
        "deploymentConfiguration.strategy": strategy != "ROLLING",
        "serviceRegistries": bool(fields.parts_or_none("serviceRegistries")),
        "serviceConnectConfiguration": any(
            deployment.part_or_empty("serviceConnectConfiguration").flag("enabled") for deployment in deployments
        ),
        "vpcLatticeConfigurations": any(
            deployment.parts_or_none("vpcLatticeConfigurations") for deployment in deployments
        ),
    }
    return tuple(name for name, is_there in found.items() if is_there)


def _events(fields: Fields) -> tuple[tuple[float, str], ...]:
    told = [(event.instant_s("createdAt"), event.text_or("message")) for event in fields.parts_or_none("events")]
    return tuple(sorted(told, key=lambda event: event[0], reverse=True))


def _address(fields: Fields) -> str:
    """Return the private IPv4 address of a task's network interface; "" before there is one."""
    for attachment in fields.parts_or_none("attachments"):
        for detail in attachment.parts_or_none("details"):
            if detail.text_or("name") == "privateIPv4Address":
                return detail.text_or("value")
    for container in fields.parts_or_none("containers"):
        for interface in container.parts_or_none("networkInterfaces"):
            if interface.has("privateIpv4Address"):
                return interface.text("privateIpv4Address")
    return ""


def _plain(value: object) -> object:
    """Return a value as AWS's JSON has it: an instant is a number of seconds."""
    return value.timestamp() if isinstance(value, datetime) else value
