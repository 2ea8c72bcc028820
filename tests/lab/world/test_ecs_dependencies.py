"""Containers that depend on others: who starts when, what can never start, who ends first."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecs_stage import Json, Stage, definition
from teal.lab.world.wires import ContainerExited, ContainerProbed, ContainerStarted, Phase, TaskStarted

WEB: Json = {"name": "web", "image": "web:1", "portMappings": [{"containerPort": 8080}]}
CHECK: Json = {"command": ["CMD", "true"], "interval": 5, "retries": 1, "startPeriod": 0}


def depends(on: str = "side", condition: str = "START") -> Json:
    """Return a container `web` that depends on another."""
    return WEB | {"dependsOn": [{"containerName": on, "condition": condition}]}


def side(**extra: object) -> Json:
    """Return a container `side` that is not essential, unless told otherwise."""
    return {"name": "side", "image": "side:1", "essential": False, **extra}


def pair(condition: str, **extra: object) -> tuple[Stage, str]:
    """Return a stage with a task whose `web` depends on `side`, and the task's ARN; `side` runs, `web` is held."""
    stage = Stage()
    stage.register(containerDefinitions=[depends("side", condition), side(**extra)])
    arn = str(stage.run_task()["taskArn"])
    stage.run(2)
    return stage, arn


def states(stage: Stage, arn: str) -> dict[str, str]:
    """Return the state of the task and of its containers."""
    task = stage.describe(arn)
    return {"task": task["lastStatus"]} | {each["name"]: each["lastStatus"] for each in task["containers"]}


HELD = {"task": "PENDING", "web": "PENDING", "side": "RUNNING"}


def test_start_waits_for_the_start_alone() -> None:
    """With START the dependency runs first, then the other one, and the task is RUNNING when both do."""
    stage = Stage()
    stage.register(containerDefinitions=[depends(), side()])
    arn = stage.run_task()["taskArn"]
    seen: list[dict[str, str]] = []
    stage.run(3, lambda: seen.append(states(stage, arn)))
    order = [tuple(each.values()) for each in seen]
    assert list(dict.fromkeys(order))[-2:] == [("PENDING", "PENDING", "RUNNING"), ("RUNNING", "RUNNING", "RUNNING")]


@pytest.mark.parametrize(("condition", "code"), [("COMPLETE", 3), ("COMPLETE", 0), ("SUCCESS", 0)])
def test_what_waits_for_an_end_starts_after_it(condition: str, code: int) -> None:
    """COMPLETE is met by any end, SUCCESS by exit code 0; the task is RUNNING with one container of the past."""
    stage, arn = pair(condition)
    assert states(stage, arn) == HELD
    stage.end(arn, "side", code)
    stage.run(0.5)
    assert states(stage, arn) == {"task": "RUNNING", "web": "RUNNING", "side": "STOPPED"}
    assert stage.describe(arn)["containers"][1]["exitCode"] == code


def test_a_success_that_fails_stops_the_task() -> None:
    """The container that waited never starts: exit code 143 and the agent's reason; the task says TaskFailedToStart."""
    stage, arn = pair("SUCCESS")
    stage.end(arn, "side", 3)
    stage.run(1)
    task = stage.describe(arn)
    assert (task["stopCode"], task["stoppedReason"]) == ("TaskFailedToStart", "Task failed to start")
    web, other = task["containers"]
    assert (web["exitCode"], other["exitCode"]) == (143, 3)
    assert task["lastStatus"] == "STOPPED"
    assert web["reason"] == (
        "CannotStartContainerError: dependency graph: failed to resolve container ordering dependency "
        "[side(side:1) (STOPPED->RUNNING) - Exit: 3] for target [web(web:1) (NONE->RUNNING)] "
        "as dependency did not exit successfully."
    )
    assert "startedAt" not in task


def test_healthy_waits_for_the_health_check() -> None:
    """HEALTHY holds the other container until a probe passes."""
    stage, arn = pair("HEALTHY", healthCheck=CHECK)
    stage.run(4)
    assert states(stage, arn) == HELD
    stage.run(2)
    assert set(states(stage, arn).values()) == {"RUNNING"}


@pytest.mark.parametrize(
    ("condition", "extra"), [("HEALTHY", {"healthCheck": CHECK | {"startPeriod": 300}}), ("COMPLETE", {})]
)
def test_a_start_timeout_ends_the_wait(condition: str, extra: Json) -> None:
    """A dependency that does not get there within its startTimeout stops the task."""
    stage = Stage()
    stage.sick_inside.add("side:1")
    stage.register(containerDefinitions=[depends("side", condition), side(startTimeout=10, **extra)])
    arn = str(stage.run_task()["taskArn"])
    stage.run(11)
    assert states(stage, arn) == HELD
    stage.run(1.5)
    task = stage.describe(arn)
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["containers"][0]["reason"].endswith("has timed out.")
    assert (task["lastStatus"], task["containers"][1]["exitCode"]) == ("STOPPED", 143)


