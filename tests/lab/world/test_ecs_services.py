"""Service operations: refusals, updates, ends, tags."""

from typing import Any

import pytest

from ecs_stage import GROUP, INSTANCES, LOOSE, NETWORK, Json, Stage, rules

ENTRY: Json = {"targetGroupArn": GROUP, "containerName": "web", "containerPort": 8080}
INVALID = "InvalidParameterException"

REFUSED: list[tuple[str, Json, str, str]] = [
    (
        "group without balancer",
        {"loadBalancers": [ENTRY | {"targetGroupArn": LOOSE}]},
        INVALID,
        f"The target group with targetGroupArn {LOOSE} does not have an associated load balancer.",
    ),
    (
        "unknown group",
        {"loadBalancers": [ENTRY | {"targetGroupArn": GROUP + "x"}]},
        INVALID,
        f"The target group with targetGroupArn {GROUP}x does not exist.",
    ),
    ("instance group", {"loadBalancers": [ENTRY | {"targetGroupArn": INSTANCES}]}, INVALID, "target type instance"),
    (
        "unknown container",
        {"loadBalancers": [ENTRY | {"containerName": "api"}]},
        INVALID,
        "The container api does not exist in the task definition.",
    ),
    (
        "unknown port",
        {"loadBalancers": [ENTRY | {"containerPort": 9}]},
        INVALID,
        "The container web did not have a container port 9 defined.",
    ),
    ("same group twice", {"loadBalancers": [ENTRY, ENTRY]}, INVALID, "Duplicate targetGroupArn found"),
    ("no network", {"networkConfiguration": {}}, INVALID, "Network Configuration must be provided when networkMode"),
    ("no subnets", {"networkConfiguration": {"awsvpcConfiguration": {"subnets": []}}}, INVALID, "subnets"),
    (
        "unknown subnet",
        {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-z"]}}},
        INVALID,
        "The subnet ID 'subnet-z' does not exist",
    ),
    ("unknown definition", {"taskDefinition": "nope:1"}, "ClientException", "TaskDefinition not found."),
    ("unknown cluster", {"cluster": "nope"}, "ClusterNotFoundException", "Cluster not found."),
    ("name", {"serviceName": "we b"}, INVALID, "Identifier contains invalid characters."),
    ("count", {"desiredCount": -1}, INVALID, "desiredCount"),
    ("percentages", {"deploymentConfiguration": rules(100, 100)}, INVALID, "cannot be 100 as this will block"),
    ("minimum", {"deploymentConfiguration": rules(101, 200)}, INVALID, "minimumHealthyPercent"),
    ("maximum", {"deploymentConfiguration": rules(50, 201)}, INVALID, "maximumPercent"),
    ("grace", {"healthCheckGracePeriodSeconds": -1}, INVALID, "healthCheckGracePeriodSeconds"),
    ("daemon", {"schedulingStrategy": "DAEMON"}, "NotSimulated", "DAEMON"),
    ("controller", {"deploymentController": {"type": "EXTERNAL"}}, "NotSimulated", "EXTERNAL"),
    (
        "strategy",
        {"deploymentConfiguration": {"strategy": "BLUE_GREEN"}, "loadBalancers": []},
        "NotSimulated",
        "BLUE_GREEN",
    ),
    ("registry", {"serviceRegistries": [{"registryArn": "arn"}]}, "NotSimulated", "service registries"),
    (
        "alarms",
        {"deploymentConfiguration": {"alarms": {"alarmNames": ["a"], "enable": True, "rollback": True}}},
        "NotSimulated",
        "deployment alarms",
    ),
    ("launch type", {"launchType": "EXTERNAL"}, INVALID, "Task definition does not support launch_type EXTERNAL."),
    (
        "launch type and provider",
        {"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}]},
        INVALID,
        "both a launch type and capacity provider strategy",
    ),
    ("bridge", {"taskDefinition": "bridge", "launchType": "EC2"}, INVALID, "not valid for the given networkMode"),
    (
        "bridge without network",
        {"taskDefinition": "bridge", "launchType": "EC2", "networkConfiguration": {}},
        "NotSimulated",
        "network mode bridge",
    ),
    ("classic balancer", {"loadBalancers": [{"loadBalancerName": "old"}]}, "NotSimulated", "Classic"),
    ("six groups", {"loadBalancers": [ENTRY] * 6}, INVALID, "at most 5"),
    ("no group", {"loadBalancers": [{"containerName": "web", "containerPort": 8080}]}, INVALID, "targetGroupArn"),
    (
        "native blue/green",
        {"loadBalancers": [ENTRY | {"advancedConfiguration": {"alternateTargetGroupArn": GROUP}}]},
        "NotSimulated",
        "native blue/green",
    ),
    ("service connect", {"serviceConnectConfiguration": {"enabled": True}}, "NotSimulated", "Service Connect"),
    (
        "early success",
        {"deploymentConfiguration": {"earlySuccessCriteria": {"enable": True}}},
        "NotSimulated",
        "early success",
    ),
    (
        "lifecycle hooks",
        {"deploymentConfiguration": {"lifecycleHooks": [{"hookTargetArn": "arn", "roleArn": "arn"}]}},
        "NotSimulated",
        "lifecycle hooks",
    ),
    (
        "threshold",
        {"deploymentConfiguration": rules(50, 200, thresholdConfiguration={"type": "COUNT", "value": 0})},
        INVALID,
        "threshold value",
    ),
    ("long key", {"tags": [{"key": "k" * 129, "value": "y"}]}, INVALID, "Tag keys must have"),
    ("tag twice", {"tags": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]}, INVALID, "Duplicate tag keys"),
    ("51 tags", {"tags": [{"key": f"k{n}", "value": ""} for n in range(51)]}, INVALID, "at most 50"),
    ("aws tag", {"tags": [{"key": "aws:x", "value": "y"}]}, INVALID, "must not start with aws:"),
]


@pytest.mark.parametrize(("name", "change", "code", "sentence"), REFUSED, ids=[each[0] for each in REFUSED])
def test_what_create_service_refuses(name: str, change: Json, code: str, sentence: str) -> None:
    """A service that AWS (or the lab) would not take is refused, and nothing of it remains."""
    stage = Stage()
    stage.register()
    stage.register("bridge", networkMode="bridge", requiresCompatibilities=["EC2"])
    params: Json = {
        "cluster": "demo",
        "serviceName": "web",
        "taskDefinition": "web",
        "desiredCount": 1,
        "launchType": "FARGATE",
        "networkConfiguration": NETWORK,
        "loadBalancers": [ENTRY],
    }
    found_code, message = stage.refusal("CreateService", **(params | change))
    assert found_code == code
    assert sentence in message
    assert stage.ecs("ListServices", cluster="demo")["serviceArns"] == []


def test_a_name_is_taken_while_its_service_lives() -> None:
    """A second service of the same name is refused; the same request with the same token is answered again."""
    stage = Stage()
    stage.register()
    created = stage.service(clientToken="t-1")
    assert stage.service(clientToken="t-1")["serviceArn"] == created["serviceArn"]
    same: Json = {"cluster": "demo", "serviceName": "web", "taskDefinition": "web"}
    refused = (INVALID, "Creation of service was not idempotent.")
    assert stage.refusal("CreateService", **same) == refused
    assert stage.refusal("CreateService", **same, clientToken="t-1") == refused
    stage.ecs("DeleteService", cluster="demo", service="web", force=True)
    draining = "Unable to Start a service that is still Draining."
    assert stage.refusal("CreateService", **same) == (INVALID, draining)
    stage.run(1)
    assert stage.service()["status"] == "ACTIVE"


STARTS: list[tuple[str, Json, bool]] = [
    ("another revision", {"taskDefinition": "web:2"}, True),
    ("the same revision", {"taskDefinition": "web:1"}, False),
    ("force", {"forceNewDeployment": True}, True),
    ("network", {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-b"]}}}, True),
    ("the same network", {"networkConfiguration": NETWORK}, False),
    ("platform", {"platformVersion": "1.3.0"}, True),
    ("the same platform", {"platformVersion": "LATEST"}, False),
    ("no load balancer", {"loadBalancers": []}, True),
    ("the same load balancer", {"loadBalancers": [ENTRY]}, False),
    ("count", {"desiredCount": 3}, False),
    ("percentages", {"deploymentConfiguration": rules(50, 150)}, False),
    ("grace", {"healthCheckGracePeriodSeconds": 30}, False),
    ("execute command", {"enableExecuteCommand": True}, False),
    ("tags", {"propagateTags": "SERVICE", "enableECSManagedTags": True}, False),
]


@pytest.mark.parametrize(("name", "change", "starts"), STARTS, ids=[each[0] for each in STARTS])
def test_what_starts_a_deployment(name: str, change: Json, *, starts: bool) -> None:
    """Only a change of what is deployed, or force, starts a deployment."""
    stage = Stage()
    before = stage.stand()["deployments"][0]["id"]
    stage.register()
    after = stage.update(**change)
    assert (after["deployments"][0]["id"] != before) is starts
    assert after["deployments"][0]["rolloutState"] == ("IN_PROGRESS" if starts else "COMPLETED")


def test_an_update_keeps_what_it_does_not_name() -> None:
    """Settings that a request leaves out stay; nested percentages are merged."""
    stage = Stage()
    stage.register()
    stage.service(healthCheckGracePeriodSeconds=7, deploymentConfiguration=rules(50, 150, rollback=True))
    after = stage.update(deploymentConfiguration={"maximumPercent": 200})
    assert after["healthCheckGracePeriodSeconds"] == 7
    assert after["deploymentConfiguration"]["minimumHealthyPercent"] == 50
    assert after["deploymentConfiguration"]["maximumPercent"] == 200
    assert after["deploymentConfiguration"]["deploymentCircuitBreaker"]["rollback"] is True


def test_update_checks_the_load_balancer_again() -> None:
    """A new revision without the port, or a group that lost its balancer, is refused; the service stays as it was."""
    stage = Stage()
    before = stage.stand()
    body: Any = [{"name": "web", "image": "web:2"}]
    stage.register(containerDefinitions=body)
    refused = stage.refusal("UpdateService", cluster="demo", service="web", taskDefinition="web:2")
    assert refused == (INVALID, "The container web did not have a container port 8080 defined.")
    stage.desk.attached.clear()
    code, message = stage.refusal("UpdateService", cluster="demo", service="web", forceNewDeployment=True)
    assert code == INVALID
    assert "does not have an associated load balancer" in message
    assert stage.look() == before


def test_an_end_goes_through_draining() -> None:
    """ACTIVE, DRAINING while tasks leave, INACTIVE; then it cannot be updated and is not listed, but still seen."""
    stage = Stage()
    stage.stand()
    refused = stage.refusal("DeleteService", cluster="demo", service="web")
    assert refused == (INVALID, "The service cannot be stopped while it is scaled above 0.")
    ended = stage.ecs("DeleteService", cluster="demo", service="web", force=True)["service"]
    assert (ended["status"], ended["desiredCount"]) == ("DRAINING", 0)
    stage.run(1)
    assert stage.look()["status"] == "DRAINING"
    assert stage.ecs("ListServices", cluster="demo")["serviceArns"] == []
    inactive = ("ServiceNotActiveException", "Service was not ACTIVE.")
    assert stage.refusal("UpdateService", cluster="demo", service="web", desiredCount=1) == inactive
    stage.run(5)
    assert stage.look()["status"] == "INACTIVE"
    assert stage.refusal("UpdateService", cluster="demo", service="web", desiredCount=1) == inactive
    gone = ("ServiceNotFoundException", "Service not found.")
    assert stage.refusal("DeleteService", cluster="demo", service="web") == gone
    assert stage.refusal("UpdateService", cluster="demo", service="nope", desiredCount=1) == gone
    assert stage.refusal("ListTasks", cluster="demo", serviceName="web") == gone


def test_describe_names_what_is_missing() -> None:
    """Services are found by name and ARN; the missing ones are failures; eleven are too many."""
    stage = Stage()
    arn = stage.stand()["serviceArn"]
    answer = stage.ecs("DescribeServices", cluster="demo", services=[arn, "nope"])
    assert [each["serviceArn"] for each in answer["services"]] == [arn]
    missing = "arn:aws:ecs:eu-west-1:000000000000:service/demo/nope"
    assert answer["failures"] == [{"arn": missing, "reason": "MISSING"}]
    assert stage.refusal("DescribeServices", cluster="demo", services=["a"] * 11)[0] == INVALID
    assert stage.refusal("DescribeServices", services=["web"]) == ("ClusterNotFoundException", "Cluster not found.")


def test_services_are_listed_in_pages_of_ten() -> None:
    """ListServices answers ten unless asked for more."""
    stage = Stage()
    stage.register()
    for number in range(12):
        stage.service(f"web-{number}", desiredCount=0)
    first = stage.ecs("ListServices", cluster="demo")
    rest = stage.ecs("ListServices", cluster="demo", nextToken=first["nextToken"])
    assert (len(first["serviceArns"]), len(rest["serviceArns"])) == (10, 2)
    assert "nextToken" not in rest
    assert len(stage.ecs("ListServices", cluster="demo", maxResults=100)["serviceArns"]) == 12


def test_tags_are_shown_on_request() -> None:
    """Tags can be added, replaced and taken away; describing shows them only when asked to."""
    stage = Stage()
    stage.register()
    arn = stage.service(tags=[{"key": "a", "value": "1"}, {"key": "b", "value": "2"}])["serviceArn"]
    stage.ecs("TagResource", resourceArn=arn, tags=[{"key": "a", "value": "3"}, {"key": "c", "value": "4"}])
    stage.ecs("UntagResource", resourceArn=arn, tagKeys=["b"])
    expected = [{"key": "a", "value": "3"}, {"key": "c", "value": "4"}]
    assert stage.ecs("ListTagsForResource", resourceArn=arn)["tags"] == expected
    assert "tags" not in stage.look()
    shown = stage.ecs("DescribeServices", cluster="demo", services=["web"], include=["TAGS"])["services"][0]
    assert shown["tags"] == expected


def test_every_kind_of_resource_can_be_tagged() -> None:
    """Clusters, services, task definitions and tasks have tags; anything else is refused."""
    stage = Stage()
    definition_arn = stage.register()
    service = stage.service()
    stage.run(3)
    task_arn = stage.tasks()[0]["taskArn"]
    for arn in (service["clusterArn"], service["serviceArn"], definition_arn, task_arn):
        stage.ecs("TagResource", resourceArn=arn, tags=[{"key": "k", "value": "v"}])
        assert stage.ecs("ListTagsForResource", resourceArn=arn)["tags"] == [{"key": "k", "value": "v"}]
    for arn in (
        service["serviceArn"] + "x",
        "arn:aws:s3:::bucket",
        service["serviceArn"].replace("service/", "thing/"),
    ):
        assert stage.refusal("ListTagsForResource", resourceArn=arn)[0] == INVALID


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, {}),
        ({"propagateTags": "SERVICE"}, {"from": "service"}),
        ({"propagateTags": "TASK_DEFINITION"}, {"from": "definition"}),
        ({"enableECSManagedTags": True}, {"aws:ecs:clusterName": "demo", "aws:ecs:serviceName": "web"}),
    ],
)
def test_tasks_inherit_tags(change: Json, expected: dict[str, str]) -> None:
    """A service's tasks get the tags that propagateTags and enableECSManagedTags promise."""
    stage = Stage()
    stage.register(tags=[{"key": "from", "value": "definition"}])
    stage.service(tags=[{"key": "from", "value": "service"}], **change)
    stage.run(3)
    arns = stage.ecs("ListTasks", cluster="demo")["taskArns"]
    task = stage.ecs("DescribeTasks", cluster="demo", tasks=arns, include=["TAGS"])["tasks"][0]
    assert {each["key"]: each["value"] for each in task["tags"]} == expected


def test_answers_are_copies() -> None:
    """Nobody can change the world through an answer or a request."""
    stage = Stage()
    stage.register()
    network: Json = {"awsvpcConfiguration": {"subnets": ["subnet-a"]}}
    answer = stage.service(networkConfiguration=network)
    answer["deployments"].clear()
    network["awsvpcConfiguration"]["subnets"].append("subnet-z")
    found = stage.look()
    assert len(found["deployments"]) == 1
    assert found["networkConfiguration"]["awsvpcConfiguration"]["subnets"] == ["subnet-a"]


def test_what_the_lab_cannot_do_is_said() -> None:
    """An operation beyond the lab is refused as not simulated, by name."""
    stage = Stage()
    params: Json = {"task": "t", "command": "sh", "interactive": True}
    assert stage.refusal("ExecuteCommand", **params) == (
        "NotSimulated",
        "teal's lab does not simulate ecs ExecuteCommand",
    )
