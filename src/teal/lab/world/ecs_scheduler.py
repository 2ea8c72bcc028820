"""The service scheduler: rolling deployments, replacement, scaling.

At every look a service compares what it has with what it wants. Two numbers bound a deployment: at least `least` tasks
stay healthy (minimumHealthyPercent, rounded up), at most `most` are starting or running (maximumPercent, rounded down).
Old tasks go when a new healthy one stands for each of them, or earlier when there is no room to start new ones and the
minimum allows it. A task is healthy when its containers pass their health checks and all its targets are healthy; one
with neither when it has run for 40 s. What is unhealthy within the grace period is left alone. Only the primary
deployment starts tasks, and a FAILED one starts none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from teal.lab.world.ecs_breaker import note_failure, note_healthy, roll_back_as_asked
from teal.lab.world.ecs_health import checked_health
from teal.lab.world.ecs_launch import launch, order_for
from teal.lab.world.ecs_model import LIVELY, EcsState, Rollout, Service, Task, TaskStatus
from teal.lab.world.ecs_tasks import stop_gently

SETTLE_S = 40.0


class Health(Enum):
    """What a service thinks of a task."""

    NOT_YET = auto()
    HEALTHY = auto()
    SICK = auto()


@dataclass(frozen=True, slots=True)
class Look:
    """The tasks of a service that are meant to run, seen at one instant."""

    fresh: list[tuple[Task, Health]]  # of the primary deployment
    older: list[tuple[Task, Health]]

    @property
    def healthy(self) -> int:
        """Return how many are healthy, of whatever deployment."""
        return _healthy(self.fresh) + _healthy(self.older)

    @property
    def total(self) -> int:
        """Return how many there are."""
        return len(self.fresh) + len(self.older)


def advance_services(state: EcsState, now_s: float) -> None:
    """Let every service look at its tasks and act."""
    for service in state.services.values():
        if service.status == "ACTIVE":
            _tend(state, service, now_s)
        elif service.status == "DRAINING" and not any(_holds(task) for task in service.tasks):
            service.status = "INACTIVE"
            state.ground.tell(now_s, "ecs", service.name, "service is INACTIVE")


def _holds(task: Task) -> bool:
    return task.status in LIVELY or task.status is TaskStatus.DEACTIVATING


def _tend(state: EcsState, service: Service, now_s: float) -> None:
    _attend(state, service, now_s)
    look = _look(state, service, now_s)
    for task, health in (*look.fresh, *look.older):
        if health is Health.SICK:
            _replace(state, service, task, now_s)
        elif health is Health.HEALTHY:
            note_healthy(service, task)
    if _is_settled(service, look):
        _settle(state, service, now_s)
        return
    service.steady = False
    # What was just done to sick tasks, or a tripped circuit breaker, changes who is fresh and who is left.
    look = _look(state, service, now_s)
    leaving = [*_surplus_fresh(service, look), *_replaced_older(service, look)]
    if leaving:
        _stop(state, service, leaving, now_s)
        look = _look(state, service, now_s)
    _start(state, service, look, now_s)


def _attend(state: EcsState, service: Service, now_s: float) -> None:
    """Begin what the newest service deployment waits for: itself, or its way back."""
    primary = service.primary
    if primary.status == "PENDING":
        primary.status, primary.started_at_s = "IN_PROGRESS", now_s
    elif primary.status == "ROLLBACK_REQUESTED":
        roll_back_as_asked(state, service, now_s)


def _look(state: EcsState, service: Service, now_s: float) -> Look:
    look = Look([], [])
    primary = service.primary
    for task in service.tasks:
        if task.status in LIVELY and task.stop_code is None:
            side = look.fresh if task.deployment is primary else look.older
            side.append((task, _health(state, service, task, now_s)))
    return look


def _health(state: EcsState, service: Service, task: Task, now_s: float) -> Health:
    if task.deployment is None:
        return Health.NOT_YET
    inside = checked_health(task)
    if inside == "UNHEALTHY":
        return Health.NOT_YET if _has_grace(state, service, task, now_s) else Health.SICK
    if task.status is not TaskStatus.RUNNING or task.started_at_s is None or inside == "UNKNOWN":
        return Health.NOT_YET
    if task.deployment.recipe.load_balancers:
        return _health_of_targets(state, service, task, now_s)
    settled = inside is not None or now_s >= task.started_at_s + state.ground.scaled(SETTLE_S)
    return Health.HEALTHY if settled else Health.NOT_YET


def _health_of_targets(state: EcsState, service: Service, task: Task, now_s: float) -> Health:
    states = [state.desk.target_state(group, target, now_s) for group, target in task.targets]
    if "unhealthy" in states and not _has_grace(state, service, task, now_s):
        return Health.SICK
    all_healthy = bool(states) and all(each == "healthy" for each in states)
    return Health.HEALTHY if all_healthy else Health.NOT_YET


def _has_grace(state: EcsState, service: Service, task: Task, now_s: float) -> bool:
    """Say whether a task started so lately that it may be unhealthy."""
    began_s = task.created_at_s if task.started_at_s is None else task.started_at_s
    return now_s < began_s + state.ground.scaled(float(service.settings["healthCheckGracePeriodSeconds"]))


def _healthy(side: Sequence[tuple[Task, Health]]) -> int:
    return sum(health is Health.HEALTHY for _, health in side)


def _replace(state: EcsState, service: Service, task: Task, now_s: float) -> None:
    """Stop a task that is unhealthy, and say why."""
    said, reason = _diagnosis(state, task, now_s)
    state.say(service, f"(task {task.task_id}) {said}.", now_s)
    state.say(service, f"has stopped 1 running tasks: (task {task.task_id}).", now_s)
    stop_gently(state, [task], reason, now_s)
    note_failure(state, task, now_s)


def _diagnosis(state: EcsState, task: Task, now_s: float) -> tuple[str, str]:
    """Return what the service says of an unhealthy task, and the reason the task is stopped for."""
    if checked_health(task) == "UNHEALTHY":
        return "failed container health checks", "Task failed container health checks"
    group, target = next(
        (group, target)
        for group, target in task.targets
        if state.desk.target_state(group, target, now_s) == "unhealthy"
    )
    note = state.desk.target_reason(group, target) or "Health checks failed"
    said = f"(port {target[1]}) is unhealthy in (target-group {group}) due to (reason {note})"
    return said, f"Task failed ELB health checks in (target-group {group})"


def _is_settled(service: Service, look: Look) -> bool:
    """Say whether the service has exactly what it wants."""
    if len(look.fresh) != service.desired or _healthy(look.fresh) != service.desired:
        return False
    if any(task.deployment is not service.primary for task in service.tasks):
        return False
    return service.primary.rollout is not Rollout.FAILED


def _settle(state: EcsState, service: Service, now_s: float) -> None:
    """Complete the deployment when it is in progress, and tell a new steady state once."""
    if service.primary.rollout is Rollout.IN_PROGRESS:
        _complete(state, service, now_s)
    if not service.steady and all(task.status is TaskStatus.RUNNING for task in service.tasks):
        service.steady = True
        state.say(service, "has reached a steady state.", now_s)


def _complete(state: EcsState, service: Service, now_s: float) -> None:
    primary = service.primary
    primary.rollout = Rollout.COMPLETED
    primary.reason = f"ECS deployment {primary.deployment_id} completed."
    primary.updated_at_s = now_s
    primary.failed_tasks = 0
    if primary.rollback_of is not None:
        primary.rollback_of.status, primary.rollback_of.finished_at_s = "ROLLBACK_SUCCESSFUL", now_s
        primary.rollback_of = None
    else:
        primary.status, primary.finished_at_s = "SUCCESSFUL", now_s
    service.last_completed = primary
    service.deployments = [primary]
    state.say(service, f"(deployment {primary.deployment_id}) deployment completed.", now_s)


def _surplus_fresh(service: Service, look: Look) -> list[Task]:
    """Return the primary's tasks beyond the desired count: those not healthy first, then the youngest."""
    surplus = len(look.fresh) - service.desired
    if surplus <= 0:
        return []
    ranked = sorted(look.fresh, key=lambda each: (each[1] is Health.HEALTHY, -each[0].created_at_s))
    return [task for task, _ in ranked[:surplus]]


