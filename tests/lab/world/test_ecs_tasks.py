"""The life of a task: starting, stopping, what is said about it, and what a runtime is asked for."""

from hashlib import sha256

import pytest

from ecs_stage import GROUP, NETWORK, Behaviour, Json, Stage, definition
from teal.lab.world.wires import ContainerExited, Phase, TaskStarted

PAIR = [
    {"name": "web", "image": "web:1", "portMappings": [{"containerPort": 8080}]},
    {"name": "side", "image": "side:1", "essential": False},
]
INVALID = "InvalidParameterException"


def test_a_task_passes_through_its_states() -> None:
    """PROVISIONING for a scaled second, PENDING until the runtime says started, then RUNNING."""
    stage = Stage()
    stage.images["web:1"] = Behaviour(starts_after_s=1)
    stage.register()
    arn = stage.run_task()["taskArn"]
    seen: list[str] = []
    stage.run(3, lambda: seen.append(stage.describe(arn)["lastStatus"]))
    assert list(dict.fromkeys(seen)) == ["PROVISIONING", "PENDING", "RUNNING"]
    assert 9 <= seen.count("PROVISIONING") <= 10


def test_a_job_reports_its_exit_code() -> None:
    """A standalone task that ends by itself says how."""
    stage = Stage()
    stage.images["web:1"] = Behaviour(dies_after_s=0.5, exit_code=7)
    stage.register()
    arn = stage.run_task(startedBy="me")["taskArn"]
    stage.run(4)
    task = stage.describe(arn)
    assert (task["lastStatus"], task["desiredStatus"]) == ("STOPPED", "STOPPED")
    assert task["stopCode"] == "EssentialContainerExited"
    assert task["containers"][0]["exitCode"] == 7
    assert (task["group"], task["startedBy"]) == ("family:web", "me")
    assert stage.clusters.tasks() == ()


def test_a_task_that_cannot_start_says_why() -> None:
    """TaskFailedToStart carries the runtime's reason on task and container, and no exit code."""
    stage = Stage()
    reason = "CannotPullContainerError: pull image manifest has been retried 1 time(s): web:1: not found"
    stage.images["web:1"] = Behaviour(refuses=reason)
    stage.register()
    arn = stage.run_task()["taskArn"]
    stage.run(3)
    task = stage.describe(arn)
    assert (task["stopCode"], task["stoppedReason"]) == ("TaskFailedToStart", reason)
    assert task["containers"][0]["reason"] == reason
    assert "exitCode" not in task["containers"][0]


def test_stop_task_does_not_drain_first() -> None:
    """SIGTERM and deregistration come together, as on AWS; the service then replaces the task."""
    stage = Stage(delay_s=30)
    stage.stand()
    arn = stage.tasks()[0]["taskArn"]
    stage.ecs("StopTask", cluster="demo", task=arn, reason="because")
    assert stage.describe(arn)["lastStatus"] == "STOPPING"
    states = [stage.desk.target_state(GROUP, target, stage.now_s) for _, target in stage.desk.targets]
    assert sorted(str(each) for each in states) == ["draining", "healthy"]
    stage.run(0.2)
    task = stage.describe(arn)
    assert (task["stopCode"], task["stoppedReason"], task["lastStatus"]) == ("UserInitiated", "because", "STOPPED")
    assert task["containers"][0]["exitCode"] == 143
    stage.run(5)
    assert stage.look()["runningCount"] == 2
    again = stage.ecs("StopTask", cluster="demo", task=arn)["task"]
    assert again["stoppedReason"] == "because"
    assert stage.refusal("StopTask", cluster="demo", task="0" * 32) == (INVALID, "The referenced task was not found.")


