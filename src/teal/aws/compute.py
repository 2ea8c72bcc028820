"""ECS, as `teal.ports.Compute`.

A cluster or a service that is not there is no error: DescribeServices says so among its failures, and everything that
was asked for must be accounted for, either found or missing; an answer that passes over a name is unknown.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from teal.aws.call import Caller, ask, batches, in_turn, pages
from teal.aws.fields import Fields
from teal.aws.translate_ecs import (
    definition_from,
    registration_to,
    service_from,
    tags_to,
    task_from,
)
from teal.errors import NotFoundError, RefusedError
from teal.model.workload import Service, Task, TaskDefinition, revision_of
from teal.ports import Gather

_SERVICES_PER_CALL = 10
_TASKS_PER_CALL = 100
_TASKS_MOST = 200
_LISTED_PER_PAGE = 100
_NO_DEFINITION = "Unable to describe task definition"


class EcsCompute:
    """ECS through a caller.

    Args:
        caller: who asks AWS.
        gather: makes independent reads at once; by default one after another.
    """

    def __init__(self, caller: Caller, gather: Gather = in_turn) -> None:
        self._caller = caller
        self._gather = gather

    def cluster_found(self, cluster: str) -> bool:
        """Say whether the cluster exists and is ACTIVE."""
        answer = ask(self._caller, "ecs", "DescribeClusters", {"clusters": [cluster]})
        found = [item.text("status") for item in answer.parts("clusters")]
        if len(found) + len(_missing(answer)) != 1:
            raise answer.unknown(f"the answer does not say whether there is a cluster {cluster}")
        return found == ["ACTIVE"]

    def services(self, cluster: str, names: Sequence[str]) -> Mapping[str, Service]:
        """Return the services that exist (status not INACTIVE) by name, with tags."""
        wanted = tuple(dict.fromkeys(names))
        try:
            found = self._gather(
                [partial(self._some_services, cluster, batch) for batch in batches(wanted, _SERVICES_PER_CALL)]
            )
        except NotFoundError as exc:
            if exc.code != "ClusterNotFoundException":
                raise
            return {}
        return {service.name: service for batch in found for service in batch if service.status != "INACTIVE"}

    def tasks(self, cluster: str, service: str) -> tuple[Task, ...]:
        """Return the tasks of a service, running and lately stopped, newest first; at most 200."""
        listings = [partial(self._task_arns, cluster, service, status) for status in ("RUNNING", "STOPPED")]
        try:
            arns = [arn for listing in self._gather(listings) for arn in listing][:_TASKS_MOST]
            found = self._gather(
                [partial(self._some_tasks, cluster, batch) for batch in batches(arns, _TASKS_PER_CALL)]
            )
        except NotFoundError as exc:
            if exc.code not in {"ClusterNotFoundException", "ServiceNotFoundException"}:
                raise
            return ()
        tasks = [task for batch in found for task in batch]
        return tuple(sorted(tasks, key=lambda task: task.created_at_s, reverse=True))

    def definition(self, arn: str) -> TaskDefinition | None:
        """Return a task definition with tags, by ARN or `family:revision`; None where there is none."""
        try:
            answer = ask(self._caller, "ecs", "DescribeTaskDefinition", {"taskDefinition": arn, "include": ["TAGS"]})
        except RefusedError as exc:
            # For a task definition that is not there, AWS blames the client without a code of its own.
            if exc.code == "ClientException" and _NO_DEFINITION in exc.message:
                return None
            raise
        return definition_from(answer)

    def latest_definitions(self, family: str, count: int) -> tuple[TaskDefinition, ...]:
        """Return the newest ACTIVE revisions of a family, newest first."""
        params = {"familyPrefix": family, "status": "ACTIVE", "sort": "DESC", "maxResults": min(count, 100)}
        arns: list[str] = []
        for page in pages(self._caller, "ecs", "ListTaskDefinitions", params):
            arns += [arn for arn in page.texts("taskDefinitionArns") if revision_of(arn)[0] == family]
            if len(arns) >= count:
                break
        found = self._gather([partial(self.definition, arn) for arn in arns[:count]])
        return tuple(definition for definition in found if definition is not None)

    def register(self, body: Mapping[str, Any], tags: Mapping[str, str]) -> TaskDefinition:
        """Register a revision; `body` is RegisterTaskDefinition's."""
        request = registration_to(body, tags)
        sent = {tag["key"]: tag["value"] for tag in request.get("tags", ())}
        return definition_from(ask(self._caller, "ecs", "RegisterTaskDefinition", request), sent)

    def create_service(self, body: Mapping[str, Any]) -> None:
        """Create a service; `body` is CreateService's, complete."""
        ask(self._caller, "ecs", "CreateService", body).part("service")

    def update_service(self, cluster: str, service: str, changes: Mapping[str, Any]) -> None:
        """Update a service; `changes` are UpdateService's fields, only those that differ."""
        request = {**changes, "cluster": cluster, "service": service}
        ask(self._caller, "ecs", "UpdateService", request).part("service")

    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        """Write tags on a service or task definition."""
        ask(self._caller, "ecs", "TagResource", {"resourceArn": arn, "tags": tags_to(tags)})

    def _some_services(self, cluster: str, names: Sequence[str]) -> list[Service]:
        request = {"cluster": cluster, "services": list(names), "include": ["TAGS"]}
        answer = ask(self._caller, "ecs", "DescribeServices", request)
        found = [service_from(item) for item in answer.parts("services")]
        _check_complete(answer, names, {service.name for service in found})
        return found

    def _task_arns(self, cluster: str, service: str, status: str) -> list[str]:
        request = {
            "cluster": cluster,
            "serviceName": service,
            "desiredStatus": status,
            "maxResults": _LISTED_PER_PAGE,
        }
        arns: list[str] = []
        for page in pages(self._caller, "ecs", "ListTasks", request):
            arns += page.texts("taskArns")
            if len(arns) >= _TASKS_MOST:
                break
        return arns

    def _some_tasks(self, cluster: str, arns: Sequence[str]) -> list[Task]:
        answer = ask(self._caller, "ecs", "DescribeTasks", {"cluster": cluster, "tasks": list(arns)})
        found = [task_from(item) for item in answer.parts("tasks")]
        _check_complete(answer, arns, {task.arn for task in found})
        return found


def _missing(answer: Fields) -> list[str]:
    """Return the ARNs that AWS calls missing; any other failure makes the answer unknown."""
    failures = answer.parts_or_none("failures")
    for failure in failures:
        if failure.text_or("reason") != "MISSING":
            reason, detail = failure.text_or("reason", "no reason"), failure.text_or("detail")
            raise answer.unknown(f"{failure.text_or('arn', 'something')}: {reason} {detail}".rstrip())
    return [failure.text("arn") for failure in failures]


def _check_complete(answer: Fields, wanted: Sequence[str], found: set[str]) -> None:
    """Refuse an answer that passes over something that was asked for."""
    missing = {arn.rpartition("/")[2] for arn in _missing(answer)}
    silent = [name for name in wanted if name not in found and name.rpartition("/")[2] not in missing]
    if silent:
        raise answer.unknown(f"the answer does not say whether there is {', '.join(silent)}")
