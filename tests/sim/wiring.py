"""The ports of a simulated process: the real adapters, asked only when there is something new to translate."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from sim.cloud import Cloud
from teal.aws.call import Door
from teal.aws.compute import EcsCompute
from teal.aws.router import Elbv2Router
from teal.model.event import Event
from teal.model.traffic import LoadBalancer, Rule, TargetGroup, TargetHealth
from teal.model.workload import Service, Task, TaskDefinition
from teal.ports import Reply, Request

T = TypeVar("T")


class Reader(Protocol):
    """Who looks."""

    @property
    def cloud(self) -> Cloud:
        """What is looked at."""
        ...

    def read(self, what: str, key: object, kinds: tuple[str, ...], go: Callable[[], T]) -> T:
        """Read through a port."""
        ...

    def call(self, service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Call AWS."""
        ...


class Process(Reader, Protocol):
    """Whose ports these are."""

    clock_off_s: float

    def spend(self, seconds: float) -> None:
        """Let time pass."""
        ...

    def sleep(self, seconds: float) -> None:
        """Sleep on purpose."""
        ...

    def stop_signal(self) -> int | None:
        """Return the signal that asks to stop."""
        ...


@dataclass(slots=True)
class Wire:
    """What the adapters call."""

    process: Reader

    @property
    def region(self) -> str:
        """The region's name."""
        return self.process.cloud.region

    def endpoint(self, service: str) -> str:
        """Where a service is called: not on this machine, so that time is that of AWS."""
        return f"https://{service}.{self.region}.amazonaws.com"

    def call(self, service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Call AWS."""
        return self.process.call(service, operation, params)


class Compute(EcsCompute):
    """ECS, read once while it does not change."""

    def __init__(self, process: Reader, door: Door | None = None) -> None:
        super().__init__(door or Wire(process))
        self._process = process

    def cluster_found(self, cluster: str) -> bool:
        """Say whether the cluster exists and is ACTIVE."""
        return self._process.read("cluster", cluster, (), lambda: EcsCompute.cluster_found(self, cluster))

    def services(self, cluster: str, names: Sequence[str]) -> Mapping[str, Service]:
        """Return the services that exist by name."""
        return self._process.read(
            "services", tuple(names), ("services",), lambda: EcsCompute.services(self, cluster, names)
        )  # fmt: skip

    def tasks(self, cluster: str, service: str) -> tuple[Task, ...]:
        """Return the tasks of a service."""
        return self._process.read("tasks", service, ("tasks",), lambda: EcsCompute.tasks(self, cluster, service))

    def definition(self, arn: str) -> TaskDefinition | None:
        """Return a task definition."""
        return self._process.read("definition", arn, ("definitions",), lambda: EcsCompute.definition(self, arn))

    def latest_definitions(self, family: str, count: int) -> tuple[TaskDefinition, ...]:
        """Return the newest revisions of a family."""
        return self._process.read(
            "definitions", family, ("definitions",), lambda: EcsCompute.latest_definitions(self, family, count)
        )  # fmt: skip


class Router(Elbv2Router):
    """ELBv2, read once while it does not change."""

    def __init__(self, process: Reader, door: Door | None = None) -> None:
        super().__init__(door or Wire(process))
        self._process = process

    def load_balancers(self, names_or_arns: Sequence[str]) -> tuple[LoadBalancer, ...]:
        """Return the load balancers that exist."""
        return self._process.read(
            "balancers", tuple(names_or_arns), (), lambda: Elbv2Router.load_balancers(self, names_or_arns)
        )  # fmt: skip

    def rules(self, load_balancer: LoadBalancer) -> tuple[Rule, ...]:
        """Return all rules of a load balancer."""
        return self._process.read(
            "rules", load_balancer.arn, ("rules",), lambda: Elbv2Router.rules(self, load_balancer)
        )  # fmt: skip

    def tags(self, arns: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """Return the tags of rules and listeners."""
        return self._process.read("tags", tuple(arns), ("tags",), lambda: Elbv2Router.tags(self, arns))

    def groups(self, names: Sequence[str]) -> Mapping[str, TargetGroup]:
        """Return the target groups that exist."""
        return self._process.read("groups", tuple(names), ("groups",), lambda: Elbv2Router.groups(self, names))

    def health(self, group_arn: str) -> tuple[TargetHealth, ...]:
        """Return the health of all targets of a group."""
        return self._process.read("health", group_arn, ("health",), lambda: Elbv2Router.health(self, group_arn))


@dataclass(slots=True)
class Clock:
    """The clock of the process's machine, which may be off."""

    process: Process

    def now_s(self) -> float:
        """Return what it shows."""
        return self.process.cloud.now_s + self.process.clock_off_s

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.process.sleep(seconds)

    def stop_signal(self) -> int | None:
        """Return the signal that asks the process to stop."""
        return self.process.stop_signal()


@dataclass(slots=True)
class Prober:
    """Asks one of the load balancer's nodes."""

    process: Process

    def addresses(self, dns_name: str) -> tuple[str, ...]:
        """The name is the address."""
        return (dns_name,)

    def ask(self, request: Request) -> Reply:
        """Ask."""
        self.process.spend(0.02)
        status, revision = self.process.cloud.ask(request.headers, request.host, request.path)
        return Reply(status=status, headers={"x-revision": revision}, body=f"revision {revision}")


class Silence:
    """A journal that nobody reads."""

    def append(self, event: Event) -> None:
        """Forget an event: the story has it."""
