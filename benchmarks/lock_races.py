"""Real processes that race for one lock: exactly one wins each round, and epochs only grow.

Each round forks 2 to 8 processes, which wait for one another and then claim the lock at once, with teal's own lease and
store. Whoever does not get it exits as `teal deploy` would, with 6. The winner holds on until all have tried, and gives
the lock back. In every tenth round it is killed instead: the next round races for a lock whose holder is known to be
dead. Before every seventh a rollback takes the lock from a holder, whose next write must be refused.

    python -m benchmarks.lock_races --store file --rounds 1000

The store is `file`, `s3` or `dynamodb`; the latter two are moto, in a process of its own. Prints one JSON object. Exit
0 says that every round was as it should be.
"""

import argparse
import json
import os
import random
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from teal.app.locks import keeper, opened
from teal.aws.client import BotocoreCaller, Patience
from teal.errors import BusyError, TealError, TransientError
from teal.host.clock import SystemClock
from teal.model.identity import Caller, LabFacts
from teal.model.lock import Claimed
from teal.model.spec import LockSpec, StoreKind
from teal.ports import Kept, LockStore

TIME_SCALE = 0.02  # a dead holder is waited for 0.2 s
MOTO = Path(__file__).resolve().parents[1] / "tests" / "moto_server.py"
BUCKET, TABLE, KEY = "team-state", "teal-locks", "1/eu-west-1/prod/shop"
CALLER = Caller(
    account="1", arn="a", region="us-east-1", lab=LabFacts(time_scale=TIME_SCALE, low_port_offset=0)
)  # fmt: skip
ROUND_DEADLINE_S = 60
TAKE_DEADLINE_S = 30.0
KILLED_EVERY = 10
PREEMPTED_EVERY = 7
NEVER_TOLD = 99
SAID_BYTES = 100  # of one racer; a pipe keeps so few together


@dataclass(slots=True)
class Result:
    """What was counted."""

    store: str
    seed: int
    rounds: int = 0
    processes: int = 0
    wins: int = 0
    losses: int = 0
    killed: int = 0
    preempted: int = 0
    last_epoch: int = 0
    wrong: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipes:
    """What a round is steered by: `start` and `end` are told by being closed, `said` carries what racers found."""

    start: tuple[int, int]
    end: tuple[int, int]
    said: tuple[int, int]

    @classmethod
    def new(cls) -> "Pipes":
        """Open them."""
        return cls(start=os.pipe(), end=os.pipe(), said=os.pipe())

    def hear(self) -> Mapping[str, Any]:
        """Return what the next racer says.

        Raises:
            TimeoutError: none says anything.
        """
        if not select.select([self.said[0]], [], [], ROUND_DEADLINE_S)[0]:
            raise TimeoutError("a racer said nothing")
        said: Mapping[str, Any] = json.loads(os.read(self.said[0], SAID_BYTES))
        return said

    def close(self) -> None:
        """Close what is still open."""
        for descriptor in (*self.start, *self.end, *self.said):
            with suppress(OSError):
                os.close(descriptor)


class Races:
    """Rounds over one store."""

    def __init__(self, store: LockStore, result: Result) -> None:
        self._store = store
        self._result = result
        self._chance = random.Random(result.seed)  # noqa: S311 - not for secrets

    def play(self, rounds: int) -> None:
        """Play rounds until the last, or until something is wrong."""
        for number in range(1, rounds + 1):
            racers = self._chance.randint(2, 8)
            self._result.rounds, self._result.processes = number, self._result.processes + racers
            if number % PREEMPTED_EVERY == 0:
                self._preempt()
            self._round(racers, killed=number % KILLED_EVERY == 0)
            if self._result.wrong:
                return

    def _round(self, racers: int, *, killed: bool) -> None:
        pipes = Pipes.new()
        children = [self._fork(lambda: race(self._store, pipes)) for _ in range(racers)]
        os.close(pipes.start[1])
        said = [pipes.hear() for _ in range(racers)]
        winners = [one for one in said if one["epoch"]]
        if killed and winners:
            os.kill(winners[0]["pid"], signal.SIGKILL)
            self._result.killed += 1
        os.close(pipes.end[1])
        codes = sorted(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)
        pipes.close()
        self._judge(winners, codes, [-signal.SIGKILL if killed else 0, *[BusyError.exit_code] * (racers - 1)])

    def _judge(self, winners: list[Mapping[str, Any]], codes: list[int], expected: list[int]) -> None:
        result = self._result
        result.wins, result.losses = result.wins + len(winners), result.losses + len(codes) - len(winners)
        epochs = [winner["epoch"] for winner in winners]
        if codes != sorted(expected):
            result.wrong.append(f"round {result.rounds}: exit codes {codes}, expected {sorted(expected)}")
        if epochs != [result.last_epoch + 1]:
            result.wrong.append(f"round {result.rounds}: epochs {epochs} after {result.last_epoch}")
        result.last_epoch = max([result.last_epoch, *epochs])

    def _preempt(self) -> None:
        """Let a holder lose its lock to a rollback: its next write is refused, and it says that it left."""
        pipes = Pipes.new()
        child = self._fork(lambda: lose(self._store, pipes))
        held = pipes.hear()
        mine = keeper(lambda _: self._store, SystemClock(), os.environ)
        mine.begin(CALLER, "rollback")
        mine.preempt()
        os.close(pipes.end[1])
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        unsettled = mine.unsettled()
        mine.release()
        pipes.close()
        kept = self._store.read()
        result = self._result
        result.preempted, result.last_epoch = result.preempted + 1, kept.record.epoch if kept is not None else 0
        if (code, unsettled, result.last_epoch) != (BusyError.exit_code, "", held["epoch"] + 1):
            result.wrong.append(f"round {result.rounds}: pre-empted: {code}, {unsettled!r}, {result.last_epoch}")

    def _fork(self, work: Callable[[], int]) -> int:
        child = os.fork()
        if child:
            return child
        signal.alarm(ROUND_DEADLINE_S)
        code = NEVER_TOLD
        try:
            code = work()
        finally:
            os._exit(code)


