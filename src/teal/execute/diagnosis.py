"""Why green did not come up: the facts a person would look up, gathered once, most telling first."""

from collections.abc import Mapping
from typing import Any

from teal.errors import AwsError
from teal.execute.perform import Scene
from teal.judge.startup import Startup
from teal.model.identity import Slot
from teal.model.workload import Task

LOG_LINES = 20
RECENT_EVENTS = 3


def diagnose(scene: Scene, slot: Slot, startup: Startup) -> tuple[str, ...]:
    """Return the causes, the service's last events and the last log lines of the first task that failed."""
    found = list(startup.facts)
    service = scene.snapshot.slot(slot).service
    if service is not None:
        found += [f"event: {message}" for _, message in service.events[:RECENT_EVENTS]]
    if startup.tasks:
        task = startup.tasks[-1]
        found.append(f"first task that failed: {task.arn.rpartition('/')[2]}: {task.stopped_reason or task.stop_code}")
        found += _log_lines(scene, task)
    return tuple(found)


def _log_lines(scene: Scene, task: Task) -> list[str]:
    definition = scene.snapshot.definitions.get(task.task_definition_arn)
    if definition is None:
        return []
    lines: list[str] = []
    for container in definition.body.get("containerDefinitions", ()):
        where = _log_stream(container, task)
        if where is None:
            continue
        try:
            last = scene.ports.logs.last_lines(*where, LOG_LINES)
        except AwsError as error:
            lines.append(f"log of {container['name']}: {error.message}")
        else:
            lines += [f"log of {container['name']}: {line}" for line in last]
    return lines


def _log_stream(container: Mapping[str, Any], task: Task) -> tuple[str, str] | None:
    """Return (group, stream) of a container that logs through `awslogs` with a stream prefix."""
    configuration: Mapping[str, Any] = container.get("logConfiguration") or {}
    options: Mapping[str, str] = configuration.get("options") or {}
    group, prefix = options.get("awslogs-group"), options.get("awslogs-stream-prefix")
    if configuration.get("logDriver") != "awslogs" or not group or not prefix:
        return None
    return group, f"{prefix}/{container['name']}/{task.arn.rpartition('/')[2]}"