@pytest.mark.parametrize(("timeout_s", "expected_s"), [(None, 15), (8, 5), (2, 2), (0, 0)])
def test_sigkill_comes_after_the_stop_timeout(timeout_s: int | None, expected_s: float) -> None:
    """A task that ignores SIGTERM gets SIGKILL after its stopTimeout, scaled, yet 5 s if it has them; 30 s is usual."""
    stage = Stage(time_scale=0.5)
    stage.images["web:1"] = Behaviour(obeys=False)
    body = definition()
    if timeout_s is not None:
        body["containerDefinitions"][0]["stopTimeout"] = timeout_s
    stage.ecs("RegisterTaskDefinition", **body)
    arn = stage.run_task()["taskArn"]
    stage.run(2)
    stage.ecs("StopTask", cluster="demo", task=arn)
    stage.run(20)
    (term_s, _, first), (kill_s, _, second) = stage.signals
    assert (first, second) == (Phase.TERMINATE, Phase.KILL)
    assert kill_s - term_s == pytest.approx(expected_s, abs=0.25)
    assert stage.describe(arn)["containers"][0]["exitCode"] == 137


def test_a_silent_runtime_is_not_waited_for_for_ever() -> None:
    """When nobody reports the end of a killed task, it is STOPPED all the same."""
    stage = Stage()
    stage.register()
    arn = stage.run_task()["taskArn"]
    for _ in range(3):
        stage.now_s += 1
        stage.clusters.advance(stage.now_s)
    stage.clusters.observe(TaskStarted(task_id=arn.rpartition("/")[2], dial={}), stage.now_s)
    stage.ecs("StopTask", cluster="demo", task=arn)
    for _ in range(45):
        stage.now_s += 1
        stage.clusters.advance(stage.now_s)
    assert stage.describe(arn)["lastStatus"] == "STOPPED"


def test_a_drain_that_never_ends_is_not_waited_for_for_ever() -> None:
    """When a group never lets go of a target, SIGTERM comes all the same, after the longest delay there is."""
    stage = Stage(time_scale=0.001, delay_s=1e9)
    stage.stand()
    stage.update(desiredCount=1)
    stage.run(60)
    assert stage.signals == []
    stage.run(10)
    assert len(stage.signals) == 1