def race(store: LockStore, pipes: Pipes) -> int:
    """Claim the lock once everybody is ready; return the exit code of a run."""
    os.close(pipes.start[1])
    os.close(pipes.end[1])
    mine = keeper(lambda _: store, SystemClock(), os.environ)
    mine.begin(CALLER, "deploy")
    os.read(pipes.start[0], 1)
    epoch = take(mine.claim)
    os.write(pipes.said[1], json.dumps({"pid": os.getpid(), "epoch": epoch}).ljust(SAID_BYTES).encode())
    if not epoch:
        return BusyError.exit_code
    os.read(pipes.end[0], 1)
    with mine.writing():
        mine.may_send()
    mine.release()
    return 0


def lose(store: LockStore, pipes: Pipes) -> int:
    """Hold the lock, be pre-empted, and try to write."""
    os.close(pipes.end[1])
    mine = keeper(lambda _: store, SystemClock(), os.environ)
    mine.begin(CALLER, "deploy")
    epoch = take(mine.claim)
    os.write(pipes.said[1], json.dumps({"pid": os.getpid(), "epoch": epoch}).ljust(SAID_BYTES).encode())
    os.read(pipes.end[0], 1)
    clock = SystemClock()
    until_s = clock.elapsed_s() + TAKE_DEADLINE_S
    try:
        while clock.elapsed_s() < until_s:
            with mine.writing():
                mine.may_send()
            clock.sleep(0.05)  # the heartbeat of this lab's lease comes every 1.5 s
    except TealError as error:
        return error.exit_code
    return NEVER_TOLD


def take(claim: Callable[[], object]) -> int:
    """Claim as `teal deploy` does: a dead holder is waited for, a living one is not. Return the epoch, or 0."""
    clock = SystemClock()
    until_s = clock.elapsed_s() + TAKE_DEADLINE_S
    while clock.elapsed_s() < until_s:
        try:
            claimed = claim()
        except TransientError:
            clock.sleep(0.05)
            continue
        if isinstance(claimed, Claimed):
            return claimed.epoch
        if not getattr(claimed, "dead", False):
            return 0
        clock.sleep(0.05)
    return 0


@contextmanager
def store_of(kind: StoreKind) -> Generator[LockStore]:
    """Open a store of this kind, with nothing in it."""
    with tempfile.TemporaryDirectory() as directory:
        if kind is StoreKind.FILE:
            lock = LockSpec(kind=kind, place="locks")
            yield opened(lock, KEY, _no_aws, Path(directory), SystemClock())
            return
        command = [sys.executable, str(MOTO)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - a file beside this one
            caller = _caller((server.stdout.readline() if server.stdout is not None else "").strip())
            lock = LockSpec(kind=kind, place=BUCKET if kind is StoreKind.S3 else TABLE, prefix="teal")
            store = opened(lock, KEY, lambda: caller, Path(directory), SystemClock())
            assert_empty(store.read())
            yield store
            server.communicate()


def assert_empty(kept: Kept | None) -> None:
    """Say that nothing was there."""
    if kept is not None:
        raise SystemExit("the store is not empty")


def _no_aws() -> BotocoreCaller:
    raise SystemExit("a file needs no AWS")


def _caller(url: str) -> BotocoreCaller:
    os.environ.update({"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_CONFIG_FILE": os.devnull})
    caller = BotocoreCaller(region="us-east-1", endpoint_url=url, patience=Patience(read_s=30.0))
    caller.call("s3", "CreateBucket", {"Bucket": BUCKET})
    key = {"AttributeName": "LockID"}
    caller.call(
        "dynamodb",
        "CreateTable",
        {
            "TableName": TABLE,
            "AttributeDefinitions": [{**key, "AttributeType": "S"}],
            "KeySchema": [{**key, "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
        },
    )
    return caller


def main() -> None:
    """Race, and print what was counted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", choices=[*StoreKind], default=StoreKind.FILE)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    result = Result(store=asked.store, seed=asked.seed)
    with store_of(StoreKind(asked.store)) as store:
        Races(store, result).play(asked.rounds)
    print(json.dumps(asdict(result), indent=2))
    sys.exit(1 if result.wrong or result.rounds < asked.rounds else 0)


if __name__ == "__main__":
    main()
