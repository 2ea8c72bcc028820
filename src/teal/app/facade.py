"""What teal can do, for the command line and for anybody's Python.

app = open_app(Options(config=Path("teal.yaml")), environ)
for event in app.run(Deploy(), command="deploy", approve=lambda plan, seen: True):
...
"""

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from teal.app.images import pinned
from teal.app.journals import AppJournal, shared_journal
from teal.app.locks import AppLock, app_lock, keeper
from teal.aws.account import AwsAccount, is_loopback
from teal.aws.client import BotocoreCaller, Patience
from teal.aws.compute import EcsCompute
from teal.aws.images import RegistryImages
from teal.aws.leased import Lease, LeasedDoor, guard
from teal.aws.logs import CloudWatchLogs
from teal.aws.operations import WRITES
from teal.aws.pace import TokenBucket
from teal.aws.router import Elbv2Router
from teal.config import source
from teal.config.overlay import split_image
from teal.errors import NeedsPersonError, UsageError
from teal.execute.executor import Approve, Executor
from teal.execute.perform import Scene
from teal.execute.questions import taste_way
from teal.host.clock import SystemClock
from teal.host.gather import PatientGather, ThreadGather
from teal.host.journal import journal_path
from teal.host.probe import HttpProber
from teal.host.registry import OciRegistry
from teal.host.shell import ProcessShell
from teal.model.decision import Decision, Refused
from teal.model.event import Event, Noted, RunEnded
from teal.model.identity import Slot
from teal.model.run import Deploy, Flip, Intent, Retire, Run
from teal.model.snapshot import Snapshot
from teal.model.spec import LockSpec, Spec
from teal.observe.observer import Observer
from teal.plan.check import Check
from teal.plan.planner import plan
from teal.plan.preflight import failed_checks, preflight, refusing
from teal.plan.readiness import readiness
from teal.plan.situation import classify
from teal.ports import Ports
from teal.report.views import status_view

LOCK_PATIENCE = Patience(connect_s=2.0, read_s=3.0, attempts=1)
SECRET_BYTES = 20  # 160 random bits; hexadecimal, because a header condition does not heed case


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Which app, where, with what changed for this once."""

    config: Path | None = None
    images: tuple[str, ...] = ()  # `container=repo:tag`, or `repo:tag` where there is one container
    sets: tuple[tuple[str, str], ...] = ()
    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    timeout_s: float | None = None
    lock_wait_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TasteAccess:
    """How a slot is tasted."""

    url: str
    header: str | None
    secret: str | None


class App:
    """The use cases of one app.

    Args:
        spec: what is configured.
        ports: the world.
        timeout_s: `--timeout`.
        calls: how many calls were made so far, by `service:operation`.
        journal: the story, which is among the ports as well.
        lock: the lock, where one is configured.
    """

    def __init__(
        self,
        spec: Spec,
        ports: Ports,
        *,
        timeout_s: float | None,
        calls: Mapping[str, int],
        journal: AppJournal,
        lock: AppLock | None = None,
    ) -> None:
        self._lock = lock
        self.spec = spec
        self.calls = calls
        self._ports = ports
        self._timeout_s = timeout_s
        self._journal = journal

    def look(self) -> Snapshot:
        """Take one full look."""
        return Observer(self.spec, self._ports).full()

    def check(self) -> tuple[Check, ...]:
        """Answer every preflight question."""
        return preflight(self.spec, self.look())

    def plan(self, intent: Intent) -> tuple[Decision, Snapshot]:
        """Decide from one look, and do nothing."""
        spec, snapshot = self._resolved(intent), self.look()
        if isinstance(intent, Deploy | Flip | Retire):
            bad = refusing(preflight(spec, snapshot))
            if bad:
                hint = "`teal check` shows every check"
                return Refused(exit_code=bad[0].exit_code, message=failed_checks(bad), hint=hint), snapshot
        return plan(intent, spec, snapshot, self._new_run(), self._ports.clock.now_s()), snapshot

    def run(self, intent: Intent, *, command: str, approve: Approve) -> Iterator[Event]:
        """Do it; the last event is RunEnded, which carries the exit code.

        Raises:
            UsageError: no registry says what an image tag points to.
        """
        executor = Executor(
            spec=self._resolved(intent),
            ports=self._ports,
            intent=intent,
            run=self._new_run(),
            command=command,
            approve=approve,
            timeout_s=self._timeout_s,
        )
        return self._told(executor.events())

    def _told(self, events: Iterator[Event]) -> Iterator[Event]:
        """Wait a little for the journal's store at the end; what it has against the journal is told before the end."""
        for event in events:
            if isinstance(event, RunEnded) and (problem := self._journal.finish()):
                yield Noted(at_s=self._ports.clock.now_s(), message=problem)
            yield event

    def status(self) -> dict[str, Any]:
        """Say where things stand, as one look shows it."""
        snapshot = self.look()
        situation = classify(self.spec, snapshot)
        live = situation.live
        ready = readiness(self.spec, snapshot, live) if live is not None else None
        view = status_view(self.spec, snapshot, situation, ready, self._ports.clock.now_s())
        return {**view, "lock": self._lock.holder(snapshot.caller) if self._lock is not None else None}

    def unlock(self) -> str:
        """Break the lock, whoever holds it; return whose it was, empty where it was free.

        Raises:
            UsageError: no lock is configured.
        """
        if self._lock is None:
            raise UsageError("no lock is configured", hint="`lock:` in teal.yaml names its store")
        return self._lock.unlock(self._ports.account.caller())

    def history(self, runs: int) -> tuple[list[dict[str, Any]], str]:
        """Return the journal's lines of the last runs, oldest first, and why those of other machines are missing."""
        return self._journal.history(self._ports.account.caller, runs)

    def tastes(self) -> dict[Slot, TasteAccess]:
        """Say how each slot that has a taste rule is tasted.

        Raises:
            NeedsPersonError: no slot has one yet.
        """
        scene = Scene(spec=self.spec, snapshot=self.look(), ports=self._ports, secrets={})
        found: dict[Slot, TasteAccess] = {}
        for slot in Slot:
            way = taste_way(scene, slot)
            if way is not None:
                header, secret = next(iter(way.headers.items()), (None, None))
                found[slot] = TasteAccess(url=f"{way.url}{way.path}", header=header, secret=secret)
        if not found:
            raise NeedsPersonError("there is no taste rule yet", hint="`teal deploy` creates it")
        return found

    def _resolved(self, intent: Intent) -> Spec:
        """Return the spec with images by digest, where the content matters."""
        if not isinstance(intent, Deploy):
            return self.spec
        lab = self._ports.account.caller().lab
        return replace(self.spec, task_definition=pinned(self.spec.task_definition, self._ports.images, lab))

    def _new_run(self) -> Run:
        return Run(
            id=f"d{secrets.token_hex(5)}",
            secrets={slot: secrets.token_hex(SECRET_BYTES) for slot in Slot},
            started_at_s=self._ports.clock.now_s(),
            lock_wait_s=self._lock.wait_s if self._lock is not None else 0.0,
        )