def test_the_health_of_what_has_ended_is_not_waited_for() -> None:
    """A container whose dependency ended before it was healthy never starts."""
    stage, arn = pair("HEALTHY", healthCheck=CHECK)
    stage.end(arn, "side", 0)
    stage.run(0.5)
    assert stage.describe(arn)["stopCode"] == "TaskFailedToStart"


def test_one_that_never_starts_takes_those_along_that_wait_for_it() -> None:
    """Of a chain all are stopped; the task goes on when none of them is essential."""
    stage = Stage()
    chain = [
        WEB,
        side(),
        {
            "name": "b",
            "image": "b:1",
            "essential": False,
            "dependsOn": [{"containerName": "side", "condition": "SUCCESS"}],
        },
        {
            "name": "c",
            "image": "c:1",
            "essential": False,
            "dependsOn": [{"containerName": "b", "condition": "START"}],
        },
    ]
    stage.register(containerDefinitions=chain)
    arn = stage.run_task()["taskArn"]
    stage.run(2)
    stage.end(arn, "side", 1)
    stage.run(0.5)
    task = stage.describe(arn)
    assert task["lastStatus"] == "RUNNING"
    assert [each.get("exitCode") for each in task["containers"]] == [None, 1, 143, 143]
    assert task["containers"][3]["reason"].endswith("because dependency will never start")
    assert stage.clusters.tasks()[0].held == {"b", "c"}


def test_the_end_is_the_start_in_reverse() -> None:
    """SIGTERM reaches a container when all that depend on it have ended; each has its own stopTimeout."""
    stage = Stage()
    stage.register(containerDefinitions=[depends() | {"stopTimeout": 20}, side(stopTimeout=10)])
    arn = stage.run_task()["taskArn"]
    task_id = arn.rpartition("/")[2]
    for _ in range(3):
        stage.now_s += 1
        stage.clusters.advance(stage.now_s)
    assert stage.clusters.tasks()[0].held == {"web"}
    stage.clusters.observe(TaskStarted(task_id=task_id, dial={}), stage.now_s)
    assert stage.clusters.tasks()[0].held == frozenset()
    stage.clusters.observe(ContainerStarted(task_id=task_id, container="web"), stage.now_s)
    stage.clusters.observe(ContainerStarted(task_id=task_id, container="web"), stage.now_s)
    stage.ecs("StopTask", cluster="demo", task=arn)

    def told() -> tuple[Phase, set[str]]:
        (wanted,) = stage.clusters.tasks()
        return wanted.phase, set(wanted.held)

    assert told() == (Phase.TERMINATE, {"side"})
    stage.now_s += 19
    stage.clusters.advance(stage.now_s)
    assert told() == (Phase.TERMINATE, {"side"})
    stage.now_s += 2
    stage.clusters.advance(stage.now_s)
    assert told() == (Phase.KILL, {"side"})
    stage.end(arn, "web", 137)
    assert told() == (Phase.TERMINATE, set())
    stage.now_s += 9
    stage.clusters.advance(stage.now_s)
    assert told() == (Phase.TERMINATE, set())
    stage.end(arn, "side", 143)
    assert stage.describe(arn)["lastStatus"] == "STOPPED"


def test_a_task_that_is_stopped_while_containers_wait() -> None:
    """What waited never starts and has no exit code; what runs gets SIGTERM."""
    stage, arn = pair("COMPLETE")
    stage.ecs("StopTask", cluster="demo", task=arn)
    stage.run(0.3)
    task = stage.describe(arn)
    assert (task["lastStatus"], task["stopCode"]) == ("STOPPED", "UserInitiated")
    assert [each.get("exitCode") for each in task["containers"]] == [None, 143]


def test_an_essential_container_ends_while_another_one_waits() -> None:
    """The task is over at once: what waited has nothing to be stopped."""
    stage = Stage()
    stage.register(
        containerDefinitions=[
            depends("side", "HEALTHY") | {"essential": False},
            side(essential=True, healthCheck=CHECK),
        ]
    )
    arn = str(stage.run_task()["taskArn"])
    stage.run(2)
    assert states(stage, arn) == HELD
    stage.end(arn, "side", 2)
    task = stage.describe(arn)
    assert (task["lastStatus"], task["stopCode"]) == ("STOPPED", "EssentialContainerExited")
    assert [each.get("exitCode") for each in task["containers"]] == [None, 2]


