"""Troubles of a rollback, made for real in a lab: each a context in which `teal rollback` is run as a process."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.production import Production
from benchmarks.relay import Call, Deed, Relay

from teal.aws.client import BotocoreCaller, Patience
from teal.errors import BusyError, TransientError

COMMAND_S = 120.0
TROUBLE_S = 20.0
TICK_S = 0.25
DRAIN_MOST = 400
Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A rollback's trouble: the slot it shall come to, what it is told besides, and what was seen of the trouble."""

    origin: str
    words: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict[str, str])
    problems: list[str] = field(default_factory=list[str])
    accepted_at_s: list[float] = field(default_factory=list[float])
    throttled: list[int] = field(default_factory=list[int])


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How a command ended. Times are seconds, `began_s` unix."""

    code: int
    began_s: float
    took_s: float
    events: tuple[Event, ...]
    said: str

    @property
    def accepted_at_s(self) -> float:
        """When the last route's write was accepted; infinite when none was."""
        return max((float(event["at_s"]) for event in self.events if writes(event)), default=float("inf"))


def writes(event: Event) -> bool:
    """Say whether an event is a route's write that was accepted."""
    return event["event"] == "StepEnded" and event["step"]["kind"] == "WriteRoute"


class Bench:
    """The app, and commands on it as processes."""

    def __init__(self, shop: Production) -> None:
        self.shop = shop
        self.stage = shop.stage
        self.colours = 0

    def start(self, *words: str, environ: Mapping[str, str]) -> "subprocess.Popen[str]":
        """Start `teal`; each of its events is a line of its output."""
        return subprocess.Popen(  # noqa: S603 - teal itself
            [sys.executable, "-m", "teal", *words, "-o", "jsonl"],
            cwd=self.stage.directory,
            env={**self.stage.environ, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, environ: Mapping[str, str] | None = None) -> Done:
        """Run `teal` to its end."""
        began_s = self.shop.clock.now_s()
        process = self.start(*words, environ=environ or {})
        try:
            out, said = process.communicate(timeout=COMMAND_S)
        finally:
            process.kill()
        took_s = self.shop.clock.now_s() - began_s
        events = tuple(json.loads(line) for line in out.splitlines())
        told = f"{events[-1].get('message', '')} {said[-800:]}" if events else said[-800:]
        return Done(code=process.returncode, began_s=began_s, took_s=took_s, events=events, said=told)

    def must(self, *words: str) -> None:
        """Run a command that has to succeed.

        Raises:
            RuntimeError: it did not.
        """
        done = self.run(*words)
        if done.code != 0:
            raise RuntimeError(f"`teal {' '.join(words)}` ended with {done.code}: {done.said}")

    def to_green(self) -> str:
        """Bring production to green; return the slot that it came from."""
        self.must("flip", "--again", "--yes")
        return str(self.status()["move"]["from"])

    def status(self) -> Mapping[str, Any]:
        """Return where things stand."""
        return self.shop.app().status()

    def journals(self) -> tuple[Path, ...]:
        """Return the files of journals."""
        return tuple(self.stage.directory.rglob("*.jsonl"))

    def until(self, true: Callable[[], bool], what: str) -> None:
        """Wait for something.

        Raises:
            TimeoutError: it does not come.
        """
        deadline_s = self.shop.clock.now_s() + TROUBLE_S
        while not true():
            if self.shop.clock.now_s() > deadline_s:
                raise TimeoutError(f"{what}: not within {TROUBLE_S:g} s")
            self.shop.clock.sleep(0.05)


@contextmanager
def no_trouble(bench: Bench) -> Generator[Trouble]:
    """Bring production to green, and leave it at that."""
    yield Trouble(origin=bench.to_green())


@contextmanager
def nobody_listens(bench: Bench) -> Generator[Trouble]:
    """Let the lock's store be where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and not listening
        yield _store_at(taken, bench.to_green())


@contextmanager
def store_hangs(bench: Bench) -> Generator[Trouble]:
    """Let the lock's store be where connections are taken, and never an answer given."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as silent:
        yield _store_at(silent, bench.to_green())


def _store_at(where: socket.socket, origin: str) -> Trouble:
    url = f"http://127.0.0.1:{where.getsockname()[1]}"
    return Trouble(
        origin=origin, words=("--set", "lock.store=s3://team-state/teal"), environ={"AWS_ENDPOINT_URL_S3": url}
    )


@contextmanager
def no_journal(bench: Bench) -> Generator[Trouble]:
    """Delete the journal, and put into its places what nobody, not even root, can write a line to."""
    origin = bench.to_green()
    nowhere = bench.stage.directory / "no directory"
    nowhere.touch()
    trouble = Trouble(origin=origin, environ={"XDG_STATE_HOME": str(nowhere)})
    journals = bench.journals()
    for journal in journals:
        journal.unlink()
        journal.mkdir()
    yield trouble
    if not journals or not all(journal.is_dir() for journal in journals):
        trouble.problems.append("there was a journal after all")
    for journal in journals:
        journal.rmdir()


@contextmanager
def green_is_frozen(bench: Bench) -> Generator[Trouble]:
    """Stop every task of green. They go on afterwards, so that requests which they hold are answered late."""
    origin = bench.to_green()
    labs, name = bench.stage.labs, bench.stage.name
    live = next(view for view in bench.status()["slots"] if view["slot"] == bench.status()["live"])
    since = labs.event_at(name, 0.0)
    for seed in range(8):  # each draws a task; eight miss none of two
        labs.break_(name, {"kind": "freeze-task", "service": f"shop-{live['slot']}"}, seed=seed, for_s=None)

    def frozen() -> bool:
        told = [event["message"] for _, events in labs.events(name, since, follow=False) for event in events]
        return len({message for message in told if message.startswith("freezes task")}) >= int(live["tasks_desired"])

    try:
        bench.until(frozen, "all tasks of green are frozen")
        yield Trouble(origin=origin)
    finally:
        labs.mend(name, ())


@contextmanager
def lock_is_held(bench: Bench) -> Generator[Trouble]:
    """Let another deployer have the lock in the middle of its shift, and see that it leaves."""
    bench.colours += 1
    trouble = Trouble(origin=str(bench.status()["live"]))
    heard: list[tuple[float, str]] = []

    def decide(call: Call) -> Deed:
        if not call.reads:
            heard.append((bench.shop.clock.now_s(), call.operation))
        return Deed.PASS

    relay = Relay(bench.stage.endpoint_url)
    relay.decide = decide
    environ = {"COLOUR": f"c{bench.colours}", "AWS_ENDPOINT_URL": relay.url}
    other = bench.start("deploy", "--yes", "--set", "deploy.shift=[10% for 8h, 100%]", environ=environ)
    try:
        _until_split(other)
        yield trouble
        told, said = other.communicate(timeout=COMMAND_S)
        if other.returncode != BusyError.exit_code or "the lock was lost to" not in told:
            trouble.problems.append(f"the other deployer ended with {other.returncode}: {told[-800:]}{said[-300:]}")
        late = [operation for at_s, operation in heard if at_s > trouble.accepted_at_s[0]]
        if late:
            trouble.problems.append(f"the other deployer wrote afterwards: {late}")
    finally:
        other.kill()
        other.wait(COMMAND_S)
        relay.close()


def _until_split(other: "subprocess.Popen[str]") -> None:
    """Read what the other deployer tells until its first weight was accepted.

    Raises:
        RuntimeError: it ended before.
    """
    if other.stdout is not None:
        for line in other.stdout:
            if writes(json.loads(line)):
                return
    raise RuntimeError(f"the other deployer never shifted: {other.communicate(timeout=COMMAND_S)[1][-800:]}")


@contextmanager
def throttled(bench: Bench) -> Generator[Trouble]:
    """Count calls as AWS does, and let a neighbour in the same account call more often than the buckets fill."""
    trouble = Trouble(origin=bench.to_green())
    labs, name = bench.stage.labs, bench.stage.name
    neighbour = Neighbour(bench)
    fault = labs.break_(name, {"kind": "throttle-api"}, seed=None, for_s=None)
    try:
        with neighbour.calling():
            yield trouble
        hits = next(each["hits"] for each in labs.faults(name) if each["number"] == fault["number"])
        trouble.throttled.append(int(hits) - neighbour.refused)
        if trouble.throttled[0] < 1:
            trouble.problems.append("no call of the rollback was throttled")
    finally:
        labs.mend(name, ())


class Neighbour:
    """Somebody else in the account: 20 calls of ELBv2 and 40 of ECS per second, twice as many as AWS gives."""

    def __init__(self, bench: Bench) -> None:
        self._clock = bench.shop.clock
        self._caller = BotocoreCaller(
            region="eu-west-1", endpoint_url=bench.stage.endpoint_url, patience=Patience(attempts=1)
        )  # fmt: skip
        found = self._caller.call("elbv2", "DescribeLoadBalancers", {})["LoadBalancers"][0]["LoadBalancerArn"]
        tag = {"ResourceArns": [found], "Tags": [{"Key": "neighbour", "Value": "was here"}]}
        self._calls: tuple[tuple[int, str, str, Mapping[str, Any]], ...] = (
            (4, "elbv2", "DescribeLoadBalancers", {}),
            (1, "elbv2", "AddTags", tag),
            (10, "ecs", "DescribeServices", {"cluster": "shop", "services": ["shop-a"]}),
        )  # each so often in a quarter of a second
        self._over = threading.Event()
        self.refused = 0

    @contextmanager
    def calling(self) -> Generator[None]:
        """Empty the buckets, then keep them so."""
        for _, *call in self._calls:
            for _ in range(DRAIN_MOST):
                if not self._call(*call):
                    break
        thread = threading.Thread(target=self._go_on, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join(COMMAND_S)

    def _go_on(self) -> None:
        while not self._over.wait(TICK_S):
            for often, *call in self._calls:
                for _ in range(often):
                    self._call(*call)

    def _call(self, service: str, operation: str, params: Mapping[str, Any]) -> bool:
        try:
            self._caller.call(service, operation, params)
        except TransientError:
            self.refused += 1
            return False
        return True


TROUBLES: Mapping[str, Callable[[Bench], AbstractContextManager[Trouble]]] = {
    "none": no_trouble,
    "nobody listens": nobody_listens,
    "store hangs": store_hangs,
    "no journal": no_journal,
    "green is frozen": green_is_frozen,
    "lock is held": lock_is_held,
    "throttled": throttled,
}
