"""Task definitions: what ECS refuses to register."""

from lab.conformance.row import Claim, Json, Row, Step, assumed, seen
from lab.conformance.scene import CONTAINER, DEFINITION

CLIENT, INVALID = "ClientException", "InvalidParameterException"
_SEEN = "public reports"
_SIZES = seen(CLIENT, "No Fargate configuration exists for given values", "ECS guide, task-cpu-memory-error")
_ROLE = "arn:aws:iam::000000000000:role/execution"
_LOGS: Json = {"logDriver": "awslogs", "options": {"awslogs-group": "web", "awslogs-region": "eu-west-1"}}
_SECRETS = [{"name": "TOKEN", "valueFrom": "arn:aws:ssm:eu-west-1:000000000000:parameter/token"}]
_ON_EC2: Json = {
    "family": "web",
    "networkMode": "bridge",
    "containerDefinitions": [CONTAINER],
}


def _definition(what: str, wrong: Json, claim: Claim, right: Json | None = None) -> Row:
    """Return a row of RegisterTaskDefinition: what differs from one that AWS accepts."""
    return Row(
        what=what,
        call="ecs RegisterTaskDefinition",
        wrong={**DEFINITION, **wrong},
        right={**DEFINITION, **(right or {})},
        claim=claim,
    )


def _container(**change: object) -> Json:
    return {"containerDefinitions": [{**CONTAINER, **change}]}


def _on_ec2(what: str, wrong: Json, claim: Claim) -> Row:
    wrong_container = {**_ON_EC2["containerDefinitions"][0], **wrong}
    return Row(
        what=what,
        call="ecs RegisterTaskDefinition",
        wrong={**_ON_EC2, "containerDefinitions": [wrong_container]},
        right=_ON_EC2,
        claim=claim,
    )


