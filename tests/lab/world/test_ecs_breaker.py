"""Tasks that fail: growing pauses, the circuit breaker, and what it rolls back to."""

from itertools import pairwise

import pytest

from ecs_stage import Behaviour, Json, Stage, is_stable, rules

CRASH = Behaviour(dies_after_s=0.3)

BREAKER_TABLE: list[tuple[str, Json, int, int]] = [
    ("the usual least", {}, 1, 3),
    ("half of 25", {}, 25, 13),
    ("the usual most", {}, 500, 200),
    ("a count", {"thresholdConfiguration": {"type": "COUNT", "value": 2}}, 50, 2),
    ("unbounded", {"thresholdConfiguration": {"type": "UNBOUNDED_PERCENT", "value": 10}}, 11, 2),
    ("bounded with a value", {"thresholdConfiguration": {"type": "BOUNDED_PERCENT", "value": 10}}, 100, 10),
]


@pytest.mark.parametrize(("name", "breaker", "desired", "expected"), BREAKER_TABLE)
def test_the_threshold_of_the_circuit_breaker(name: str, breaker: Json, desired: int, expected: int) -> None:
    """The threshold follows type, value and desired count, with ECS's bounds."""
    stage = Stage()
    stage.register()
    config = rules(100, 200, enable=True, **breaker)
    service = stage.service(desiredCount=desired, deploymentConfiguration=config)
    listed = stage.ecs("ListServiceDeployments", cluster="demo", service="web")["serviceDeployments"]
    arn = listed[0]["serviceDeploymentArn"]
    assert service["currentServiceDeployment"] == arn
    full = stage.ecs("DescribeServiceDeployments", serviceDeploymentArns=[arn])["serviceDeployments"][0]
    assert full["deploymentCircuitBreaker"] == {"status": "MONITORING", "failureCount": 0, "threshold": expected}


@pytest.mark.parametrize(
    ("does", "code"),
    [
        (CRASH, "EssentialContainerExited"),
        (Behaviour(refuses="CannotPullContainerError: no such image"), "TaskFailedToStart"),
        (Behaviour(sick_after_s=0), "ServiceSchedulerInitiated"),
    ],
)
def test_the_circuit_breaker_trips(does: Behaviour, code: str) -> None:
    """Tasks that crash, cannot start or stay unhealthy trip it; without rollback the old tasks stay and serve."""
    stage = Stage()
    stage.stand(deploymentConfiguration=rules(100, 200, enable=True, resetOnHealthyTask=False))
    stage.images["web:2"] = does
    stage.register(image="web:2")
    stage.update(taskDefinition="web")
    stage.run(40)
    bad, good = stage.look()["deployments"]
    assert (bad["status"], bad["rolloutState"], bad["failedTasks"]) == ("PRIMARY", "FAILED", 3)
    assert bad["rolloutStateReason"] == "ECS deployment circuit breaker: tasks failed to start."
    assert f"(service web) (deployment {bad['id']}) deployment failed: tasks failed to start." in stage.events()
    assert (good["status"], good["runningCount"]) == ("ACTIVE", 2)
    assert {task["stopCode"] for task in stage.tasks(stopped=True)} == {code}
    count = len(stage.seen)
    stage.run(60)
    assert len(stage.seen) == count
    assert not is_stable(stage)
    listed = stage.ecs("ListServiceDeployments", cluster="demo", service="web")["serviceDeployments"]
    assert [each["status"] for each in listed] == ["STOPPED", "SUCCESSFUL"]


def test_the_circuit_breaker_rolls_back() -> None:
    """With rollback the last completed deployment becomes the primary one again and completes."""
    stage = Stage()
    before = stage.stand(deploymentConfiguration=rules(100, 200, enable=True, rollback=True))
    stage.images["web:2"] = CRASH
    stage.register(image="web:2")
    bad = stage.update(taskDefinition="web")["deployments"][0]["id"]
    stage.run(25)
    service = stage.look()
    good = before["deployments"][0]["id"]
    assert [each["id"] for each in service["deployments"]] == [good]
    assert service["taskDefinition"] == before["taskDefinition"]
    assert f"(service web) rolling back to deployment {good}." in stage.events()
    assert is_stable(stage)
    listed = stage.ecs("ListServiceDeployments", cluster="demo", service="web")["serviceDeployments"]
    assert [each["status"] for each in listed] == ["ROLLBACK_SUCCESSFUL", "SUCCESSFUL"]
    assert bad != good


