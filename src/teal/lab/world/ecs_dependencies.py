"""The order of containers in a task: `dependsOn`, start timeouts, and the reverse order at the end.

While a task runs, a container is held until all it depends on has come true. What can never come true any more stops
the container before it started, with the exit code 143 and the reason that the ECS agent gives. While a task ends, a
container is held until all that depend on it have ended.
"""

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import Any

from teal.lab.world.ecs_model import Dependency, Task, TaskContainer, several
from teal.lab.world.wires import AwsRefusal, Phase

CONDITIONS = ("START", "COMPLETE", "SUCCESS", "HEALTHY")
START_TIMEOUT_BOUNDS_S = (2, 120)  # on Fargate


class Outlook(Enum):
    """What can be said of a dependency now."""

    MET = auto()
    NOT_YET = auto()
    TIMED_OUT = auto()
    ENDED_BADLY = auto()
    NEVER_STARTS = auto()


REASONS: Mapping[Outlook, str] = {
    Outlook.TIMED_OUT: "container ordering dependency [{dependency}] for target [{target}] has timed out.",
    Outlook.ENDED_BADLY: "failed to resolve container ordering dependency [{dependency}] for target [{target}] "
    "as dependency did not exit successfully.",
    Outlook.NEVER_STARTS: "failed to resolve container ordering dependency [{dependency}] for target [{target}] "
    "because dependency will never start",
}


def check_dependencies(containers: Sequence[Mapping[str, Any]], *, fargate: bool) -> None:
    """Refuse dependencies on what is not there, on what can never be, and in a circle."""
    known = {str(each["name"]): each for each in containers}
    for container in containers:
        _check_timeout(container, fargate=fargate)
        for each in several(container, "dependsOn"):
            _check_dependency(known.get(str(each["containerName"])), each)
    left = {name: {str(each["containerName"]) for each in several(known[name], "dependsOn")} for name in known}
    while left:
        free = {name for name, needs in left.items() if not needs & left.keys()}
        if not free:
            raise AwsRefusal("ClientException", f"Containers depend on each other in a circle: {', '.join(left)}.")
        left = {name: needs for name, needs in left.items() if name not in free}


def _check_timeout(container: Mapping[str, Any], *, fargate: bool) -> None:
    timeout_s = container.get("startTimeout")
    least_s, most_s = START_TIMEOUT_BOUNDS_S
    if fargate and timeout_s is not None and not least_s <= timeout_s <= most_s:
        setting = f"Invalid setting for container '{container['name']}'."
        raise AwsRefusal("ClientException", f"{setting} On Fargate 'startTimeout' is between {least_s} and {most_s}.")


def _check_dependency(container: Mapping[str, Any] | None, given: Mapping[str, Any]) -> None:
    """Refuse a dependency; AWS's sentences, the plus sign included."""
    condition = given["condition"]
    message = ""
    if container is None:
        message = f"Cannot depend on container + '{given['containerName']}' because it does not exist"
    elif condition not in CONDITIONS:
        message = "Invalid container dependency condition."
    elif condition in {"COMPLETE", "SUCCESS"} and container.get("essential", True):
        message = "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container"
    elif condition == "HEALTHY" and not container.get("healthCheck"):
        message = "A dependency container with HEALTHY condition must have health check configured"
    if message:
        raise AwsRefusal("ClientException", message)


def read_dependencies(container: Mapping[str, Any]) -> tuple[Dependency, ...]:
    """Return what a container depends on."""
    given = several(container, "dependsOn")
    return tuple(Dependency(name=str(each["containerName"]), condition=str(each["condition"])) for each in given)


def held_containers(task: Task, now_s: float) -> frozenset[str]:
    """Return the containers that the phase of the task does not reach yet."""
    if task.phase is Phase.RUN:
        return frozenset(
            each.name
            for each in task.containers
            if each.started_at_s is None
            and (each.stopped or any(outlook is not Outlook.MET for outlook in _outlooks(task, each, now_s)))
        )
    return frozenset(need.name for each in task.containers if not each.stopped for need in each.depends_on)


def hopeless_container(task: Task, now_s: float) -> tuple[TaskContainer, str] | None:
    """Return a container that can never start any more, and the agent's reason."""
    for container in task.containers:
        if container.started_at_s is not None or container.stopped:
            continue
        for need, outlook in zip(container.depends_on, _outlooks(task, container, now_s), strict=True):
            if outlook in REASONS:
                words = {"dependency": _label(_needed(task, need)), "target": _label(container)}
                return container, f"CannotStartContainerError: dependency graph: {REASONS[outlook].format(**words)}"
    return None


def _needed(task: Task, need: Dependency) -> TaskContainer:
    return next(each for each in task.containers if each.name == need.name)


def _label(container: TaskContainer) -> str:
    """Return how the agent writes a container in its messages."""
    known = "STOPPED" if container.stopped else "NONE" if container.started_at_s is None else "RUNNING"
    ending = "" if container.exit_code is None else f" - Exit: {container.exit_code}"
    return f"{container.name}({container.image}) ({known}->RUNNING){ending}"


def _outlooks(task: Task, container: TaskContainer, now_s: float) -> list[Outlook]:
    return [_outlook(_needed(task, each), each.condition, now_s) for each in container.depends_on]


def _outlook(needed: TaskContainer, condition: str, now_s: float) -> Outlook:
    if needed.started_at_s is None:
        return Outlook.NEVER_STARTS if needed.stopped else Outlook.NOT_YET
    if condition == "START":
        return Outlook.MET
    if needed.stopped:
        return _after_end(needed, condition)
    if condition == "HEALTHY" and needed.health == "HEALTHY":
        return Outlook.MET
    timeout_s = needed.start_timeout_s
    late = timeout_s is not None and now_s > needed.started_at_s + timeout_s
    return Outlook.TIMED_OUT if late else Outlook.NOT_YET


def _after_end(needed: TaskContainer, condition: str) -> Outlook:
    if condition == "HEALTHY":  # a container that has ended never passes a check again
        return Outlook.MET if needed.health == "HEALTHY" else Outlook.ENDED_BADLY
    return Outlook.MET if condition == "COMPLETE" or needed.exit_code == 0 else Outlook.ENDED_BADLY
