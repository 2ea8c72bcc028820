"""Whether a newcomer that is starting will ever start.

Waiting for a deadline when the same thing has broken twice wastes the night of whoever is on call; giving up because
one machine was taken away wastes a good revision. So causes are counted: the same cause on two different tasks is
enough when the cause is the revision's own (an essential container exits, the image or a secret cannot be had, the
health check is answered with the wrong code), four when it is the infrastructure's. One healthy target acquits.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from teal.model.traffic import TargetHealth
from teal.model.workload import EcsDeployment, Task

OWN_LIMIT = 2
INFRASTRUCTURE_LIMIT = 4
OWN_REASONS = ("CannotPullContainer", "ResourceInitializationError", "CannotCreateContainer", "failed container health")
INFRASTRUCTURE_CODES = frozenset({"SpotInterruption", "TerminationNotice", "InfrastructureHealth"})

PARTICULAR = re.compile(r"\((?:task|target|port) [^)]*\)|\b10\.[0-9.]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Startup:
    """The verdict on a start: `hopeless` says why in one sentence; empty while there is hope."""

    hopeless: str
    facts: tuple[str, ...]  # what was seen, most telling first
    tasks: tuple[Task, ...]  # the stopped tasks it was read from, newest first


def judge_startup(
    deployment: EcsDeployment | None, tasks: Sequence[Task], targets: Sequence[TargetHealth]
) -> Startup:  # fmt: skip
    """Judge the start of a revision.

    Args:
        deployment: the PRIMARY deployment of the service, None before there is one.
        tasks: tasks of that deployment's task definition, running and stopped, created since it began.
        targets: targets of the slot's groups.
    """
    stopped = tuple(task for task in tasks if task.desired_status == "STOPPED" and task.stop_code != "UserInitiated")
    healthy = any(target.state == "healthy" for target in targets)
    causes = Counter(cause for cause in map(_cause, stopped) if cause)
    facts = tuple(f"{count} × {cause}" for cause, count in causes.most_common(5))
    facts += tuple(
        sorted({f"target {t.reason}: {t.description}" for t in targets if t.state == "unhealthy" and t.reason})
    )
    hopeless = "" if healthy else _hopeless(causes, stopped)
    if deployment is not None and deployment.rollout_state == "FAILED":
        hopeless = f"ECS gave the deployment up: {deployment.rollout_reason or 'tasks failed to start'}"
    return Startup(hopeless=hopeless, facts=facts, tasks=stopped)


def _hopeless(causes: "Counter[str]", stopped: Sequence[Task]) -> str:
    for cause, count in causes.most_common():
        infrastructure = any(_cause(task) == cause and task.stop_code in INFRASTRUCTURE_CODES for task in stopped)
        if count >= (INFRASTRUCTURE_LIMIT if infrastructure else OWN_LIMIT):
            return f"{count} tasks ended alike: {cause}"
    return ""


def _cause(task: Task) -> str:
    """Return the cause of a task's end in words that are equal for equal causes; empty for an ordered end."""
    if task.stop_code in INFRASTRUCTURE_CODES:
        return f"{task.stop_code}: {task.stopped_reason}"
    for container in task.containers:
        if any(reason in container.reason for reason in OWN_REASONS):
            return container.reason
    if any(reason in task.stopped_reason for reason in OWN_REASONS):
        return task.stopped_reason
    if task.stop_code == "EssentialContainerExited":
        ended = [c for c in task.containers if c.exit_code is not None]
        names = ", ".join(f"container {c.name} exited with {c.exit_code}" for c in ended)
        return names or task.stopped_reason
    if task.stop_code == "TaskFailedToStart":
        return task.stopped_reason or "the task failed to start"
    unhealthy = "is unhealthy in" in task.stopped_reason or "health check" in task.stopped_reason.lower()
    return _without_ids(task.stopped_reason) if unhealthy else ""


def _without_ids(reason: str) -> str:
    """Return a reason without the parts that differ from task to task."""
    return " ".join(PARTICULAR.sub("", reason).split())
