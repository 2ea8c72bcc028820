"""Processes that run commands: real executors on real adapters, over a wire on which anything may happen.

Every call of a port takes time, and at every one of them the process may be asleep, be killed, or be answered as the
weather has it. Between two of them nothing happens to the world that the process could see.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from random import Random  # noqa: TID251 - seeded: it is the simulation's only chance
from typing import Any, TypeVar

from region import Killed
from region_fakes import Shell
from sim.checkers import MOST_STEPS, Watcher
from sim.cloud import READS, Cloud
from sim.epochs import Epochs, Sender
from sim.faults import Weather, fault_of
from sim.lock import LOCKSMITH, Locksmith, token_of
from sim.scenario import Command, Kind
from sim.story import Story, brief, spoken
from sim.wiring import Clock, Compute, Prober, Router, Silence, Wire
from teal.aws.account import AwsAccount
from teal.aws.call import Door
from teal.aws.errors import error_for
from teal.aws.images import RegistryImages
from teal.aws.leased import LeasedDoor
from teal.aws.logs import CloudWatchLogs
from teal.errors import AwsError, CredentialError
from teal.execute.executor import Executor
from teal.execute.laws import LAWS, Laws
from teal.host.lock import Keeper
from teal.lab.front import answer
from teal.lab.world.wires import AwsRefusal
from teal.model.event import Event, RunEnded
from teal.model.identity import Slot
from teal.model.run import Abort, Rollback, Run
from teal.model.spec import Spec
from teal.ports import Ports

T = TypeVar("T")
Specs = Callable[[str], Spec]  # the configuration with an image
LONGEST_RUN_S = 6 * 3600.0
TIMEOUT_S = 5.0
AHEAD_OF_SIGNATURE = 0.5  # share of the sleeps over a write that come before it is signed
SIGNATURE_LASTS_S = 300.0  # then AWS refuses it
MOST_REPEATS = 20  # of the very same write
UNHEARD = frozenset({Kind.THROTTLE, Kind.DOWN, Kind.TIMEOUT, Kind.LATE})


class EndlessError(BaseException):
    """A run that does not end is ended here."""


@dataclass(slots=True)
class Deployer:
    """One process after another, on one machine."""

    name: str
    cloud: Cloud
    story: Story
    watcher: Watcher
    weather: Weather
    chance: Random
    machine_off_s: float = 0.0  # by how much the machine's clock is wrong; somebody may set it
    clock_off_s: float = 0.0  # by how much a process's is: as its machine's was when it began
    signal_at_s: float = 0.0
    asleep_s: float = 0.0  # how long in all its processes did not run
    in_flight: bool = True  # whether a process may fall asleep with a write on its way
    expired: bool = False
    denied: str = ""
    laws: Laws = LAWS
    epochs: Epochs | None = None  # None: the app has no lock
    smith: Locksmith = LOCKSMITH
    lock_wait_s: float = 0.0
    longest_sleep_s: float = 1800.0
    life: int = 0  # counts the processes
    dead: bool = False
    asleep_until_s: float = 0.0
    began_s: float = 0.0
    ended: RunEnded | None = None
    _gathered: int = 0
    _excused: bool = False
    _look_at_lease: Callable[[str, str], None] = lambda _service, _operation: None

    @property
    def awake_s(self) -> float:
        """Return the time as a process counts it that does not notice when it sleeps."""
        return self.cloud.now_s - self.asleep_s

    @property
    def misdated(self) -> bool:
        """Whether AWS refuses what this machine signs: it looks too old, or not yet signed."""
        return abs(self.machine_off_s) > SIGNATURE_LASTS_S

    # What befalls a process

    def set_clock(self, off_s: float) -> None:
        """Set the machine's clock wrong, or right."""
        self.story.count("clocks that were set")
        self.story.tell(self.cloud.now_s, self.name, f"its machine's clock is set to {off_s:+.0f} s")
        self.machine_off_s = off_s

    def spend(self, seconds: float) -> None:
        """Let time pass for this process."""
        self.cloud.time.wait(seconds)
        if self.cloud.now_s - self.began_s - self.asleep_s > LONGEST_RUN_S:
            raise EndlessError

    def travel(self) -> None:
        """Let a request or its answer travel; those of one round travel together."""
        if self._gathered > 1:
            self.spend(0.002)
            return
        self._gathered += self._gathered == 1
        self.spend(0.02 + 0.06 * self.chance.random())

    def doze(self) -> None:
        """Sleep without noticing, as a laptop does."""
        seconds = self.chance.uniform(2.0, self.longest_sleep_s)
        self.asleep_s += seconds
        self.asleep_until_s = self.cloud.now_s + seconds
        self.story.count("times that a machine fell asleep")
        self.story.tell(self.cloud.now_s, self.name, f"sleeps {seconds:.0f} s and does not know it")
        self.spend(seconds)

    def gather(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        """Make several reads in one round."""
        outer, self._gathered = self._gathered, 1
        try:
            return [call() for call in calls]
        finally:
            self._gathered = outer

    def within(self, calls: Sequence[Callable[[], T]], patience_s: float) -> list[T | None]:
        """Make several reads in one round; None for those that AWS does not answer, or not soon enough."""
        began_s = self.cloud.now_s

        def tried(call: Callable[[], T]) -> T | None:
            try:
                value = call()
            except (AwsError, CredentialError):
                return None
            return value if self.cloud.now_s - began_s <= patience_s else None

        return self.gather([lambda call=call: tried(call) for call in calls])  # type: ignore[misc]  # each call its own

    # Reads

    def read(self, what: str, key: object, kinds: tuple[str, ...], go: Callable[[], T]) -> T:
        """Read through a port: as the weather has it, or what is known of an unchanged world."""
        self.travel()
        kind = None if self.expired else self.weather.strikes_read()
        if kind is Kind.DENIED:
            self.denied = what
        if self.expired or kind is not None or self.denied == what or self.misdated:
            value = self._read_in_bad_weather(what, kind, go)
        else:
            value = self.cloud.remembered((what, key), kinds, go)
        self.watcher.saw(self, what, key, value)
        self.travel()
        return value

    def _read_in_bad_weather(self, what: str, kind: Kind | None, go: Callable[[], T]) -> T:
        self._suffer(what, kind)
        if kind in {Kind.PAUSE, Kind.SLOW, None}:
            return go()
        with self.weather.over(kind):
            try:
                return go()
            except (AwsError, CredentialError):
                self.watcher.missed(self, what)
                raise

    def _suffer(self, what: str, kind: Kind | None) -> None:
        """Let happen what happens to the process itself, whatever it asks."""
        if kind is not None:
            self.story.tell(self.cloud.now_s, self.name, f"{what} {kind}")
        if kind is Kind.EXPIRED:
            self.expired = True
        if kind in {Kind.KILLED_BEFORE, Kind.KILLED_AFTER}:
            raise Killed
        if kind is Kind.PAUSE:
            self.doze()
        if kind is Kind.SLOW:
            self.spend(self.chance.uniform(0.5, 4.0))
        if self.expired or self.denied == what or self.misdated:
            self.watcher.missed(self, what)
            self.watcher.failed_write(self)
            code = "SignatureDoesNotMatch" if self.misdated else "AccessDeniedException"
            code = "ExpiredTokenException" if self.expired else code
            raise error_for(what, code, "not you", status=403)

    def sleep(self, seconds: float) -> None:
        """Sleep on purpose; now and then for longer than that, without noticing."""
        if seconds > 0.2 and self.weather.sleeps_too_long():
            self.doze()
        self.spend(seconds)

    def stop_signal(self) -> int | None:
        """Return the signal that asks the process to stop."""
        return 15 if self.signal_at_s and self.cloud.now_s >= self.signal_at_s else None

    # The wire

    def call(self, service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Call AWS."""
        if operation.startswith(READS):
            found = self.weather.read(self.cloud, service, operation, params)
            return found if service != "sts" else found | {"ResponseMetadata": {"HTTPHeaders": self._headers()}}
        return self._write(service, operation, params)

    def _write(self, service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        kind = self._befalls_write(operation)
        signed_at_s = self.cloud.now_s
        self._look_at_lease(service, operation)
        sender = self._sender(late=kind is Kind.LATE)
        if kind is not Kind.KILLED_BEFORE:
            self.watcher.about_to_write(self, operation, params)
        self._reach(operation, kind, signed_at_s)

        def apply() -> dict[str, Any]:
            return self._apply(service, operation, params, sender)

        if kind is not None and kind in UNHEARD:
            self._unheard(kind, apply)
            raise fault_of(kind, f"{service}:{operation}")
        result = apply()
        if kind is Kind.LOST:
            self.story.count("answers that were lost")
            self.watcher.failed_write(self)
            self.spend(TIMEOUT_S)
            raise fault_of(kind, f"{service}:{operation}")
        if kind is Kind.KILLED_AFTER:
            raise Killed
        self.travel()
        if kind is Kind.GARBAGE:
            self.watcher.failed_write(self)
            return {}
        return result

    def _befalls_write(self, operation: str) -> Kind | None:
        kind = None if self.expired else self.weather.strikes_write()
        if kind is Kind.DENIED:
            self.denied = operation
        if kind is not Kind.PAUSE:
            return kind
        ahead = self.in_flight and self.chance.random() < AHEAD_OF_SIGNATURE
        if ahead:
            self.doze()
        return kind if self.in_flight and not ahead else None

    def _reach(self, operation: str, kind: Kind | None, signed_at_s: float) -> None:
        """Let a write travel to AWS, which refuses it when it is old."""
        self.travel()
        if kind is not Kind.KILLED_AFTER:
            self._suffer(operation, kind)
        if self.cloud.now_s - signed_at_s > SIGNATURE_LASTS_S:
            self.watcher.failed_write(self)
            raise error_for(operation, "RequestExpired", "signed too long ago", status=400)

    def _unheard(self, kind: Kind, apply: Callable[[], dict[str, Any]]) -> None:
        """Let a write come to nothing, or be done when nobody waits for it any more."""
        if kind is Kind.LATE:
            self.story.count("writes that were done late")
            self.cloud.time.at(self.cloud.now_s + self.chance.uniform(0.0, 12.0), lambda: self._land(apply))
        self.watcher.failed_write(self)
        self.spend(TIMEOUT_S if kind in {Kind.TIMEOUT, Kind.LATE} else 0.1)

    def _land(self, apply: Callable[[], dict[str, Any]]) -> None:
        try:
            apply()
        except (AwsError, CredentialError) as error:
            self.story.tell(self.cloud.now_s, self.name, f"a late write is refused: {error}")

    def _headers(self) -> dict[str, str]:
        return {"date": formatdate(self.cloud.now_s, usegmt=True)}

    def _sender(self, *, late: bool = False) -> Sender:
        epoch = self.epochs.shelf.epochs.get(token_of(self.name, self.life)) if self.epochs is not None else None
        return Sender(name=self.name, epoch=epoch, excused=self._excused, late=late)

    def _apply(self, service: str, operation: str, params: Mapping[str, Any], sender: Sender) -> dict[str, Any]:
        cloud = self.cloud
        self.story.tell(cloud.now_s, self.name, f"→ {operation} {brief(operation, params)}")
        try:
            result = answer(cloud.world, service, operation, params, cloud.now_s)
        except AwsRefusal as refusal:
            self.story.tell(cloud.now_s, self.name, f"  refused: {refusal}")
            raise error_for(f"{service}:{operation}", refusal.code, refusal.message, status=refusal.status) from refusal
        cloud.wrote(operation)
        self.story.count("writes")
        self.watcher.has_written(self, operation, params)
        if self.epochs is not None:
            self.epochs.landed(sender, operation, params)
        if max(self.watcher.notes[self.name].done.values()) > MOST_REPEATS:
            raise EndlessError
        return result

    # A run

    def run(self, command: Command, spec: Spec) -> RunEnded | None:
        """Run a command in a new process; return how it ended, None when it was killed."""
        cloud, told = self.cloud, self.story.tell
        self.expired, self.denied, self.ended = False, "", None
        self.began_s, self.asleep_s, self.clock_off_s = cloud.now_s, 0.0, self.machine_off_s
        self.life, self.dead, self._gathered = self.life + 1, False, 0
        self._excused = isinstance(command.intent, Rollback | Abort)
        self.story.count("runs")
        told(cloud.now_s, self.name, f"$ {command}")
        self.watcher.begins(self, command)
        if self.epochs is not None:
            self.epochs.begins(self.name)
        executor = Executor(
            spec=spec,
            ports=self._ports(),
            intent=command.intent,
            run=Run(
                id=f"d{cloud.hex()}",
                secrets={slot: f"{slot}0123456789abcdef0123456789abcdef" for slot in Slot},
                started_at_s=cloud.now_s + self.clock_off_s,
                lock_wait_s=self.lock_wait_s,
            ),
            command=type(command.intent).__name__.lower(),
            approve=lambda _plan, _seen: True,
            laws=self.laws,
        )
        try:
            for event in executor.events():
                self._hear(event)
        except Killed:
            self.story.count("processes that were killed")
            told(cloud.now_s, self.name, "was killed")
        except EndlessError:
            self.story.breaks(cloud.now_s, "a run ends", f"{self.name}: {command} does not end")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            self.story.breaks(cloud.now_s, "no run crashes", f"{self.name}: {command}: {type(error).__name__}: {error}")
        self.dead = True
        self.watcher.ends(self, command, self.ended)
        if self.epochs is not None:
            self.epochs.ends(self._sender(), command.intent, self.ended)
        return self.ended

    def _hear(self, event: Event) -> None:
        if self.story.kept:
            self._say(spoken(event))
        self.watcher.hears(self, event)
        if self.watcher.notes[self.name].steps > MOST_STEPS:
            raise EndlessError
        if isinstance(event, RunEnded):
            self.ended = event

    def _say(self, line: str) -> None:
        if line:
            self.story.tell(self.cloud.now_s, self.name, line)

    def _ports(self) -> Ports:
        wire, lock = self._wire()
        return Ports(
            compute=Compute(self, wire),
            router=Router(self, wire),
            account=AwsAccount(wire, Clock(self).now_s),
            images=RegistryImages(wire, lambda _: None),
            logs=CloudWatchLogs(wire),
            prober=Prober(self),
            shell=Shell(),
            clock=Clock(self),
            journal=Silence(),
            gather=self.gather,
            within=self.within,
            lock=lock,
        )

    def _wire(self) -> tuple[Door, Keeper | None]:
        """Return what the adapters call, and the lock of the process."""
        wire = Wire(self)
        if self.epochs is None:
            return wire, None
        keeper = self.smith.lock(self.epochs.shelf, self)
        self._look_at_lease = self.smith.guard(lambda _service, _operation: None, keeper)
        return LeasedDoor(wire, keeper), keeper
