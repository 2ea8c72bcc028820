"""What teal needs of the world, in its own words. Protocols only.

Every method may raise the AWS errors of `teal.errors`. A thing that is not there is a value (None, a missing key), not
an exception; an answer that lacks what it must have is `UnknownAnswerError`, never "nothing".
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from teal.model.event import Event, RunStarted
from teal.model.identity import Caller, LabFacts
from teal.model.lock import Claim, LockRecord
from teal.model.spec import GroupSpec
from teal.model.traffic import Condition, Forward, LoadBalancer, Rule, TargetGroup, TargetHealth
from teal.model.workload import Service, Task, TaskDefinition

T = TypeVar("T")


class Compute(Protocol):
    """ECS."""

    def cluster_found(self, cluster: str) -> bool:
        """Say whether the cluster exists and is ACTIVE."""
        ...

    def services(self, cluster: str, names: Sequence[str]) -> Mapping[str, Service]:
        """Return the services that exist (status not INACTIVE) by name, with tags."""
        ...

    def tasks(self, cluster: str, service: str) -> tuple[Task, ...]:
        """Return the tasks of a service, running and lately stopped, newest first; at most 200."""
        ...

    def definition(self, arn: str) -> TaskDefinition | None:
        """Return a task definition with tags, by ARN or `family:revision`; None where there is none."""
        ...

    def latest_definitions(self, family: str, count: int) -> tuple[TaskDefinition, ...]:
        """Return the newest ACTIVE revisions of a family, newest first."""
        ...

    def register(self, body: Mapping[str, Any], tags: Mapping[str, str]) -> TaskDefinition:
        """Register a revision; `body` is RegisterTaskDefinition's."""
        ...

    def create_service(self, body: Mapping[str, Any]) -> None:
        """Create a service; `body` is CreateService's, complete."""
        ...

    def update_service(self, cluster: str, service: str, changes: Mapping[str, Any]) -> None:
        """Update a service; `changes` are UpdateService's fields, only those that differ."""
        ...

    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        """Write tags on a service or task definition."""
        ...


