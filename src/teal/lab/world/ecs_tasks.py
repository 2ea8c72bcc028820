"""The life of a task.

PROVISIONING → PENDING → RUNNING, told by the runtime. A service's task that must go is taken out of its target groups
first (DEACTIVATING) and gets SIGTERM only when the groups have let go of it, which is what saves its open requests.
StopTask, as on AWS, does not wait: SIGTERM and deregistration come together. After SIGTERM the containers have their
stopTimeout, then SIGKILL; a runtime that does not even report the end of a killed task is not waited for for ever.
Containers that depend on others start after them and end before them (`ecs_dependencies`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from teal.lab.world.ecs_dependencies import held_containers, hopeless_container
from teal.lab.world.ecs_model import STARTING, EcsState, Service, Task, TaskStatus
from teal.lab.world.wires import ContainerExited, ContainerStarted, Phase, TaskNotStarted, TaskStarted, WantedTask

PROVISIONING_S = 1.0
STOPPED_KEPT_S = 3600.0
STOPPED_KEPT_LEAST_S = 60.0  # not scaled: somebody must be able to read what happened
DRAIN_LONGEST_S = 3600.0  # the longest deregistration delay there is
DRAIN_SLACK_S = 60.0  # not scaled
REAP_S = 10.0  # not scaled: how long a killed process may take to be reported
KILLED = 137
NEVER_STARTED = 143  # what the ECS agent says of a container whose dependency cannot be met


def wish(task: Task) -> WantedTask:
    """Return what a runtime is told of a task: the same value until something of it changes."""
    told = task.wish
    if told is None or told.phase is not task.phase or told.held != task.held:
        told = task.wish = WantedTask(
            task_id=task.task_id,
            task_arn=task.arn,
            cluster=task.cluster.name,
            group=task.group,
            family=task.definition.family,
            revision=task.definition.revision,
            address=task.interface.address,
            containers=task.wanted,
            phase=task.phase,
            held=task.held,
        )
    return told


def advance_tasks(state: EcsState, now_s: float) -> list[Task]:
    """Move every task on that waits for the clock, a container or its target groups; return those that failed now."""
    failed: list[Task] = []
    for task in list(state.live.values()):
        if task.status is TaskStatus.RUNNING:
            continue
        if task.status is TaskStatus.PENDING:
            if task.held and not _order(state, task, now_s):
                failed.append(task)
            continue
        _advance(state, task, now_s)
    _forget(state, now_s)
    return failed


def _order(state: EcsState, task: Task, now_s: float) -> bool:
    """See which containers may start now; return False when the task has just failed because one never can."""
    hopeless = hopeless_container(task, now_s)
    while hopeless is not None:
        container, reason = hopeless
        container.stopped, container.exit_code, container.reason = True, NEVER_STARTED, reason
        if container.essential and task.stop_code is None:
            _condemn(task, "TaskFailedToStart", "Task failed to start", now_s)
            _terminate(state, task, now_s)
            return False
        hopeless = hopeless_container(task, now_s)
    task.held = held_containers(task, now_s)
    _enter_running(state, task, now_s)
    return True


def _advance(state: EcsState, task: Task, now_s: float) -> None:
    if task.status is TaskStatus.PROVISIONING:
        if now_s >= task.pending_at_s:
            _enter(state, task, TaskStatus.PENDING, now_s)
    elif task.status is TaskStatus.DEACTIVATING:
        if now_s >= task.deadline_s or not _still_registered(state, task, now_s):
            _terminate(state, task, now_s)
    elif now_s >= task.deadline_s:
        if task.phase is Phase.TERMINATE:
            task.phase = Phase.KILL  # what is held has not had its SIGTERM yet, and is spared
            task.deadline_s = now_s + REAP_S
            state.ground.tell(now_s, "task", task.task_id, "SIGKILL: stopTimeout is over")
        else:
            _stopped(state, task, now_s)


def _still_registered(state: EcsState, task: Task, now_s: float) -> bool:
    return any(state.desk.target_state(group, target, now_s) is not None for group, target in task.targets)


def _forget(state: EcsState, now_s: float) -> None:
    keep_s = max(state.ground.scaled(STOPPED_KEPT_S), STOPPED_KEPT_LEAST_S)
    gone: list[str] = []
    for task in state.stopped.values():
        if task.stopped_at_s is not None and task.stopped_at_s + keep_s > now_s:
            break  # they are in the order of stopping
        gone.append(task.task_id)
    for task_id in gone:
        del state.stopped[task_id]
    if gone:  # clients make up a token for every call: one is forgotten with the last task that it has made
        state.run_tokens = {
            token: (request, made) for token, (request, made) in state.run_tokens.items() if any(map(state.task, made))
        }


def _enter(state: EcsState, task: Task, status: TaskStatus, now_s: float) -> None:
    state.ground.tell(now_s, "task", task.task_id, f"{task.status} → {status} ({task.group})")
    task.enter(status)


def on_started(state: EcsState, seen: TaskStarted, now_s: float) -> None:
    """The runtime says that all containers run that were not held: that may be all there are."""
    task = state.live.get(seen.task_id)
    if task is None or task.status not in STARTING:
        return
    task.dial = seen.dial
    held = task.wish.held if task.wish is not None else task.held
    for container in task.containers:
        if container.name not in held:
            container.started_at_s = now_s
    task.held = held_containers(task, now_s)
    _enter_running(state, task, now_s)


def on_container_started(state: EcsState, seen: ContainerStarted, now_s: float) -> None:
    """The runtime says that a container runs that was held before."""
    task = state.live.get(seen.task_id)
    container = task.container(seen.container) if task else None
    if task is None or container is None or container.started_at_s is not None:
        return
    container.started_at_s = now_s
    if task.phase is Phase.RUN:
        task.held = held_containers(task, now_s)
        _enter_running(state, task, now_s)


def _enter_running(state: EcsState, task: Task, now_s: float) -> None:
    """Let a task be RUNNING and join its target groups, once all its containers were started."""
    if task.status not in STARTING or any(each.started_at_s is None and not each.stopped for each in task.containers):
        return
    task.started_at_s = now_s
    _enter(state, task, TaskStatus.RUNNING, now_s)
    if task.service is None or task.deployment is None:
        return
    for balancer in task.deployment.recipe.load_balancers:
        _register(state, task.service, task, balancer, now_s)


def _register(
    state: EcsState,
    service: Service,
    task: Task,
    balancer: Mapping[str, Any],
    now_s: float,
) -> None:
    group, port = str(balancer["targetGroupArn"]), int(balancer["containerPort"])
    if not state.desk.group_exists(group):
        state.say(service, f"failed to register targets in (target-group {group}) with (error not found)", now_s)
        return
    target = (task.interface.address, port)
    state.desk.register(group, target, task.dial.get(port, target), now_s)
    task.targets.append((group, target))
    state.say(service, f"registered 1 targets in (target-group {group})", now_s)


def on_not_started(state: EcsState, seen: TaskNotStarted, now_s: float) -> Task | None:
    """The runtime could not start the task. Return it when this was news."""
    task = state.live.get(seen.task_id)
    if task is None:
        return None
    news = task.stop_code is None
    _condemn(task, "TaskFailedToStart", seen.reason, now_s)
    for container in task.containers:
        if container.exit_code is None:
            container.reason = seen.reason
    _deregister(state, [task], now_s)
    _stopped(state, task, now_s)
    return task if news else None


def on_exited(state: EcsState, seen: ContainerExited, now_s: float) -> Task | None:
    """A container ended. Return its task when that ended a task that should have gone on."""
    task = state.live.get(seen.task_id)
    container = task.container(seen.container) if task else None
    if task is None or container is None or container.stopped:
        return None
    container.stopped, container.exit_code, container.reason = True, seen.exit_code, seen.reason
    news = task.stop_code is None and (container.essential or _all_stopped(task))
    if news:
        _condemn(task, "EssentialContainerExited", "Essential container in task exited", now_s)
        _deregister(state, [task], now_s)
    if _all_stopped(task):
        _stopped(state, task, now_s)
    elif container.essential and task.phase is Phase.RUN:
        _terminate(state, task, now_s)
    elif task.phase is not Phase.RUN:
        _let_go(task, now_s)
    elif task.held and not _order(state, task, now_s):
        return task
    return task if news else None


def _all_stopped(task: Task) -> bool:
    return all(each.stopped for each in task.containers)


def stop_gently(state: EcsState, tasks: Sequence[Task], reason: str, now_s: float) -> None:
    """Stop tasks the way a service does: out of the groups first, SIGTERM when they have let go."""
    going = [task for task in tasks if task.stop_code is None]
    for task in going:
        _condemn(task, "ServiceSchedulerInitiated", reason, now_s)
    _deregister(state, going, now_s)
    for task in going:
        if task.targets:
            _enter(state, task, TaskStatus.DEACTIVATING, now_s)
            task.deadline_s = now_s + state.ground.scaled(DRAIN_LONGEST_S) + DRAIN_SLACK_S
        else:
            _terminate(state, task, now_s)


def stop_at_once(state: EcsState, task: Task, reason: str, now_s: float) -> None:
    """Stop a task the way StopTask does: SIGTERM and deregistration at the same time."""
    if task.stop_code is None:
        _condemn(task, "UserInitiated", reason, now_s)
        _deregister(state, [task], now_s)
    if task.phase is Phase.RUN and task.status is not TaskStatus.STOPPED:
        _terminate(state, task, now_s)


def _condemn(task: Task, code: str, reason: str, now_s: float) -> None:
    if task.stop_code is not None:
        return
    task.stop_code, task.stopped_reason = code, reason
    task.desired_status, task.stopping_at_s = "STOPPED", now_s


def _terminate(state: EcsState, task: Task, now_s: float) -> None:
    if task.status is TaskStatus.PROVISIONING:
        _stopped(state, task, now_s)  # no runtime has heard of it
        return
    never_told = task.wish.held if task.wish is not None else frozenset[str]()
    for container in task.containers:
        if container.name in never_told:
            container.stopped = True  # it was held, and now it never starts
    if _all_stopped(task):
        _stopped(state, task, now_s)
        return
    _enter(state, task, TaskStatus.STOPPING, now_s)
    task.phase = Phase.TERMINATE
    task.held = held_containers(task, now_s)
    _grant_time(task, now_s)


def _let_go(task: Task, now_s: float) -> None:
    """Let containers have their SIGTERM that waited for those that depend on them."""
    held = held_containers(task, now_s)
    if held == task.held:
        return
    task.held, task.phase = held, Phase.TERMINATE
    _grant_time(task, now_s)


def _grant_time(task: Task, now_s: float) -> None:
    """Give the containers that get SIGTERM now their stopTimeout."""
    stopped = {each.name for each in task.containers if each.stopped}
    granted = [each.stop_timeout_s for each in task.wanted if each.name not in task.held | stopped]
    task.deadline_s = now_s + max(granted, default=0.0)


def _deregister(state: EcsState, tasks: Sequence[Task], now_s: float) -> None:
    """Take tasks of one service out of their groups, and say so once for all of them."""
    counts: dict[str, int] = {}
    for task in tasks:
        for group, target in task.targets:
            if state.desk.target_state(group, target, now_s) not in {None, "draining"}:
                state.desk.deregister(group, target, now_s)
                counts[group] = counts.get(group, 0) + 1
    service = tasks[0].service if tasks else None
    if service is None or not counts:
        return
    for group, count in counts.items():
        state.say(service, f"deregistered {count} targets in (target-group {group})", now_s)
    state.say(service, f"has begun draining connections on {max(counts.values())} tasks.", now_s)


def _stopped(state: EcsState, task: Task, now_s: float) -> None:
    for container in task.containers:
        if not container.stopped and container.started_at_s is not None:
            container.exit_code = KILLED
        container.stopped = True
    _enter(state, task, TaskStatus.STOPPED, now_s)
    task.stopped_at_s = now_s
    del state.live[task.task_id]
    state.stopped[task.task_id] = task
    state.taken.discard(task.interface.address)
    if task.service is not None:
        task.service.tasks.remove(task)
    state.ground.tell(now_s, "task", task.task_id, f"{task.stop_code}: {task.stopped_reason}")
