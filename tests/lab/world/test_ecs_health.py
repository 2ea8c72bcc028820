"""Container health checks: what is asked, how answers are counted, and what a service does about it."""

import pytest

from ecs_stage import Json, Stage, definition, is_stable, rules

WEB: Json = {"name": "web", "image": "web:1", "portMappings": [{"containerPort": 8080}]}


def check(**extra: object) -> Json:
    """Return a health check that probes every 5 s."""
    return {"command": ["CMD-SHELL", "curl -f localhost || exit 1"], "interval": 5, "retries": 2, **extra}


def checked(name: str = "web", /, **extra: object) -> Json:
    """Return a container with a health check."""
    return WEB | {"name": name, "image": f"{name}:1", "healthCheck": check(**extra)}


def lone(*containers: Json, time_scale: float = 1.0) -> tuple[Stage, str]:
    """Return a stage with a task of its own, and the task's ARN."""
    stage = Stage(time_scale=time_scale)
    stage.register(containerDefinitions=list(containers))
    return stage, str(stage.run_task()["taskArn"])


def health(stage: Stage, arn: str) -> list[str]:
    """Return the health of the task, and of its containers."""
    task = stage.describe(arn)
    return [task["healthStatus"], *(each["healthStatus"] for each in task["containers"])]


PROBES: list[tuple[str, float, Json, tuple[tuple[str, ...], float, float] | None]] = [
    ("shell", 1.0, {"command": ["CMD-SHELL", "a || b"]}, (("/bin/sh", "-c", "a || b"), 30, 5)),
    ("program", 1.0, {"command": ["CMD", "a", "b"], "interval": 9, "timeout": 7}, (("a", "b"), 9, 7)),
    ("scaled", 0.1, {"command": ["CMD", "a"], "timeout": 40}, (("a",), 3, 4)),
    ("floors", 0.001, {"command": ["CMD", "a"]}, (("a",), 1, 2)),
    ("none", 1.0, {}, None),
]


@pytest.mark.parametrize(("name", "scale", "given", "expected"), PROBES, ids=[each[0] for each in PROBES])
def test_what_a_runtime_is_asked_for(
    name: str, scale: float, given: Json, expected: tuple[tuple[str, ...], float, float] | None
) -> None:
    """The command without its first word, ECS's defaults, durations scaled and not below their floors."""
    stage, _ = lone(WEB | ({"healthCheck": given} if given else {}), time_scale=scale)
    stage.run(2)
    (probe,) = [each.probe for each in stage.clusters.tasks()[0].containers]
    assert (probe and (probe.command, probe.interval_s, probe.timeout_s)) == expected, name


def test_a_container_is_unknown_until_it_was_asked() -> None:
    """UNKNOWN, HEALTHY after one probe that passed, UNHEALTHY after `retries` in a row that failed, and back."""
    stage, arn = lone(checked())
    stage.run(5)
    assert health(stage, arn) == ["UNKNOWN", "UNKNOWN"]
    stage.run(3)
    assert health(stage, arn) == ["HEALTHY", "HEALTHY"]
    stage.sick_inside.add("web:1")
    stage.run(5)
    assert health(stage, arn) == ["HEALTHY", "HEALTHY"]
    stage.run(5)
    assert health(stage, arn) == ["UNHEALTHY", "UNHEALTHY"]
    stage.sick_inside.clear()
    stage.run(5)
    assert health(stage, arn) == ["HEALTHY", "HEALTHY"]
    assert stage.describe(arn)["lastStatus"] == "RUNNING"


@pytest.mark.parametrize(
    ("scale", "extra", "sick_s"),
    [
        (1.0, {}, 10),
        (1.0, {"startPeriod": 60}, 66),
        (0.01, {}, 6),  # probes every second, failures count after 5 s: the one at 5 s and the next
    ],
)
def test_failures_at_the_start_do_not_count(scale: float, extra: Json, sick_s: float) -> None:
    """Within the start period, scaled, and in the first 5 s, failures do not count."""
    stage, arn = lone(checked(**extra), time_scale=scale)
    stage.sick_inside.add("web:1")
    found: list[float] = []

    def look() -> None:
        (seen,) = stage.seen.values() or [None]
        if seen is not None and seen.started_at_s is not None and health(stage, arn)[0] == "UNHEALTHY":
            found.append(stage.now_s - seen.started_at_s)

    stage.run(sick_s + 5, look)
    assert found[0] == pytest.approx(sick_s, abs=1)


def test_a_success_ends_the_start_period() -> None:
    """Once a probe has passed, failures count, whatever the start period."""
    stage, arn = lone(checked(startPeriod=300))
    stage.run(8)
    stage.sick_inside.add("web:1")
    stage.run(11)
    assert health(stage, arn)[0] == "UNHEALTHY"


WORST = [
    (("web", "side"), set[str](), "HEALTHY"),
    (("web",), set[str](), "UNKNOWN"),
    (("web",), {"web:1"}, "UNHEALTHY"),
    (("web", "side"), {"side:1"}, "UNHEALTHY"),
]


@pytest.mark.parametrize(("with_check", "sick", "expected"), WORST)
def test_a_task_is_as_healthy_as_its_essential_containers(
    with_check: tuple[str, ...], sick: set[str], expected: str
) -> None:
    """UNHEALTHY before UNKNOWN before HEALTHY; one without a check is UNKNOWN, one not essential does not count."""
    plain = [WEB | {"name": name, "image": f"{name}:1", "portMappings": []} for name in ("web", "side")]
    essential = [each | ({"healthCheck": check()} if each["name"] in with_check else {}) for each in plain]
    stage, arn = lone(*essential, checked("extra") | {"essential": False, "portMappings": []})
    stage.sick_inside |= sick | {"extra:1"}
    stage.run(15)
    assert health(stage, arn)[0] == expected


