"""ECS as a whole: `Clusters` takes calls, observations and the time, and says which tasks should exist.

The parts: `ecs_model` (what is known), `ecs_clusters`, `ecs_definitions`, `ecs_services`, `ecs_service_deployments`,
`ecs_runs`, `ecs_tags` (the operations), `ecs_scheduler` and `ecs_breaker` (what services do by themselves),
`ecs_launch`, `ecs_tasks`, `ecs_dependencies` and `ecs_health` (the life of a task and its containers), `ecs_logs` (what
containers wrote), `ecs_…_view` and `ecs_…_checks` (answers and refusals).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, assert_never

from teal.lab.world import ecs_clusters, ecs_definitions, ecs_runs, ecs_service_deployments, ecs_services, ecs_tags
from teal.lab.world.ecs_anew import begin_anew
from teal.lab.world.ecs_breaker import note_failure
from teal.lab.world.ecs_health import on_probed
from teal.lab.world.ecs_logs import Logs, open_groups
from teal.lab.world.ecs_model import EcsState, Task, TaskStatus
from teal.lab.world.ecs_scheduler import advance_services
from teal.lab.world.ecs_task_view import describe_tasks, list_tasks, show_metadata
from teal.lab.world.ecs_tasks import (
    advance_tasks,
    on_container_started,
    on_exited,
    on_not_started,
    on_started,
    wish,
)
from teal.lab.world.ground import Answer, Ground, Params, TargetDesk, duplicate
from teal.lab.world.memory import parts
from teal.lab.world.wires import (
    ContainerExited,
    ContainerProbed,
    ContainerStarted,
    LogLines,
    TaskNotStarted,
    TaskSeen,
    TaskStarted,
    WantedTask,
    not_simulated,
)

OPERATIONS: Mapping[str, Callable[[EcsState, Params, float], Answer]] = {
    "CreateCluster": ecs_clusters.create_cluster,
    "DescribeClusters": ecs_clusters.describe_clusters,
    "ListClusters": ecs_clusters.list_clusters,
    "DeleteCluster": ecs_clusters.delete_cluster,
    "RegisterTaskDefinition": ecs_definitions.register_definition,
    "DeregisterTaskDefinition": ecs_definitions.deregister_definition,
    "DescribeTaskDefinition": ecs_definitions.describe_definition,
    "ListTaskDefinitions": ecs_definitions.list_definitions,
    "ListTaskDefinitionFamilies": ecs_definitions.list_families,
    "CreateService": ecs_services.create_service,
    "UpdateService": ecs_services.update_service,
    "DescribeServices": ecs_services.describe_services,
    "ListServices": ecs_services.list_services,
    "DeleteService": ecs_services.delete_service,
    "ListServiceDeployments": ecs_service_deployments.list_service_deployments,
    "DescribeServiceDeployments": ecs_service_deployments.describe_service_deployments,
    "StopServiceDeployment": ecs_service_deployments.stop_service_deployment,
    "DescribeServiceRevisions": ecs_service_deployments.describe_service_revisions,
    "ListTasks": list_tasks,
    "DescribeTasks": describe_tasks,
    "RunTask": ecs_runs.run_task,
    "StopTask": ecs_runs.stop_task,
    "TagResource": ecs_tags.tag_resource,
    "UntagResource": ecs_tags.untag_resource,
    "ListTagsForResource": ecs_tags.list_tags,
}


class Clusters:
    """ECS in one region.

    Args:
        ground: account, region, time scale, names.
        desk: the load balancers, as far as ECS speaks to them.
    """

    def __init__(self, ground: Ground, desk: TargetDesk) -> None:
        self._state = EcsState(ground=ground, desk=desk)
        self._logs = Logs(ground=ground)

    def call(self, operation: str, params: Params, now_s: float) -> Answer:
        """Answer one API operation of `ecs`, or refuse it.

        Args:
            operation: AWS's name of it, e.g. `CreateService`.
            params: validated against botocore's model already.
            now_s: the time.

        Raises:
            AwsRefusal: what AWS, or the lab, answers instead.
        """
        perform = OPERATIONS.get(operation)
        if perform is None:
            raise not_simulated(f"ecs {operation}")
        # Copies both ways: nobody outside shares an object with the memory of the world.
        return duplicate(perform(self._state, duplicate(dict(params)), now_s))

    def logs_call(self, operation: str, params: Params, now_s: float) -> Answer:
        """Answer one API operation of `logs`, or refuse it."""
        groups = {each.log[0] for task in self._state.live.values() for each in task.containers if each.log}
        open_groups(self._logs, groups, now_s)
        return self._logs.call(operation, params, now_s)

    def observe(self, observation: TaskSeen | LogLines, now_s: float) -> None:
        """Take in what a runtime saw."""
        match observation:
            case LogLines():
                self._logs.take(self._state, observation, now_s)
            case _:
                failed = self._note_task(observation, now_s)
                if failed is not None:
                    note_failure(self._state, failed, now_s)

    def _note_task(self, seen: TaskSeen, now_s: float) -> Task | None:
        """Take in what a runtime saw of a task; return the task when it has just failed."""
        match seen:
            case TaskStarted():
                on_started(self._state, seen, now_s)
            case ContainerStarted():
                on_container_started(self._state, seen, now_s)
            case ContainerProbed():
                on_probed(self._state, seen, now_s)
            case TaskNotStarted():
                return on_not_started(self._state, seen, now_s)
            case ContainerExited():
                return on_exited(self._state, seen, now_s)
            case _:
                assert_never(seen)
        return None

    def advance(self, now_s: float) -> None:
        """Let time pass: tasks move on, services look at what they have and act."""
        for failed in advance_tasks(self._state, now_s):
            note_failure(self._state, failed, now_s)
        advance_services(self._state, now_s)

    def tasks(self) -> tuple[WantedTask, ...]:
        """Return every task that a runtime should have, and in which phase."""
        return tuple(wish(task) for task in self._state.live.values() if task.status is not TaskStatus.PROVISIONING)

    def memory(self) -> dict[str, Any]:
        """Return all that ECS knows; what containers wrote is not part of it."""
        return parts(self._state, "ground", "desk")

    def restore(self, memory: Mapping[str, Any], now_s: float) -> Sequence[tuple[str, tuple[str, int]]]:
        """Know what a memory says, and nothing else; tasks begin anew. Return the targets of those that were."""
        interfaces = self._state.interfaces
        self._state = EcsState(ground=self._state.ground, desk=self._state.desk, **memory)
        self._state.interfaces = max(self._state.interfaces, interfaces)  # an address may still be in use
        self._logs = Logs(ground=self._state.ground)
        return begin_anew(self._state, now_s)

    def task_metadata(self, task_id: str) -> Answer | None:
        """Return the `/task` document of the metadata endpoint (version 4), or None for a task nobody knows."""
        task = self._state.task(task_id)
        return None if task is None else duplicate(show_metadata(task))
