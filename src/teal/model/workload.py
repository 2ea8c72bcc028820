"""What runs: task definitions, services, tasks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from teal.model.traffic import NO_TAGS


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDefinition:
    """A registered task definition revision. `body` is AWS's own JSON, as DescribeTaskDefinition answers it."""

    arn: str
    family: str
    revision: int
    body: Mapping[str, Any]
    tags: Mapping[str, str] = field(default_factory=lambda: NO_TAGS)


@dataclass(frozen=True, slots=True, kw_only=True)
class EcsDeployment:
    """One entry of a service's deployments list."""

    id: str
    status: str  # PRIMARY ACTIVE INACTIVE
    task_definition_arn: str
    desired: int
    running: int
    pending: int
    failed: int
    rollout_state: str  # IN_PROGRESS COMPLETED FAILED, or "" where AWS does not say
    rollout_reason: str = ""
    created_at_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """An ECS service as AWS describes it."""

    name: str
    arn: str
    status: str  # ACTIVE DRAINING INACTIVE
    desired: int
    running: int
    pending: int
    task_definition_arn: str
    deployments: tuple[EcsDeployment, ...]
    target_group_arns: tuple[str, ...]
    minimum_healthy_percent: int = 100
    maximum_percent: int = 200
    breaker_enabled: bool = False
    breaker_rolls_back: bool = False
    unsupported: tuple[str, ...] = ()  # settings that a twin must not copy, e.g. `serviceRegistries`
    events: tuple[tuple[float, str], ...] = ()  # (unix seconds, message), newest first
    tags: Mapping[str, str] = field(default_factory=lambda: NO_TAGS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container of a task."""

    name: str
    status: str
    exit_code: int | None = None
    reason: str = ""
    image: str = ""
    image_digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task, running or lately stopped."""

    arn: str
    task_definition_arn: str
    status: str  # PROVISIONING PENDING ACTIVATING RUNNING DEACTIVATING STOPPING DEPROVISIONING STOPPED
    desired_status: str
    address: str  # the private IPv4 address of its network interface; "" before there is one
    stop_code: str = ""
    stopped_reason: str = ""
    created_at_s: float = 0.0
    stopped_at_s: float = 0.0
    containers: tuple[Container, ...] = ()


def revision_of(task_definition_arn: str) -> tuple[str, int]:
    """Return (family, revision) of a task definition ARN or `family:revision`; revision 0 when it names none."""
    family, _, revision = task_definition_arn.rpartition("/")[2].partition(":")
    return family, int(revision) if revision.isdecimal() else 0