def served(**extra: object) -> Stage:
    """Return a stage with a healthy service of two tasks whose container is checked."""
    stage = Stage()
    stage.register(containerDefinitions=[checked()])
    stage.service(**extra)
    stage.run(12)
    return stage


def test_a_service_waits_for_the_checks_of_containers() -> None:
    """Healthy targets are not enough: the deployment completes when the containers are HEALTHY, too."""
    stage = Stage()
    stage.register(containerDefinitions=[checked()])
    stage.service()
    stage.run(5)
    assert stage.look()["runningCount"] == 2
    assert stage.look()["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    stage.run(5)
    assert stage.look()["deployments"][0]["rolloutState"] == "COMPLETED"


def test_without_a_balancer_the_check_takes_the_place_of_the_forty_seconds() -> None:
    """A service without load balancer is steady as soon as its containers are HEALTHY."""
    stage = served(loadBalancers=[])
    assert stage.look()["deployments"][0]["rolloutState"] == "COMPLETED"


def test_an_unhealthy_task_is_replaced_gently() -> None:
    """The service says so, deregisters the target first, and stops the task for ECS's reason."""
    stage = served(desiredCount=1)
    (task,) = stage.tasks()
    stage.sick_inside.add("web:1")
    stage.run(10)
    stage.sick_inside.clear()
    gone = stage.describe(task["taskArn"])
    assert (gone["stopCode"], gone["stoppedReason"]) == (
        "ServiceSchedulerInitiated",
        "Task failed container health checks",
    )
    assert gone["lastStatus"] in {"DEACTIVATING", "STOPPED"}
    task_id = task["taskArn"].rpartition("/")[2]
    assert f"(service web) (task {task_id}) failed container health checks." in stage.events()
    stage.run(12)
    assert is_stable(stage)


def test_the_grace_period_protects_from_the_checks_of_containers() -> None:
    """Within healthCheckGracePeriodSeconds an UNHEALTHY container ends no task; afterwards it does."""
    stage = Stage()
    stage.sick_inside.add("web:1")
    stage.register(containerDefinitions=[checked()])
    stage.service(desiredCount=1, healthCheckGracePeriodSeconds=30)
    stage.run(28)
    assert stage.tasks()[0]["healthStatus"] == "UNHEALTHY"
    assert stage.tasks(stopped=True) == []
    stage.run(6)
    assert len(stage.tasks(stopped=True)) == 1


def test_the_circuit_breaker_counts_unhealthy_containers() -> None:
    """Three tasks that fail their container health checks trip it, and the service rolls back."""
    stage = Stage()
    before = stage.stand(deploymentConfiguration=rules(100, 200, enable=True, rollback=True))
    stage.register(containerDefinitions=[checked() | {"image": "web:2"}])
    stage.sick_inside.add("web:2")
    stage.update(taskDefinition="web")
    stage.run(60)
    assert stage.look()["taskDefinition"] == before["taskDefinition"]
    assert is_stable(stage)
    assert any("rolling back to deployment" in each for each in stage.events())


def test_an_unhealthy_dependency_ends_a_task_that_still_starts() -> None:
    """A service does not wait for ever for a task whose essential container is UNHEALTHY and holds another one."""
    waits = {"dependsOn": [{"containerName": "side", "condition": "HEALTHY"}]}
    stage = Stage()
    stage.sick_inside.add("side:1")
    stage.register(containerDefinitions=[WEB | waits, checked("side") | {"portMappings": []}])
    stage.service(desiredCount=1)
    stage.run(14)
    assert stage.tasks(stopped=True)[0]["stoppedReason"] == "Task failed container health checks"


REFUSED: list[tuple[str, Json, str]] = [
    ("interval", {"interval": 4}, "interval must be between 5 and 300"),
    ("timeout", {"timeout": 61}, "timeout must be between 2 and 60"),
    ("retries", {"retries": 0}, "retries must be between 1 and 10"),
    ("start period", {"startPeriod": 301}, "startPeriod must be between 0 and 300"),
    ("command", {"command": ["curl"]}, "must begin with CMD or CMD-SHELL"),
    ("nothing to run", {"command": ["CMD"]}, "must begin with CMD or CMD-SHELL"),
    ("switched off", {"command": ["NONE"]}, "must begin with CMD or CMD-SHELL"),
    ("empty", {"command": []}, "must begin with CMD or CMD-SHELL"),
]


@pytest.mark.parametrize(("name", "change", "sentence"), REFUSED, ids=[each[0] for each in REFUSED])
def test_what_registration_refuses(name: str, change: Json, sentence: str) -> None:
    """A health check beyond ECS's bounds is refused."""
    stage = Stage()
    body = definition() | {"containerDefinitions": [WEB | {"healthCheck": check() | change}]}
    code, message = stage.refusal("RegisterTaskDefinition", **body)
    assert (code, sentence in message) == ("ClientException", True), name


def test_registration_fills_in_what_was_not_said() -> None:
    """DescribeTaskDefinition shows ECS's defaults of a health check."""
    stage = Stage()
    stage.register(containerDefinitions=[WEB | {"healthCheck": {"command": ["CMD", "a"]}}])
    found = stage.ecs("DescribeTaskDefinition", taskDefinition="web")["taskDefinition"]["containerDefinitions"][0]
    assert found["healthCheck"] == {"command": ["CMD", "a"], "interval": 30, "timeout": 5, "retries": 3}