def test_late_news_changes_nothing() -> None:
    """What a runtime reports of containers that are over or unknown is passed over."""
    stage, arn = pair("COMPLETE")
    task_id = arn.rpartition("/")[2]
    before = states(stage, arn)
    stage.clusters.observe(ContainerProbed(task_id=task_id, container="web", passed=True), stage.now_s)
    stage.clusters.observe(ContainerStarted(task_id="nobody", container="web"), stage.now_s)
    stage.clusters.observe(ContainerExited(task_id=task_id, container="nobody", exit_code=1), stage.now_s)
    assert states(stage, arn) == before
    stage.ecs("StopTask", cluster="demo", task=arn)
    stage.clusters.observe(ContainerStarted(task_id=task_id, container="web"), stage.now_s)
    assert states(stage, arn)["task"] == "STOPPING"


NAMES = ("web", "a", "b", "c")
ENDS = st.tuples(st.sampled_from(NAMES), st.sampled_from([0, 1]))


@settings(max_examples=40, deadline=None)
@given(
    conditions=st.lists(st.sampled_from(["START", "COMPLETE", "SUCCESS", "HEALTHY"]), min_size=3, max_size=3),
    forks=st.booleans(),
    ends=st.lists(ENDS, max_size=4),
    sick=st.booleans(),
)
def test_whatever_depends_on_what_every_task_ends(
    conditions: list[str], ends: list[tuple[str, int]], *, forks: bool, sick: bool
) -> None:
    """None runs before what it depends on has started, none gets SIGTERM before those that depend on it have ended."""
    stage = Stage()
    stage.sick_inside |= {"b:1"} if sick else set()
    needs = {"web": "a", "b": "a", "a": "c"} if forks else {"web": "a", "a": "b", "b": "c"}
    containers = [
        {"name": name, "image": f"{name}:1", "essential": name == "web", "healthCheck": CHECK}
        | ({"dependsOn": [{"containerName": needs[name], "condition": condition}]} if name in needs else {})
        for name, condition in zip(NAMES, [*conditions, "START"], strict=True)
    ]
    stage.register(containerDefinitions=containers)
    arn = str(stage.run_task()["taskArn"])

    def look() -> None:
        task = stage.describe(arn)
        found = {each["name"]: each["lastStatus"] for each in task["containers"]}
        started = {each["name"] for each in task["containers"] if "runtimeId" in each}
        assert all(needs[name] in started for name in started & needs.keys())
        for wanted in stage.clusters.tasks():
            if wanted.phase is not Phase.RUN:
                signalled = {each.name for each in wanted.containers} - wanted.held
                assert all(found[name] == "STOPPED" for name, need in needs.items() if need in signalled)

    for name, code in ends:
        stage.run(4, look)
        if name in {each["name"] for each in stage.describe(arn)["containers"] if each["lastStatus"] == "RUNNING"}:
            stage.end(arn, name, code)
    stage.run(2, look)
    stage.ecs("StopTask", cluster="demo", task=arn)
    stage.run(3, look)
    assert stage.describe(arn)["lastStatus"] == "STOPPED"


REFUSED: list[tuple[str, list[Json], str]] = [
    ("nobody", [depends("nobody")], "Cannot depend on container + 'nobody' because it does not exist"),
    (
        "essential",
        [depends("side", "SUCCESS"), side(essential=True)],
        "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container",
    ),
    (
        "no check",
        [depends("side", "HEALTHY"), side()],
        "A dependency container with HEALTHY condition must have health check configured",
    ),
    (
        "circle",
        [depends(), side(dependsOn=[{"containerName": "web", "condition": "START"}])],
        "depend on each other in a circle: web, side.",
    ),
    ("itself", [depends("web")], "in a circle: web."),
    ("timeout", [WEB, side(startTimeout=121)], "'startTimeout' is between 2 and 120"),
    ("condition", [depends("side", "READY"), side()], "Invalid container dependency condition."),
]


@pytest.mark.parametrize(("name", "containers", "sentence"), REFUSED, ids=[each[0] for each in REFUSED])
def test_what_registration_refuses(name: str, containers: list[Json], sentence: str) -> None:
    """Dependencies that cannot be are refused, and no revision is made."""
    stage = Stage()
    code, message = stage.refusal("RegisterTaskDefinition", **(definition() | {"containerDefinitions": containers}))
    assert (code, sentence in message) == ("ClientException", True), name
    assert stage.ecs("ListTaskDefinitions")["taskDefinitionArns"] == []