def test_a_first_deployment_has_nothing_to_roll_back_to() -> None:
    """A service that never completed just fails."""
    stage = Stage()
    stage.images["web:1"] = CRASH
    stage.register()
    stage.service(deploymentConfiguration=rules(100, 200, enable=True, rollback=True))
    stage.run(30)
    assert stage.look()["deployments"][0]["rolloutState"] == "FAILED"
    assert stage.look()["runningCount"] == 0


def test_a_healthy_task_resets_the_count() -> None:
    """With resetOnHealthyTask, which is usual, only failures in a row count."""
    stage = Stage(delay_s=1000)  # old tasks drain for long, so that the deployment cannot complete meanwhile
    stage.stand(deploymentConfiguration=rules(100, 200, enable=True))
    stage.images["web:2"] = Behaviour(dies_after_s=1.5)
    stage.register(image="web:2")
    stage.update(taskDefinition="web")
    stage.run(40)
    assert stage.look()["deployments"][0]["rolloutState"] == "IN_PROGRESS"


def starts(stage: Stage) -> list[float]:
    """Return how long after the one before each task was started."""
    return [after - before for before, after in pairwise(sorted(each.since_s for each in stage.seen.values()))]


def test_without_circuit_breaker_the_pauses_grow() -> None:
    """Tasks that cannot start are retried for ever, later and later, and the service complains once."""
    stage = Stage()
    stage.images["web:1"] = Behaviour(refuses="CannotPullContainerError: gone")
    stage.register()
    stage.service(desiredCount=1)
    stage.run(300)
    pauses = starts(stage)
    assert all(after > before for before, after in pairwise(pauses))
    assert 5 <= len(pauses) + 1 <= 9
    complaint = "(service web) is unable to consistently start tasks successfully."
    assert stage.events().count(complaint) == 1
    assert stage.look()["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    assert stage.look()["deployments"][0]["failedTasks"] == len(pauses) + 1


@pytest.mark.parametrize(("scale", "pace_s"), [(1.0, 5.0), (0.01, 1.0)])
def test_tasks_that_ran_are_replaced_at_a_steady_pace(scale: float, pace_s: float) -> None:
    """A task that reached RUNNING and died does not make the service wait longer and longer, nor complain."""
    stage = Stage(time_scale=scale)
    stage.images["web:1"] = CRASH
    stage.register()
    stage.service(desiredCount=1)
    stage.run(60)
    pauses = starts(stage)
    assert len(pauses) > 5
    assert max(pauses) - min(pauses) < 0.5
    assert min(pauses) >= pace_s
    assert not any("unable to consistently start" in each for each in stage.events())


def test_who_was_healthy_and_dies_does_not_trip_the_breaker() -> None:
    """Tasks that pass their checks and end by themselves later are no failures of the deployment."""
    stage = Stage(delay_s=1000)  # old tasks drain for long, so that the deployment cannot complete meanwhile
    breaker = rules(100, 200, enable=True, resetOnHealthyTask=False)
    stage.stand(deploymentConfiguration=breaker)
    stage.images["web:2"] = Behaviour(dies_after_s=1.5)
    stage.register(image="web:2")
    stage.update(taskDefinition="web")
    stage.run(40)
    assert stage.look()["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    assert stage.look()["deployments"][0]["failedTasks"] == 0


def test_pauses_are_capped_at_a_quarter_of_an_hour() -> None:
    """However often tasks failed, the next try comes within 15 minutes, scaled."""
    stage = Stage(time_scale=0.001)
    stage.images["web:1"] = Behaviour(refuses="CannotPullContainerError: gone", starts_after_s=0)
    stage.register()
    stage.service(desiredCount=1)
    stage.run(60)
    assert max(starts(stage)) <= 0.9 + 0.35