def _replaced_older(service: Service, look: Look) -> list[Task]:
    """Return the tasks of older deployments that may go now, oldest first."""
    if service.desired == 0:
        return [task for task, _ in look.older]
    failed = service.primary.rollout is Rollout.FAILED
    idle = [] if failed else [task for task, health in look.older if health is not Health.HEALTHY]
    replaced = max(0, look.healthy - service.desired)
    missing_room = 0 if failed else service.desired - len(look.fresh) - (service.most - (look.total - len(idle)))
    spare = max(replaced, min(missing_room, look.healthy - service.least), 0)
    standing = [task for task, health in look.older if health is Health.HEALTHY]
    return idle + standing[:spare]


def _stop(state: EcsState, service: Service, tasks: Sequence[Task], now_s: float) -> None:
    names = " ".join(f"(task {task.task_id})" for task in tasks)
    state.say(service, f"has stopped {len(tasks)} running tasks: {names}.", now_s)
    reason = f"Scaling activity initiated by (deployment {service.primary.deployment_id})"
    stop_gently(state, tasks, reason, now_s)


def _start(state: EcsState, service: Service, look: Look, now_s: float) -> None:
    primary = service.primary
    missing = min(service.desired - len(look.fresh), service.most - look.total)
    if missing <= 0 or primary.rollout is Rollout.FAILED or now_s < primary.retry_at_s:
        return
    order = order_for(state, service, primary)
    started = [launch(state, order, now_s) for _ in range(missing)]
    names = " ".join(f"(task {task.task_id})" for task in started)
    state.say(service, f"has started {missing} tasks: {names}.", now_s)