ROWS = (
    _definition("256 cpu units with 4 GiB on Fargate", {"memory": "4096"}, _SIZES, {"memory": "2048"}),
    _definition("300 cpu units on Fargate", {"cpu": "300"}, _SIZES, {"cpu": "512", "memory": "1024"}),
    _definition(
        "a Fargate task without a cpu size",
        {"cpu": None},
        seen(CLIENT, "Fargate requires that 'cpu' be defined at the task level.", _SEEN),
    ),
    _definition(
        "a size that is no number",
        {"cpu": "lots"},
        seen(CLIENT, "Invalid 'cpu' setting for task.", "ECS guide, task-cpu-memory-error"),
        {"cpu": "0.25 vCPU"},
    ),
    _definition(
        "Fargate in bridge mode",
        {"networkMode": "bridge"},
        seen(CLIENT, "Fargate only supports network mode 'awsvpc'.", _SEEN),
    ),
    _definition(
        "two containers of one name",
        {"containerDefinitions": [CONTAINER, {**CONTAINER, "portMappings": []}]},
        assumed(CLIENT, "API model, ContainerDefinition: names within a task"),
        {"containerDefinitions": [CONTAINER, {**CONTAINER, "name": "side", "portMappings": []}]},
    ),
    _definition(
        "a task definition without containers",
        {"containerDefinitions": []},
        seen(CLIENT, "Container list cannot be empty.", _SEEN),
    ),
    _definition(
        "no essential container",
        _container(essential=False),
        assumed(CLIENT, "API model, essential: all tasks must have at least one"),
        _container(essential=True),
    ),
    _definition(
        "a container without an image",
        _container(image=""),
        seen(CLIENT, "Container.image should not be null or empty.", _SEEN),
    ),
    _definition(
        "a container without a name",
        _container(name=""),
        assumed(CLIENT, "ECS guide, task_definition_parameters: the name is required"),
    ),
    _definition(
        "a family name with a space",
        {"family": "my web"},
        assumed(CLIENT, "API model, family: letters, digits, underscores, hyphens"),
    ),
    _definition(
        "another host port in awsvpc mode",
        _container(portMappings=[{"containerPort": 8080, "hostPort": 80}]),
        seen(
            CLIENT,
            "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
            f"API model, hostPort; {_SEEN}",
        ),
        _container(portMappings=[{"containerPort": 8080, "hostPort": 8080}]),
    ),
    _definition(
        "a stop timeout of 121 s on Fargate",
        _container(stopTimeout=121),
        assumed(CLIENT, "API model, stopTimeout: at most 120 s on Fargate"),
        _container(stopTimeout=120),
    ),
    _definition(
        "logs without an execution role on Fargate",
        _container(logConfiguration={**_LOGS, "options": {**_LOGS["options"], "awslogs-stream-prefix": "web"}}),
        seen(
            CLIENT,
            "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
            _SEEN,
        ),
        {
            **_container(logConfiguration={**_LOGS, "options": {**_LOGS["options"], "awslogs-stream-prefix": "web"}}),
            "executionRoleArn": _ROLE,
        },
    ),
    _definition(
        "secrets without an execution role",
        _container(secrets=_SECRETS),
        seen(
            CLIENT,
            "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
            _SEEN,
        ),
        {**_container(secrets=_SECRETS), "executionRoleArn": _ROLE},
    ),
    _definition(
        "logs without a group",
        {**_container(logConfiguration={"logDriver": "awslogs"}), "executionRoleArn": _ROLE},
        assumed(CLIENT, "ECS guide, using_awslogs: required options"),
        {
            **_container(logConfiguration={**_LOGS, "options": {**_LOGS["options"], "awslogs-stream-prefix": "web"}}),
            "executionRoleArn": _ROLE,
        },
    ),
    _definition(
        "11 containers",
        {"containerDefinitions": [{**CONTAINER, "name": f"web-{number}", "portMappings": []} for number in range(11)]},
        assumed(CLIENT, "ECS guide, service-quotas: 10 containers in a task definition"),
        {"containerDefinitions": [{**CONTAINER, "name": f"web-{number}", "portMappings": []} for number in range(10)]},
    ),
    _definition(
        "20 GiB of ephemeral storage",
        {"ephemeralStorage": {"sizeInGiB": 20}},
        assumed(CLIENT, "API model, EphemeralStorage: 21 to 200 GiB"),
        {"ephemeralStorage": {"sizeInGiB": 21}},
    ),
    _on_ec2(
        "a container without memory on EC2",
        {"memory": None},
        seen(
            CLIENT,
            "At least one of 'memory' or 'memoryReservation' must be specified.",
            f"API model, memory; {_SEEN}",
        ),
    ),
    _on_ec2(
        "more memory reserved than there is",
        {"memoryReservation": 256},
        assumed(CLIENT, "API model, memory: greater than memoryReservation"),
    ),
    _on_ec2(
        "container port 70000",
        {"portMappings": [{"containerPort": 70000}]},
        assumed(CLIENT, "API model, PortMapping: 1 to 65535"),
    ),
    Row(
        what="DescribeTaskDefinition of one that is not there",
        call="ecs DescribeTaskDefinition",
        wrong={"taskDefinition": "none"},
        right={"taskDefinition": "web"},
        claim=seen(CLIENT, "Unable to describe task definition.", _SEEN),
    ),
    Row(
        what="DeregisterTaskDefinition without a revision",
        call="ecs DeregisterTaskDefinition",
        wrong={"taskDefinition": "web"},
        right={"taskDefinition": "web:1"},
        claim=assumed(INVALID, "API reference, DeregisterTaskDefinition: the revision is required"),
    ),
    Row(
        what="a cluster name with a space",
        call="ecs CreateCluster",
        wrong={"clusterName": "my cluster"},
        right={"clusterName": "my-cluster"},
        claim=assumed(INVALID, "API model, clusterName"),
    ),
    Row(
        what="ListServices of a cluster that is not there",
        call="ecs ListServices",
        wrong={"cluster": "none"},
        right={"cluster": "gone"},
        before=(Step(call="ecs CreateCluster", params={"clusterName": "gone"}),),
        claim=seen("ClusterNotFoundException", "Cluster not found.", _SEEN),
    ),
)
