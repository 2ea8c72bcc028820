"""Task definitions and clusters: what is refused, what is filled in, how revisions are found."""

from typing import Any

import pytest

from ecs_stage import Json, Stage, definition

REFUSED: list[tuple[str, Json, str]] = [
    ("family", {"family": "we b"}, "Family contains invalid characters."),
    ("no containers", {"containerDefinitions": []}, "Container list cannot be empty."),
    ("bridge on Fargate", {"networkMode": "bridge"}, "Fargate only supports network mode 'awsvpc'."),
    ("size", {"cpu": "256", "memory": "4096"}, "No Fargate configuration exists for given values."),
    ("big size", {"cpu": "8192", "memory": "17408"}, "No Fargate configuration exists for given values."),
    ("cpu in words", {"cpu": "many"}, "Invalid 'cpu' setting for task."),
    ("stopTimeout", {"stopTimeout": 121}, "On Fargate 'stopTimeout' is at most 120."),
    ("no name", {"name": ""}, "Container.name should not be null or empty."),
    ("bad name", {"name": "a b"}, "Invalid container name 'a b'"),
    ("no image", {"image": ""}, "Container.image should not be null or empty."),
    ("bad image", {"image": "web 1"}, "Container.image contains invalid characters."),
    ("nobody essential", {"essential": False}, "At least one container in the task definition must be essential."),
    ("host port", {"portMappings": [{"containerPort": 80, "hostPort": 81}]}, "host ports and container ports"),
    ("port", {"portMappings": [{"containerPort": 70000}]}, "invalid container port"),
    ("memory", {"memory": 1024}, "must not exceed the memory of the task"),
    ("reservation", {"memory": 64, "memoryReservation": 128}, "'memoryReservation' must not exceed 'memory'"),
    ("log options", {"logConfiguration": {"logDriver": "awslogs"}}, "Log driver awslogs requires options"),
    ("nameless variable", {"environment": [{"value": "x"}]}, "Environment variable name"),
]


def with_change(change: Json) -> Json:
    """Return a definition with a change of the task, or of its container."""
    body = definition()
    inside = {"stopTimeout", "name", "image", "essential", "portMappings", "memoryReservation", "logConfiguration"}
    if inside & set(change) or "environment" in change or isinstance(change.get("memory"), int):
        body["containerDefinitions"][0] |= change
        return body
    return body | change


@pytest.mark.parametrize(("name", "change", "sentence"), REFUSED, ids=[each[0] for each in REFUSED])
def test_what_ecs_refuses_to_register(name: str, change: Json, sentence: str) -> None:
    """A task definition that ECS would not take is refused with its sentence."""
    code, message = Stage().refusal("RegisterTaskDefinition", **with_change(change))
    assert code == "ClientException"
    assert sentence in message


def test_container_names_are_unique() -> None:
    """Two containers of one name are refused."""
    body = definition()
    body["containerDefinitions"] *= 2
    assert "unique" in Stage().refusal("RegisterTaskDefinition", **body)[1]


@pytest.mark.parametrize("missing", ["cpu", "memory"])
def test_fargate_needs_sizes(missing: str) -> None:
    """Cpu and memory must be given at the task level."""
    body = {key: value for key, value in definition().items() if key != missing}
    _, message = Stage().refusal("RegisterTaskDefinition", **body)
    assert message == f"Fargate requires that '{missing}' be defined at the task level."


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (
            {"image": "000000000000.dkr.ecr.eu-west-1.amazonaws.com/web:1"},
            "Fargate requires task definition to have execution role ARN to support ECR images.",
        ),
        (
            {"secrets": [{"name": "A", "valueFrom": "arn"}]},
            "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
        ),
    ],
)
def test_fargate_needs_an_execution_role(change: Json, what: str) -> None:
    """Images from ECR and secrets ask for an execution role on Fargate."""
    body = {key: value for key, value in definition().items() if key != "executionRoleArn"}
    body["containerDefinitions"][0] |= change
    _, message = Stage().refusal("RegisterTaskDefinition", **body)
    assert message == what


def test_fargate_needs_an_execution_role_for_logs() -> None:
    """The awslogs driver on Fargate asks for an execution role."""
    body = {key: value for key, value in definition().items() if key != "executionRoleArn"}
    options = {"awslogs-group": "g", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "p"}
    body["containerDefinitions"][0]["logConfiguration"] = {"logDriver": "awslogs", "options": options}
    assert "execution role ARN to support log driver awslogs" in Stage().refusal("RegisterTaskDefinition", **body)[1]