def test_a_group_that_is_gone_gets_no_targets() -> None:
    """A task whose group was deleted runs, is never healthy, and the service says so."""
    stage = Stage()
    stage.register()
    stage.service(desiredCount=1)
    del stage.desk.groups[GROUP]
    stage.run(4)
    assert stage.look()["runningCount"] == 1
    assert stage.look()["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    assert any("failed to register targets" in sentence for sentence in stage.events())


def test_a_task_stopped_before_its_runtime_heard_of_it() -> None:
    """A task in PROVISIONING stops at once."""
    stage = Stage()
    stage.register()
    arn = stage.run_task()["taskArn"]
    stage.ecs("StopTask", cluster="demo", task=arn)
    assert stage.describe(arn)["lastStatus"] == "STOPPED"
    stage.run(2)
    assert stage.seen == {}


def test_an_essential_container_takes_the_others_along() -> None:
    """When the essential container ends, the task terminates and keeps every exit code."""
    stage = Stage()
    stage.register(containerDefinitions=PAIR)
    arn = stage.run_task()["taskArn"]
    stage.run(3)
    task_id = arn.rpartition("/")[2]
    stage.clusters.observe(ContainerExited(task_id=task_id, container="web", exit_code=3), stage.now_s)
    assert stage.clusters.tasks()[0].phase is Phase.TERMINATE
    stage.run(1)
    found = {each["name"]: each["exitCode"] for each in stage.describe(arn)["containers"]}
    assert found == {"web": 3, "side": 143}


def test_a_container_that_is_not_essential_may_end() -> None:
    """The task goes on without it."""
    stage = Stage()
    stage.register(containerDefinitions=PAIR)
    arn = stage.run_task()["taskArn"]
    stage.run(3)
    task_id = arn.rpartition("/")[2]
    stage.clusters.observe(ContainerExited(task_id=task_id, container="side", exit_code=0), stage.now_s)
    stage.run(1)
    task = stage.describe(arn)
    assert task["lastStatus"] == "RUNNING"
    assert {each["name"]: each["lastStatus"] for each in task["containers"]} == {"web": "RUNNING", "side": "STOPPED"}


@pytest.mark.parametrize(("scale", "kept_s"), [(1.0, 3600), (0.001, 60)])
def test_stopped_tasks_are_remembered_for_a_while(scale: float, kept_s: int) -> None:
    """A stopped task can be described for an hour, scaled, and for a minute at least."""
    stage = Stage(time_scale=scale)
    stage.register()
    arn = stage.run_task()["taskArn"]
    stage.ecs("StopTask", cluster="demo", task=arn)
    stage.now_s += kept_s - 1
    stage.clusters.advance(stage.now_s)
    assert stage.describe(arn)["lastStatus"] == "STOPPED"
    stage.now_s += 2
    stage.clusters.advance(stage.now_s)
    answer = stage.ecs("DescribeTasks", cluster="demo", tasks=[arn])
    assert (answer["tasks"], answer["failures"]) == ([], [{"arn": arn, "reason": "MISSING"}])


def test_addresses_are_unique_and_used_again_late() -> None:
    """Every task has its own address in the lab's network, never 10.x.255.y."""
    stage = Stage()
    stage.register()
    found: list[str] = []
    for _ in range(30):
        tasks = stage.ecs(
            "RunTask",
            cluster="demo",
            taskDefinition="web",
            count=10,
            launchType="FARGATE",
            networkConfiguration=NETWORK,
        )["tasks"]
        for task in tasks:
            found.append(task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"])
            stage.ecs("StopTask", cluster="demo", task=task["taskArn"])
    assert len(set(found)) == 300
    assert all(address.startswith("10.7.") for address in found)
    assert not any(address.split(".")[2] == "255" or address.endswith((".0", ".255")) for address in found)


def test_a_task_shows_its_network_interface() -> None:
    """The attachment names the address that the runtime is told, a subnet of the request, and an interface."""
    stage = Stage()
    stage.register()
    arn = stage.run_task()["taskArn"]
    stage.run(3)
    task = stage.describe(arn)
    details = {each["name"]: each["value"] for each in task["attachments"][0]["details"]}
    assert task["attachments"][0]["type"] == "ElasticNetworkInterface"
    assert details["privateIPv4Address"] == stage.clusters.tasks()[0].address
    assert details["subnetId"] in {"subnet-a", "subnet-b"}
    assert task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"] == details["privateIPv4Address"]


@pytest.mark.parametrize(
    ("image", "digest"),
    [
        ("web@sha256:" + "ab" * 32, "sha256:" + "ab" * 32),
        ("web:1", "sha256:" + sha256(b"web:1").hexdigest()),
    ],
)
def test_the_digest_follows_the_image(image: str, digest: str) -> None:
    """A digest in the reference is kept; otherwise it depends on the name of the image alone."""
    stage = Stage()
    stage.register(image=image)
    arn = stage.run_task()["taskArn"]
    stage.run(3)
    assert stage.describe(arn)["containers"][0]["imageDigest"] == digest


def test_overrides_reach_the_runtime() -> None:
    """Command and environment of an override replace those of the definition; the answer shows them."""
    stage = Stage()
    containers = [
        {
            "name": "web",
            "image": "web:1",
            "entryPoint": ["/bin/run"],
            "command": ["serve"],
            "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
            "portMappings": [{"containerPort": 8080}],
        }
    ]
    stage.register(containerDefinitions=containers)
    override = {"name": "web", "command": ["migrate", "up"], "environment": [{"name": "B", "value": "3"}]}
    task = stage.run_task(overrides={"containerOverrides": [override], "cpu": "512"})
    stage.run(2)
    container = stage.clusters.tasks()[0].containers[0]
    assert (container.entry_point, container.command) == (("/bin/run",), ("migrate", "up"))
    assert container.environment == {"A": "1", "B": "3"}
    assert container.ports == (8080,)
    assert task["overrides"]["containerOverrides"] == [override]
    assert task["cpu"] == "512"


def test_overrides_of_sizes_and_roles_are_shown() -> None:
    """Sizes of task and container, and roles, are those of the override; managed tags name the cluster."""
    stage = Stage()
    stage.register()
    role = "arn:aws:iam::000000000000:role/other"
    sizes = {"name": "web", "cpu": 64, "memory": 300, "memoryReservation": 200}
    roles = {"taskRoleArn": role, "executionRoleArn": role}
    overrides = {"containerOverrides": [sizes], "cpu": "512", "memory": "1024", **roles}
    arn = stage.run_task(overrides=overrides, enableECSManagedTags=True)["taskArn"]
    task = stage.ecs("DescribeTasks", cluster="demo", tasks=[arn], include=["TAGS"])["tasks"][0]
    assert (task["cpu"], task["memory"]) == ("512", "1024")
    assert {key: task["overrides"][key] for key in roles} == roles
    (container,) = task["containers"]
    assert (container["cpu"], container["memory"], container["memoryReservation"]) == ("64", "300", "200")
    assert task["tags"] == [{"key": "aws:ecs:clusterName", "value": "demo"}]


RUN_REFUSED: list[tuple[str, Json, str]] = [
    ("count", {"count": 11}, "Count must be between 1 and 10."),
    ("definition", {"taskDefinition": "nope"}, "TaskDefinition not found."),
    ("network", {"networkConfiguration": {}}, "Network Configuration must be provided"),
    ("group", {"group": "service:web"}, "Invalid namespace for group."),
    (
        "override",
        {"overrides": {"containerOverrides": [{"name": "api"}]}},
        "Override for container named api is not a container in the TaskDefinition.",
    ),
]


@pytest.mark.parametrize(("name", "change", "sentence"), RUN_REFUSED, ids=[each[0] for each in RUN_REFUSED])
def test_what_run_task_refuses(name: str, change: Json, sentence: str) -> None:
    """A task that ECS would not run is refused, and none is started."""
    stage = Stage()
    stage.register()
    params: Json = {
        "cluster": "demo",
        "taskDefinition": "web",
        "launchType": "FARGATE",
        "networkConfiguration": NETWORK,
    }
    code, message = stage.refusal("RunTask", **(params | change))
    assert code == INVALID
    assert sentence in message
    assert stage.ecs("ListTasks", cluster="demo")["taskArns"] == []


def test_tasks_are_listed_by_what_is_asked() -> None:
    """ListTasks filters by service, family, starter and desired status; PENDING finds nothing."""
    stage = Stage()
    stage.stand()
    stage.register("job")
    job = stage.run_task(taskDefinition="job", startedBy="me")["taskArn"]

    def listed(**query: object) -> list[str]:
        found: list[str] = stage.ecs("ListTasks", cluster="demo", **query)["taskArns"]
        return found

    assert len(listed()) == 3
    assert len(listed(serviceName="web")) == 2
    assert listed(family="job") == [job]
    assert listed(startedBy="me") == [job]
    assert listed(desiredStatus="PENDING") == []
    stage.ecs("StopTask", cluster="demo", task=job)
    assert listed(desiredStatus="STOPPED") == [job]
    assert len(listed(maxResults=1)) == 1


def test_metadata_tells_a_task_who_it_is() -> None:
    """The /task document names cluster, task, family, revision, service and addresses."""
    stage = Stage()
    stage.stand()
    task = stage.tasks()[0]
    found = stage.clusters.task_metadata(task["taskArn"].rpartition("/")[2])
    assert found is not None
    assert found["Cluster"] == "arn:aws:ecs:eu-west-1:000000000000:cluster/demo"
    assert found["TaskARN"] == task["taskArn"]
    assert (found["Family"], found["Revision"], found["ServiceName"]) == ("web", "1", "web")
    assert (found["DesiredStatus"], found["KnownStatus"]) == ("RUNNING", "RUNNING")
    address = task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"]
    assert found["Containers"][0]["Networks"] == [{"NetworkMode": "awsvpc", "IPv4Addresses": [address]}]
    assert stage.clusters.task_metadata("nobody") is None


def test_the_same_seed_tells_the_same_story() -> None:
    """Two worlds with the same seed and the same inputs are equal, event by event."""
    stories: list[list[str]] = []
    for _ in range(2):
        stage = Stage()
        stage.stand()
        stories.append([f"{each.at_s:.1f} {each.source} {each.subject} {each.message}" for each in stage.ground.events])
    assert stories[0] == stories[1]
    assert {line.split()[1] for line in stories[0]} == {"ecs", "task"}
