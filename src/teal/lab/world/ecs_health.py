"""Container health checks: what is asked of a runtime, and what its answers mean.

A container is UNKNOWN until a probe has passed or enough of them failed in a row. Failures within the start period do
not count, unless a probe has passed before: the rules of Docker's HEALTHCHECK, whose bounds and defaults are ECS's. A
task is as healthy as its essential containers.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from teal.lab.world.ecs_model import EcsState, HealthRules, Json, Task, TaskContainer, inner
from teal.lab.world.ground import Ground
from teal.lab.world.wires import AwsRefusal, ContainerProbed, Probe

BOUNDS: Mapping[str, tuple[int, int, int]] = {  # least, most, usual; seconds, and a number of retries
    "interval": (5, 300, 30),
    "timeout": (2, 60, 5),
    "retries": (1, 10, 3),
    "startPeriod": (0, 300, 0),
}
INTERVAL_LEAST_S = 1.0  # not scaled: every probe is a process
TIMEOUT_LEAST_S = 2.0  # not scaled: an app answers in its own time
QUIET_MOST_S = 5.0  # not scaled: an app starts in its own time
FORMS = ("CMD", "CMD-SHELL")


def check_health(container: Mapping[str, Any]) -> None:
    """Refuse a health check that is none."""
    given = inner(container, "healthCheck")
    if not given:
        return
    setting = f"Invalid setting for container '{container['name']}'."
    form, *words = given.get("command") or [""]
    if form not in FORMS or not words:
        raise AwsRefusal("ClientException", f"{setting} The health check command must begin with CMD or CMD-SHELL.")
    for key, (least, most, usual) in BOUNDS.items():
        value = given.get(key)
        if not least <= (usual if value is None else int(value)) <= most:
            raise AwsRefusal("ClientException", f"{setting} Health check {key} must be between {least} and {most}.")


def probe_of(ground: Ground, container: Mapping[str, Any]) -> Probe | None:
    """Return what a runtime has to ask a container, if anything."""
    given = inner(container, "healthCheck")
    if not given:
        return None
    form, *words = given["command"]
    timeout_s = _setting(given, "timeout")
    return Probe(
        command=tuple(words) if form == "CMD" else ("/bin/sh", "-c", " ".join(words)),
        interval_s=max(ground.scaled(_setting(given, "interval")), INTERVAL_LEAST_S),
        timeout_s=max(ground.scaled(timeout_s), min(timeout_s, TIMEOUT_LEAST_S)),
    )


def rules_of(ground: Ground, container: Mapping[str, Any]) -> HealthRules | None:
    """Return when the container counts as unhealthy, or None when it has no health check."""
    given = inner(container, "healthCheck")
    if not given:
        return None
    retries, start_period_s = int(_setting(given, "retries")), _setting(given, "startPeriod")
    on_aws_s = start_period_s + retries * _setting(given, "interval")
    return HealthRules(
        retries=retries, start_period_s=ground.scaled(start_period_s), quiet_s=min(on_aws_s, QUIET_MOST_S)
    )


def _setting(given: Json, key: str) -> float:
    value = given.get(key)
    return float(BOUNDS[key][2] if value is None else value)


def on_probed(state: EcsState, seen: ContainerProbed, now_s: float) -> None:
    """Count the answer of a probe."""
    task = state.live.get(seen.task_id)
    container = task.container(seen.container) if task else None
    if task is None or container is None or container.started_at_s is None or container.stopped:
        return
    before = container.health
    _count(container, now_s - container.started_at_s, passed=seen.passed)
    if container.health != before:
        state.ground.tell(now_s, "task", task.task_id, f"container {container.name}: {before} → {container.health}")


def _count(container: TaskContainer, age_s: float, *, passed: bool) -> None:
    rules = container.health_rules
    if rules is None:
        return
    if passed:
        container.health, container.failed_probes = "HEALTHY", 0
        return
    starting = container.health == "UNKNOWN" and age_s < rules.start_period_s
    if starting or age_s < rules.quiet_s:
        return
    container.failed_probes += 1
    if container.failed_probes >= rules.retries:
        container.health = "UNHEALTHY"


def task_health(task: Task) -> str:
    """Return the health of a task as DescribeTasks shows it: an essential container without a check is UNKNOWN."""
    return _worst(each for each in task.containers if each.essential)


def checked_health(task: Task) -> str | None:
    """Return the health of a task as a service sees it: of those that have a check. None when there are none."""
    checked = [each for each in task.containers if each.essential and each.health_rules is not None]
    return _worst(checked) if checked else None


def _worst(containers: Iterable[TaskContainer]) -> str:
    found = {each.health for each in containers}
    return next((each for each in ("UNHEALTHY", "UNKNOWN") if each in found), "HEALTHY")
