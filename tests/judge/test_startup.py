"""Whether a newcomer will ever start: causes are counted."""

from dataclasses import replace

import pytest

import seen
from teal.judge.startup import judge_startup
from teal.model.identity import Slot
from teal.model.traffic import TargetHealth
from teal.model.workload import Container, EcsDeployment, Task

HEALTHY = TargetHealth(target_id="10.0.0.1", port=8080, state="healthy")
SICK = replace(HEALTHY, state="unhealthy", reason="Target.ResponseCodeMismatch", description="codes: [500]")


def ended(code: str, reason: str = "", *containers: Container, at_s: float = 1.0) -> Task:
    """Return a task that has ended."""
    task = seen.task(42, status="STOPPED", stop=code, reason=reason, at_s=at_s)
    return replace(task, desired_status="STOPPED", containers=containers)


def container(*, exit_code: int | None = None, reason: str = "") -> Container:
    """Return a container that has ended."""
    return Container(name="web", status="STOPPED", exit_code=exit_code, reason=reason)


def primary(rollout: str = "IN_PROGRESS", reason: str = "") -> EcsDeployment:
    """Return the deployment of the newcomer."""
    found = seen.service(Slot.B, 42).deployments[0]
    return replace(found, rollout_state=rollout, rollout_reason=reason)


CRASH = ended("EssentialContainerExited", "Essential container in task exited", container(exit_code=1))
PULL = ended("TaskFailedToStart", "CannotPullContainerError: no such tag")
PULL_INSIDE = ended("TaskFailedToStart", "failed", container(reason="CannotPullContainerError: no such tag"))
SPOT = ended("SpotInterruption", "taken away")
CHECK_ONE = ended("ServiceSchedulerInitiated", "(task 1) is unhealthy in (target-group tg)")
CHECK_TWO = ended("ServiceSchedulerInitiated", "(task 2) is unhealthy in (target-group tg)")
ORDERED = ended("ServiceSchedulerInitiated", "Scaling activity initiated by deployment")
BY_HAND = ended("UserInitiated", "stopped", container(exit_code=1))
NO_CODE = ended("EssentialContainerExited", "gone", container())
NO_WORDS = ended("TaskFailedToStart")


@pytest.mark.parametrize(
    ("tasks", "hopeless"),
    [
        ((), ""),
        ((CRASH,), ""),
        ((CRASH, CRASH), "2 tasks ended alike: container web exited with 1"),
        ((CRASH, PULL), ""),
        ((PULL, PULL), "2 tasks ended alike: CannotPullContainerError: no such tag"),
        ((PULL_INSIDE, PULL_INSIDE), "2 tasks ended alike: CannotPullContainerError: no such tag"),
        ((PULL, PULL_INSIDE), "2 tasks ended alike: CannotPullContainerError: no such tag"),
        ((SPOT,) * 3, ""),
        ((SPOT,) * 4, "4 tasks ended alike: SpotInterruption: taken away"),
        ((CHECK_ONE, CHECK_TWO), "2 tasks ended alike: is unhealthy in (target-group tg)"),
        ((ORDERED,) * 5, ""),
        ((BY_HAND,) * 5, ""),
        ((NO_CODE, NO_CODE), "2 tasks ended alike: gone"),
        ((NO_WORDS, NO_WORDS), "2 tasks ended alike: the task failed to start"),
        ((seen.task(42),) * 5, ""),
    ],
)
def test_the_same_cause_on_two_tasks_is_enough(tasks: tuple[Task, ...], hopeless: str) -> None:
    """A cause of the revision's own needs two tasks, one of the infrastructure's four; ordered ends are no cause."""
    assert judge_startup(primary(), tasks, ()).hopeless == hopeless


def test_one_healthy_target_acquits() -> None:
    """While one target of the newcomer is healthy there is hope, however many tasks ended."""
    assert judge_startup(primary(), (CRASH,) * 3, (HEALTHY,)).hopeless == ""


@pytest.mark.parametrize(("reason", "said"), [("breaker", "breaker"), ("", "tasks failed to start")])
def test_what_ecs_gave_up_is_hopeless(reason: str, said: str) -> None:
    """A deployment that ECS itself has failed is over, whatever else is seen."""
    found = judge_startup(primary("FAILED", reason), (), (HEALTHY,))
    assert found.hopeless == f"ECS gave the deployment up: {said}"


def test_facts_are_the_most_telling_first() -> None:
    """Causes by how often they were seen, then what health checks say."""
    found = judge_startup(None, (PULL, CRASH, CRASH), (SICK, SICK, HEALTHY))
    assert found.facts == (
        "2 × container web exited with 1",
        "1 × CannotPullContainerError: no such tag",
        "target Target.ResponseCodeMismatch: codes: [500]",
    )
    assert found.tasks == (PULL, CRASH, CRASH)