@pytest.mark.parametrize(
    ("cpu", "memory"), [("256", "2048"), (".25 vCPU", None), ("1 vCPU", "8 GB"), ("4096", "30720"), ("16384", "122880")]
)
def test_sizes_that_fargate_has(cpu: str, memory: str | None) -> None:
    """Sizes in units and in words are understood; a half-written number is not."""
    stage = Stage()
    body = definition() | {"cpu": cpu, "memory": memory or "512"}
    if cpu.startswith("."):
        assert "Invalid 'cpu'" in stage.refusal("RegisterTaskDefinition", **body)[1]
        return
    answer = stage.ecs("RegisterTaskDefinition", **body)["taskDefinition"]
    assert answer["cpu"].isdigit()
    assert answer["memory"].isdigit()
    assert answer["compatibilities"] == ["EC2", "FARGATE"]


def test_what_aws_fills_in() -> None:
    """A container gets AWS's defaults, and the definition its name, revision and date."""
    stage = Stage()
    answer = stage.ecs("RegisterTaskDefinition", **definition(), tags=[{"key": "team", "value": "shop"}])
    found: dict[str, Any] = answer["taskDefinition"]
    assert found["containerDefinitions"] == [
        {
            "name": "web",
            "image": "web:1",
            "cpu": 0,
            "essential": True,
            "environment": [],
            "mountPoints": [],
            "volumesFrom": [],
            "systemControls": [],
            "portMappings": [{"containerPort": 8080, "hostPort": 8080, "protocol": "tcp"}],
        }
    ]
    assert (found["revision"], found["status"]) == (1, "ACTIVE")
    assert found["taskDefinitionArn"] == "arn:aws:ecs:eu-west-1:000000000000:task-definition/web:1"
    assert found["registeredAt"].tzinfo is not None
    assert answer["tags"] == [{"key": "team", "value": "shop"}]


def test_revisions_count_per_family() -> None:
    """A bare family means its latest ACTIVE revision; INACTIVE ones stay describable."""
    stage = Stage()
    first, second = stage.register(), stage.register()
    stage.register("job")
    assert (first.rpartition(":")[2], second.rpartition(":")[2]) == ("1", "2")
    stage.ecs("DeregisterTaskDefinition", taskDefinition="web:2")
    assert stage.ecs("DescribeTaskDefinition", taskDefinition="web")["taskDefinition"]["revision"] == 1
    assert stage.ecs("DescribeTaskDefinition", taskDefinition=second)["taskDefinition"]["status"] == "INACTIVE"
    stage.ecs("DeregisterTaskDefinition", taskDefinition="web:1")
    assert stage.refusal("DescribeTaskDefinition", taskDefinition="web") == (
        "ClientException",
        "Unable to describe task definition.",
    )
    assert stage.ecs("ListTaskDefinitionFamilies", status="ACTIVE")["families"] == ["job"]
    assert stage.ecs("ListTaskDefinitionFamilies", status="INACTIVE")["families"] == ["web"]
    assert stage.register().endswith("web:3")


def test_lists_have_pages() -> None:
    """A list is cut into pages that together are the list."""
    stage = Stage()
    arns = [stage.register() for _ in range(5)]
    found: list[str] = []
    token: Json = {}
    for _ in range(3):
        answer = stage.ecs("ListTaskDefinitions", familyPrefix="web", maxResults=2, **token)
        found += answer["taskDefinitionArns"]
        token = {"nextToken": answer["nextToken"]} if "nextToken" in answer else {}
    assert found == arns
    assert token == {}
    assert stage.ecs("ListTaskDefinitions", sort="DESC")["taskDefinitionArns"] == arns[::-1]


def test_clusters_come_and_go() -> None:
    """Clusters are created once, described even when gone, and not deleted while something lives in them."""
    stage = Stage()
    again = stage.ecs("CreateCluster", clusterName="demo", tags=[{"key": "a", "value": "b"}])["cluster"]
    assert again["status"] == "ACTIVE"
    assert stage.ecs("DescribeClusters", clusters=["demo", "nope"])["failures"][0]["reason"] == "MISSING"
    stage.stand()
    assert stage.refusal("DeleteCluster", cluster="demo")[0] == "ClusterContainsServicesException"
    stage.ecs("DeleteService", cluster="demo", service="web", force=True)
    stage.run(8)
    stage.ecs("DeleteCluster", cluster="demo")
    assert stage.ecs("DescribeClusters", clusters=["demo"])["clusters"][0]["status"] == "INACTIVE"
    assert stage.ecs("ListClusters")["clusterArns"] == []
    assert stage.refusal("ListServices", cluster="demo") == ("ClusterNotFoundException", "Cluster not found.")


def test_a_cluster_with_tasks_stays() -> None:
    """A running task keeps its cluster."""
    stage = Stage()
    stage.register()
    network: Json = {"awsvpcConfiguration": {"subnets": ["subnet-a"]}}
    stage.ecs("RunTask", cluster="demo", taskDefinition="web", launchType="FARGATE", networkConfiguration=network)
    assert stage.refusal("DeleteCluster", cluster="demo")[0] == "ClusterContainsTasksException"