def open_app(options: Options, environ: Mapping[str, str], clock: SystemClock | None = None) -> App:
    """Read the configuration and connect the ports; no call is made yet.

    Raises:
        ConfigError: every mistake of the configuration at once.
        UsageError: there is no configuration, no region, or no such profile.
    """
    images = dict(split_image(text) for text in options.images)
    spec = source.load(options.config, environ=environ, images=images, sets=options.sets)
    clock = clock or installed_clock()
    directory = source.directory_of(options.config, environ)
    store_caller = cache(partial(_lock_caller, spec, options))  # one for the lock and the journal beside it
    gather = ThreadGather()
    lock = app_lock(spec, store_caller, directory, clock)
    keeping = keeper(lock.open_store, clock, environ) if lock is not None else None
    caller = _caller(spec, options, clock, keeping)
    door = caller if keeping is None else LeasedDoor(caller, keeping)
    journal = AppJournal(_own_journal(environ, spec), shared_journal(spec, store_caller, directory, gather))
    ports = Ports(
        compute=EcsCompute(door, gather),
        router=Elbv2Router(door, gather),
        account=AwsAccount(door, clock.now_s),
        images=RegistryImages(door, OciRegistry()),
        logs=CloudWatchLogs(door),
        prober=HttpProber(clock),
        shell=ProcessShell(directory, environ, clock),
        clock=clock,
        journal=journal,
        gather=gather,
        within=PatientGather(clock),
        lock=keeping,
    )
    waiting = replace(lock, wait_s=options.lock_wait_s) if lock is not None else None
    return App(spec, ports, timeout_s=options.timeout_s, calls=caller.calls, journal=journal, lock=waiting)


def _caller(spec: Spec, options: Options, clock: SystemClock, lease: Lease | None) -> BotocoreCaller:
    """Return what calls AWS: paced, and looking at the lease before each write."""
    caller = BotocoreCaller(
        profile=options.profile,
        region=options.region or spec.region,
        endpoint_url=options.endpoint_url,
        on_call=lambda service, operation: before(service, operation),  # noqa: PLW0108 - pace needs the caller itself
    )
    pace = _pace(TokenBucket(clock=clock), caller)
    before = pace if lease is None else guard(pace, lease)
    return caller


def _lock_caller(spec: Spec, options: Options, lock: LockSpec) -> BotocoreCaller:
    """Return what calls the account that keeps the lock: impatient, for a lease does not wait."""
    return BotocoreCaller(
        profile=lock.profile or options.profile,
        region=lock.region or options.region or spec.region,
        endpoint_url=options.endpoint_url,
        patience=LOCK_PATIENCE,
    )


def _own_journal(environ: Mapping[str, str], spec: Spec) -> Path | None:
    """Return this user's journal; None where nobody has a home: a rollback does not depend on one."""
    try:
        return journal_path(state_directory(environ), spec.account or "any", spec.region, spec.app)
    except UsageError:
        return None


def installed_clock() -> SystemClock:
    """Return a clock that takes SIGINT and SIGTERM as the wish to stop."""
    clock = SystemClock()
    clock.install()
    return clock


def state_directory(environ: Mapping[str, str]) -> Path:
    """Return where journals and labs are kept: `$XDG_STATE_HOME/teal`, else `~/.local/state/teal`.

    Raises:
        UsageError: neither is set.
    """
    home = environ.get("XDG_STATE_HOME") or (environ.get("HOME") and f"{environ['HOME']}/.local/state")
    if not home:
        raise UsageError("neither XDG_STATE_HOME nor HOME is set", hint="set XDG_STATE_HOME to a directory of yours")
    return Path(home) / "teal"


def _pace(bucket: TokenBucket, caller: BotocoreCaller) -> Callable[[str, str], None]:
    """Return what is called before each request: ELBv2's budget is small, and belongs to the whole account.

    A lab has no other tenants, and its seconds are shorter.
    """

    def before(service: str, operation: str) -> None:
        if service == "elbv2" and not is_loopback(caller.endpoint(service)):
            bucket.take(write=(service, operation) in WRITES)

    return before