class Router(Protocol):
    """ELBv2."""

    def load_balancers(self, names_or_arns: Sequence[str]) -> tuple[LoadBalancer, ...]:
        """Return the load balancers that exist, with their listeners."""
        ...

    def load_balancer_of(self, rule_or_listener_arn: str) -> str:
        """Return the ARN of the load balancer that a rule or listener ARN belongs to, from its text alone."""
        ...

    def rules(self, load_balancer: LoadBalancer) -> tuple[Rule, ...]:
        """Return all rules of all listeners, default actions included, without tags, in order of precedence."""
        ...

    def tags(self, arns: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """Return the tags of rules and listeners by ARN."""
        ...

    def groups(self, names: Sequence[str]) -> Mapping[str, TargetGroup]:
        """Return the target groups that exist, by name, with attributes."""
        ...

    def health(self, group_arn: str) -> tuple[TargetHealth, ...]:
        """Return the health of all targets of a group."""
        ...

    def create_group(self, group: GroupSpec, vpc_id: str, tags: Mapping[str, str]) -> None:
        """Create a target group of type ip, with its attributes."""
        ...

    def create_rule(self, rule: "NewRule") -> None:
        """Create a rule that forwards to one group."""
        ...

    def delete_rule(self, rule_arn: str) -> None:
        """Delete a rule; one that is not there any more is fine."""
        ...

    def write_forward(self, rule: Rule, forward: Forward) -> None:
        """Replace the forward action of `rule`; every other action, its order and the stickiness stay."""
        ...

    def tag(self, arns: Sequence[str], tags: Mapping[str, str]) -> None:
        """Write tags on rules and listeners, in one call."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRule:
    """A rule to create."""

    listener_arn: str
    priority: int
    conditions: tuple[Condition, ...]
    group_arn: str
    tags: Mapping[str, str]


class Account(Protocol):
    """STS and Application Auto Scaling."""

    def caller(self) -> Caller:
        """Return who asks, and where."""
        ...

    def scalable(self, cluster: str, services: Sequence[str]) -> frozenset[str]:
        """Return those of the services that are scalable targets."""
        ...


class Images(Protocol):
    """Container registries."""

    def digest(self, image: str, lab: LabFacts | None) -> str | None:
        """Return `sha256:…` of an image reference, or None where no registry can be asked."""
        ...


class Logs(Protocol):
    """CloudWatch Logs."""

    def last_lines(self, group: str, stream: str, count: int) -> tuple[str, ...]:
        """Return the last lines of a log stream, oldest first; empty where there is none or it may not be read."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An HTTP request to one address of a load balancer."""

    address: str  # IP address dialled
    port: int
    tls: bool
    host: str  # Host header, and server name for TLS
    path: str
    method: str = "GET"
    headers: Mapping[str, str]
    timeout_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back; `error` is not empty where nothing did."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: str
    error: str = ""


class Prober(Protocol):
    """HTTP, one fresh connection per request."""

    def addresses(self, dns_name: str) -> tuple[str, ...]:
        """Return all addresses of a name; empty where it does not resolve."""
        ...

    def ask(self, request: Request) -> Reply:
        """Send a request; never raises for what the network does."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """How a gate command ended; `exit_code` is None when its time ran out."""

    exit_code: int | None
    output: str  # last 4,000 characters of stdout and stderr


class Shell(Protocol):
    """Commands of the user's."""

    def run(self, command: str, environment: Mapping[str, str], timeout_s: float) -> CommandResult:
        """Run a command in the configuration's directory, and everything it started, until it ends or time is up."""
        ...


class Clock(Protocol):
    """Time, and the wish to stop."""

    def now_s(self) -> float:
        """Return unix seconds."""
        ...

    def sleep(self, seconds: float) -> None:
        """Sleep, but no longer than until somebody asks to stop."""
        ...

    def stop_signal(self) -> int | None:
        """Return the signal that asks this run to stop, or None."""
        ...


class LeaseClock(Protocol):
    """Time that nobody sets, on this computer alone."""

    def elapsed_s(self) -> float:
        """Return seconds since some instant, those in which the computer slept included."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A record, and the store's name for exactly this body of it."""

    record: LockRecord
    version: str


class LockStore(Protocol):
    """One record, written under a condition."""

    def read(self) -> Kept | None:
        """Return what is there now; None where there is nothing."""
        ...

    def write(self, record: LockRecord, over: str | None) -> str | None:
        """Write if the version there is still `over` (None: if nothing is there).

        Returns the new version; None where somebody else was first, or where a write of ours, repeated on the way, met
        itself. An error that is a TransientError leaves open whether it was written: read, and compare the nonce.
        """
        ...


class RunLock(Protocol):
    """The lock of the app, as one run sees it. Methods may raise what the store answers instead of a record."""

    def begin(self, caller: Caller, command: str) -> None:
        """Say whose lock it is about, and for what. Asks nothing yet."""
        ...

    def claim(self) -> Claim:
        """Take the lock if it is free, or if its holder can write no more."""
        ...

    def preempt(self) -> None:
        """Take the lock from whoever has it, without waiting for them."""
        ...

    def enter(self, phase: str) -> None:
        """Say in the record, with the next heartbeat, how far the run has come."""
        ...

    def excuse(self, *, excused: bool) -> None:
        """Say whether the next writes are those of a way back, which need no lease."""
        ...

    def renew(self) -> None:
        """Renew if it is due: before the look that a write rests on, since a slow store would make that old."""
        ...

    def lost(self, *, afresh: bool = False) -> str:
        """Say who holds the lock now, once it is no longer ours; empty while it is. `afresh` asks the store first."""
        ...

    def leaving(self) -> bool:
        """Say whether renewals have failed for so long that traffic must not be left split."""
        ...

    def unsettled(self) -> str:
        """Name those that were pre-empted and may still have a write under way; empty when there is nobody."""
        ...

    def unwatched(self) -> bool:
        """Say whether an earlier way back took the lock, and was not seen to watch to the end. Never raises."""
        ...

    def release(self) -> None:
        """Give the lock back, unless somebody that was pre-empted may still write. Never raises."""
        ...


class Journal(Protocol):
    """The append-only story of one app."""

    def append(self, event: Event) -> None:
        """Write an event durably."""
        ...


class JournalStore(Protocol):
    """A place where the runs of an app are read from everywhere."""

    def put(self, started: RunStarted, lines: str) -> None:
        """Put all lines that a run has told so far, in place of those that were put before.

        Raises:
            TealError: why they may not be there.
        """
        ...

    def newest(self, runs: int) -> tuple[bytes, ...]:
        """Return the lines of each of the newest runs, in any order.

        Raises:
            TealError: why they cannot be read.
        """
        ...


class Gather(Protocol):
    """Several reads at once."""

    def __call__(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        """Return the results in order; the first error is raised after all have ended."""
        ...


class Within(Protocol):
    """Several reads at once that nobody depends on."""

    def __call__(self, calls: Sequence[Callable[[], T]], patience_s: float) -> list[T | None]:
        """Return the results in order; None for those that AWS did not answer, or not in `patience_s`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """All that a run needs of the world."""

    compute: Compute
    router: Router
    account: Account
    images: Images
    logs: Logs
    prober: Prober
    shell: Shell
    clock: Clock
    journal: Journal
    gather: Gather
    within: Within
    lock: RunLock | None = None  # None where no store is configured
