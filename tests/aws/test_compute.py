"""The questions and writes to ECS, over canned answers of AWS."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from aws.canned import ECS, GROUP_A, Canned
from teal.aws.compute import EcsCompute
from teal.errors import NotFoundError, RefusedError, UnknownAnswerError

Json = dict[str, Any]
AT = datetime.fromtimestamp(1_790_000_000, UTC)


def _service(name: str, **parts: object) -> Json:
    told: Json = {
        "serviceArn": f"{ECS}:service/prod/{name}",
        "serviceName": name,
        "status": "ACTIVE",
        "desiredCount": 2,
        "runningCount": 2,
        "pendingCount": 0,
        "taskDefinition": f"{ECS}:task-definition/web:41",
        "loadBalancers": [{"targetGroupArn": GROUP_A, "containerName": "web", "containerPort": 8080}],
        "deploymentConfiguration": {
            "maximumPercent": 200,
            "minimumHealthyPercent": 50,
            "deploymentCircuitBreaker": {"enable": True, "rollback": True},
        },
        "deployments": [
            {
                "id": "ecs-svc/1",
                "status": "PRIMARY",
                "taskDefinition": f"{ECS}:task-definition/web:41",
                "desiredCount": 2,
                "runningCount": 2,
                "pendingCount": 0,
                "failedTasks": 0,
                "rolloutState": "COMPLETED",
                "createdAt": AT,
            }
        ],
        "events": [{"id": "1", "createdAt": AT, "message": "(service web) has reached\x1b a steady state."}],
        "tags": [{"key": "teal:deployment", "value": "d1.41.served"}],
    }
    return {**told, **parts}


def _missing(name: str) -> Json:
    return {"arn": f"{ECS}:service/prod/{name}", "reason": "MISSING"}


def _services(**there: Json) -> Canned:
    def answer(params: Json) -> Json:
        wanted = params["services"]
        return {
            "services": [there[name] for name in wanted if name in there],
            "failures": [_missing(name) for name in wanted if name not in there],
        }

    return Canned({"ecs:DescribeServices": answer})


def test_service_is_read() -> None:
    """A service with its deployment, groups, circuit breaker, events and tags."""
    web = EcsCompute(_services(web=_service("web"))).services("prod", ["web"])["web"]
    assert (web.desired, web.running, web.pending, web.status) == (2, 2, 0, "ACTIVE")
    assert (web.minimum_healthy_percent, web.maximum_percent) == (50, 200)
    assert (web.breaker_enabled, web.breaker_rolls_back) == (True, True)
    assert web.target_group_arns == (GROUP_A,)
    assert web.events == ((1_790_000_000.0, "(service web) has reached a steady state."),)
    assert web.tags == {"teal:deployment": "d1.41.served"}
    assert web.unsupported == ()
    (deployment,) = web.deployments
    assert (deployment.rollout_state, deployment.created_at_s, deployment.failed) == ("COMPLETED", 1_790_000_000.0, 0)


def test_services_ask_for_tags_in_tens() -> None:
    """Ten services a call, tags included, each name once."""
    names = [f"s{i}" for i in range(23)]
    canned = _services(**{name: _service(name) for name in names})
    assert list(EcsCompute(canned).services("prod", [*names, "s0"])) == names
    requests = canned.sent("ecs:DescribeServices")
    assert [len(params["services"]) for params in requests] == [10, 10, 3]
    assert all(params["include"] == ["TAGS"] and params["cluster"] == "prod" for params in requests)


def test_absent_services() -> None:
    """Missing and INACTIVE services are absent; a DRAINING one is there."""
    canned = _services(old=_service("old", status="INACTIVE"), last=_service("last", status="DRAINING"))
    assert set(EcsCompute(canned).services("prod", ["gone", "old", "last"])) == {"last"}


def test_no_cluster_no_services() -> None:
    """Where there is no cluster there are no services and no tasks."""
    error = NotFoundError("Cluster not found.", code="ClusterNotFoundException", operation="ecs:DescribeServices")
    compute = EcsCompute(Canned({"ecs:DescribeServices": error, "ecs:ListTasks": error}))
    assert compute.services("prod", ["web"]) == {}
    assert compute.tasks("prod", "web") == ()


def test_no_service_no_tasks() -> None:
    """Where there is no service there are no tasks; any other absence is told."""
    gone, odd = (
        NotFoundError("x", code=code, operation="ecs:ListTasks")
        for code in ("ServiceNotFoundException", "ResourceNotFoundException")
    )
    assert EcsCompute(Canned({"ecs:ListTasks": gone})).tasks("prod", "web") == ()
    compute = EcsCompute(Canned({"ecs:ListTasks": odd, "ecs:DescribeServices": odd}))
    with pytest.raises(NotFoundError):
        compute.tasks("prod", "web")
    with pytest.raises(NotFoundError):
        compute.services("prod", ["web"])


SERVICE_ANSWERS: dict[str, Json] = {
    "garbled": {},
    "silent about one": {"services": [], "failures": []},
    "another failure": {"services": [], "failures": [{"arn": "x/web", "reason": "ACCESS"}]},
    "failure without reason": {"services": [], "failures": [{"arn": "x/web"}]},
    "no counts": {"services": [{**_service("web"), "desiredCount": None}]},
    "no deployments": {"services": [{**_service("web"), "deployments": None}]},
    "no task definition": {"services": [{**_service("web"), "taskDefinition": None}]},
}


@pytest.mark.parametrize("answer", SERVICE_ANSWERS.values(), ids=SERVICE_ANSWERS)
def test_incomplete_answers_about_services_are_unknown(answer: Json) -> None:
    """An answer that does not account for what was asked is unknown, never "there is no such service"."""
    with pytest.raises(UnknownAnswerError, match="ecs:DescribeServices"):
        EcsCompute(Canned({"ecs:DescribeServices": answer})).services("prod", ["web"])


UNSUPPORTED: dict[str, tuple[Json, str]] = {
    "service discovery": ({"serviceRegistries": [{"registryArn": "arn:x"}]}, "serviceRegistries"),
    "blue/green by ECS": (
        {"deploymentConfiguration": {"strategy": "BLUE_GREEN"}},
        "deploymentConfiguration.strategy",
    ),
    "CodeDeploy": ({"deploymentController": {"type": "CODE_DEPLOY"}, "deployments": []}, "deploymentController"),
    "Service Connect": (
        {"deployments": [{**_service("web")["deployments"][0], "serviceConnectConfiguration": {"enabled": True}}]},
        "serviceConnectConfiguration",
    ),
    "VPC Lattice": (
        {"deployments": [{**_service("web")["deployments"][0], "vpcLatticeConfigurations": [{"portName": "x"}]}]},
        "vpcLatticeConfigurations",
    ),
}


@pytest.mark.parametrize(("parts", "name"), UNSUPPORTED.values(), ids=UNSUPPORTED)
def test_unsupported_settings_are_named(parts: Json, name: str) -> None:
    """What a twin must not copy is named as AWS spells it."""
    web = EcsCompute(_services(web=_service("web", **parts))).services("prod", ["web"])["web"]
    assert web.unsupported == (name,)


def test_classic_load_balancers_have_no_group() -> None:
    """A load balancer without a target group is left out."""
    classic = [{"loadBalancerName": "old", "containerName": "web", "containerPort": 1}]
    web = EcsCompute(_services(web=_service("web", loadBalancers=classic))).services("prod", ["web"])["web"]
    assert web.target_group_arns == ()


CLUSTERS: dict[str, tuple[Json, bool]] = {
    "active": ({"clusters": [{"status": "ACTIVE"}], "failures": []}, True),
    "inactive": ({"clusters": [{"status": "INACTIVE"}], "failures": []}, False),
    "missing": ({"clusters": [], "failures": [{"arn": "arn:x", "reason": "MISSING"}]}, False),
}


@pytest.mark.parametrize(("answer", "found"), CLUSTERS.values(), ids=CLUSTERS)
def test_cluster(answer: Json, found: bool) -> None:  # noqa: FBT001 - the row of a table
    """A cluster is found when it is ACTIVE."""
    assert EcsCompute(Canned({"ecs:DescribeClusters": answer})).cluster_found("prod") is found


@pytest.mark.parametrize("answer", [{}, {"clusters": []}, {"clusters": [], "failures": [{"arn": "x"}]}])
def test_unknown_cluster(answer: Json) -> None:
    """An answer that neither finds nor misses the cluster is unknown."""
    with pytest.raises(UnknownAnswerError):
        EcsCompute(Canned({"ecs:DescribeClusters": answer})).cluster_found("prod")


def _task(number: int, **parts: object) -> Json:
    told: Json = {
        "taskArn": f"{ECS}:task/prod/{number:032x}",
        "taskDefinitionArn": f"{ECS}:task-definition/web:41",
        "lastStatus": "RUNNING",
        "desiredStatus": "RUNNING",
        "createdAt": AT.timestamp() + number,
        "attachments": [
            {
                "type": "ElasticNetworkInterface",
                "details": [
                    {"name": "subnetId", "value": "subnet-1"},
                    {"name": "privateIPv4Address", "value": f"10.0.0.{number % 250}"},
                ],
            }
        ],
        "containers": [{"name": "web", "lastStatus": "RUNNING", "image": "shop:1", "imageDigest": "sha256:ab"}],
    }
    return {**told, **parts}


def _tasks(running: list[Json], stopped: list[Json]) -> Canned:
    by_arn = {task["taskArn"]: task for task in (*running, *stopped)}

    def list_tasks(params: Json) -> Json:
        all_arns = [task["taskArn"] for task in (running if params["desiredStatus"] == "RUNNING" else stopped)]
        start = int(params.get("nextToken", "0"))
        more: Json = {"nextToken": str(start + 100)} if len(all_arns) > start + 100 else {}
        return {"taskArns": all_arns[start : start + 100], **more}

    def describe(params: Json) -> Json:
        return {"tasks": [by_arn[arn] for arn in params["tasks"]], "failures": []}

    return Canned({"ecs:ListTasks": list_tasks, "ecs:DescribeTasks": describe})


def test_tasks_newest_first() -> None:
    """Running and stopped tasks, newest first, with address, digest and reasons."""
    stopped = _task(
        3,
        lastStatus="STOPPED",
        desiredStatus="STOPPED",
        stopCode="EssentialContainerExited",
        stoppedReason="Essential container in task exited",
        stoppedAt=AT,
        containers=[{"name": "web", "lastStatus": "STOPPED", "exitCode": 137, "reason": "OutOfMemory\x1b"}],
    )
    found = EcsCompute(_tasks([_task(1), _task(2)], [stopped])).tasks("prod", "web")
    assert [task.created_at_s - AT.timestamp() for task in found] == [3, 2, 1]
    assert (found[1].address, found[1].containers[0].image_digest) == ("10.0.0.2", "sha256:ab")
    assert (found[0].stop_code, found[0].stopped_at_s) == ("EssentialContainerExited", 1_790_000_000.0)
    assert (found[0].containers[0].exit_code, found[0].containers[0].reason) == (137, "OutOfMemory")


def test_tasks_are_bounded() -> None:
    """At most two hundred tasks, in hundreds, running ones before stopped ones."""
    canned = _tasks([_task(i) for i in range(150)], [_task(1000 + i) for i in range(150)])
    found = EcsCompute(canned).tasks("prod", "web")
    assert len(found) == 200
    assert sum(task.created_at_s - AT.timestamp() < 1000 for task in found) == 150
    assert [len(params["tasks"]) for params in canned.sent("ecs:DescribeTasks")] == [100, 100]


def test_no_tasks() -> None:
    """Without tasks, DescribeTasks is not asked."""
    canned = _tasks([], [])
    assert EcsCompute(canned).tasks("prod", "web") == ()
    assert canned.sent("ecs:DescribeTasks") == []


def test_tasks_that_vanish_between_two_calls() -> None:
    """A task that was listed and is missing a moment later is left out."""
    arn = _task(1)["taskArn"]
    answers: dict[str, Any] = {
        "ecs:ListTasks": {"taskArns": [arn]},
        "ecs:DescribeTasks": {"tasks": [], "failures": [{"arn": arn, "reason": "MISSING"}]},
    }
    assert EcsCompute(Canned(answers)).tasks("prod", "web") == ()


ADDRESSES: dict[str, tuple[Json, str]] = {
    "none yet": ({"attachments": [], "containers": []}, ""),
    "interface of a container": (
        {
            "attachments": None,
            "containers": [{"name": "w", "networkInterfaces": [{"privateIpv4Address": "10.9.9.9"}]}],
        },
        "10.9.9.9",
    ),
    "interface without address": ({"attachments": [{"details": [{"name": "subnetId"}]}], "containers": None}, ""),
}


@pytest.mark.parametrize(("parts", "address"), ADDRESSES.values(), ids=ADDRESSES)
def test_task_address(parts: Json, address: str) -> None:
    """The address is that of the network interface, wherever AWS tells it."""
    (task,) = EcsCompute(_tasks([_task(1, **parts)], [])).tasks("prod", "web")
    assert task.address == address


DEFINITION: Json = {
    "taskDefinition": {
        "taskDefinitionArn": f"{ECS}:task-definition/web:41",
        "family": "web",
        "revision": 41,
        "containerDefinitions": [{"name": "web", "command": ["sh", "-c", "set -e\nexec app"]}],
        "registeredAt": AT,
    },
    "tags": [{"key": "teal:verdict", "value": "back"}],
}


def test_definition_body_is_kept_to_the_letter() -> None:
    """Line breaks in a command survive, instants are numbers, tags are apart."""
    found = EcsCompute(Canned({"ecs:DescribeTaskDefinition": DEFINITION})).definition("web:41")
    assert found is not None
    assert found.body["containerDefinitions"][0]["command"][2] == "set -e\nexec app"
    assert found.body["registeredAt"] == 1_790_000_000.0
    assert (found.family, found.revision, found.tags) == ("web", 41, {"teal:verdict": "back"})


def test_definition_that_is_not_there() -> None:
    """AWS blames the client for a revision that does not exist; that is None, any other blame is not."""
    gone, other = (
        RefusedError(text, code="ClientException", operation="ecs:DescribeTaskDefinition")
        for text in ("Unable to describe task definition.", "Something else.")
    )
    assert EcsCompute(Canned({"ecs:DescribeTaskDefinition": gone})).definition("web:9") is None
    with pytest.raises(RefusedError):
        EcsCompute(Canned({"ecs:DescribeTaskDefinition": other})).definition("web:9")


def test_latest_definitions() -> None:
    """The newest revisions of this very family, newest first, no more than asked for."""
    arns = [f"{ECS}:task-definition/{name}" for name in ("web:43", "web-b:9", "web:42", "web:41")]

    def describe(params: Json) -> Json:
        arn = params["taskDefinition"]
        return {"taskDefinition": {**DEFINITION["taskDefinition"], "revision": int(arn.rpartition(":")[2])}}

    canned = Canned({"ecs:ListTaskDefinitions": {"taskDefinitionArns": arns}, "ecs:DescribeTaskDefinition": describe})
    assert [d.revision for d in EcsCompute(canned).latest_definitions("web", 2)] == [43, 42]
    (request,) = canned.sent("ecs:ListTaskDefinitions")
    assert (request["status"], request["sort"], request["maxResults"]) == ("ACTIVE", "DESC", 2)


def test_register_merges_tags() -> None:
    """The body's own tags are kept, teal's win, and an answer without tags does not lose them."""
    canned = Canned({"ecs:RegisterTaskDefinition": {"taskDefinition": DEFINITION["taskDefinition"]}})
    body = {"family": "web", "containerDefinitions": [], "tags": [{"key": "team", "value": "x"}]}
    made = EcsCompute(canned).register(body, {"teal:app": "shop"})
    (sent,) = canned.sent("ecs:RegisterTaskDefinition")
    assert sent["tags"] == [{"key": "team", "value": "x"}, {"key": "teal:app", "value": "shop"}]
    assert (made.revision, made.tags) == (41, {"team": "x", "teal:app": "shop"})


def test_register_without_tags() -> None:
    """An empty list of tags is not sent."""
    canned = Canned({"ecs:RegisterTaskDefinition": DEFINITION})
    EcsCompute(canned).register({"family": "web", "containerDefinitions": []}, {})
    assert canned.sent("ecs:RegisterTaskDefinition") == [{"family": "web", "containerDefinitions": []}]


def test_writes_to_services() -> None:
    """Creation sends the body as it is, an update only what changes and where."""
    canned = Canned({
        "ecs:CreateService": {"service": {}},
        "ecs:UpdateService": {"service": {}},
        "ecs:TagResource": {},
    })  # fmt: skip
    compute = EcsCompute(canned)
    compute.create_service({"serviceName": "web", "cluster": "prod"})
    compute.update_service("prod", "web", {"desiredCount": 3})
    compute.tag("arn:x", {"k": "v"})
    assert canned.asked == [
        ("ecs:CreateService", {"serviceName": "web", "cluster": "prod"}),
        ("ecs:UpdateService", {"cluster": "prod", "service": "web", "desiredCount": 3}),
        ("ecs:TagResource", {"resourceArn": "arn:x", "tags": [{"key": "k", "value": "v"}]}),
    ]


WRITES: dict[str, Callable[[EcsCompute], None]] = {
    "CreateService": lambda compute: compute.create_service({"serviceName": "web"}),
    "UpdateService": lambda compute: compute.update_service("prod", "web", {}),
}


@pytest.mark.parametrize(("operation", "write"), WRITES.items(), ids=WRITES)
def test_unconfirmed_writes_are_unknown(operation: str, write: Callable[[EcsCompute], None]) -> None:
    """A write whose answer says nothing has not been confirmed."""
    with pytest.raises(UnknownAnswerError, match=operation):
        write(EcsCompute(Canned({f"ecs:{operation}": {}})))
