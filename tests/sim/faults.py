"""What becomes of a call: the weather of one seed, by the rates of its scenario."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import log
from random import Random  # noqa: TID251 - seeded: it is the simulation's only chance
from typing import Any

from sim.cloud import Cloud
from sim.scenario import READS_ONLY, WRITES_ONLY, Kind, Scenario
from teal.aws.errors import error_for
from teal.errors import TealError, TransientError
from teal.lab.world.ground import duplicate
from teal.lab.world.wires import AwsRefusal

STALE_FOR_S = 10.0
KINDS = {
    "DescribeRules": "rules",
    "DescribeTags": "tags",
    "DescribeTargetGroups": "groups",
    "DescribeTargetHealth": "health",
    "DescribeTaskDefinition": "definitions",
    "ListTaskDefinitions": "definitions",
    "DescribeServices": "services",
}  # of what an answer tells; all others tell of tasks
CODES = {Kind.THROTTLE: ("Throttling", 400), Kind.DOWN: ("ServiceUnavailable", 503)}


def fault_of(kind: Kind, name: str) -> TealError:
    """Return the error that a client raises for a call that was not answered."""
    if kind in CODES:
        code, status = CODES[kind]
        return error_for(name, code, "not now", status=status)
    return TransientError("read timeout", code="ReadTimeoutError", operation=name)


@dataclass(slots=True)
class Dice:
    """Strikes at random, so that most throws cost a subtraction only."""

    chance: Random
    share: float
    kinds: tuple[Kind, ...]
    weights: tuple[float, ...]
    _left: int = 0

    def __post_init__(self) -> None:
        self._left = self._gap()

    def _gap(self) -> int:
        if not self.kinds or self.share <= 0:
            return 1 << 60
        return int(log(1.0 - self.chance.random()) / log(1.0 - self.share))

    def throw(self) -> Kind | None:
        """Return what strikes this time, mostly nothing."""
        self._left -= 1
        if self._left >= 0:
            return None
        self._left = self._gap()
        return self.chance.choices(self.kinds, self.weights)[0]


@dataclass(slots=True)
class Weather:
    """The faults of one process's calls."""

    reads: Dice
    writes: Dice
    naps: Dice
    store: Dice  # of the lock
    keeps_past: bool
    is_calm: bool = False
    _over: Kind | None = None
    _past: dict[tuple[str, str], list[tuple[float, dict[str, Any]]]] = field(  # answers, and when each was first given
        default_factory=dict[tuple[str, str], list[tuple[float, dict[str, Any]]]]
    )

    @classmethod
    def of(cls, scenario: Scenario, chance: Random) -> "Weather":
        """Return the weather of a scenario."""

        def dice(share: float, never: frozenset[Kind]) -> Dice:
            kinds = tuple(kind for kind in scenario.rates if kind not in never)
            return Dice(chance, share, kinds, tuple(scenario.rates[kind] for kind in kinds))

        return cls(
            reads=dice(scenario.of_reads, WRITES_ONLY),
            writes=dice(scenario.of_writes, READS_ONLY),
            store=dice(scenario.of_store, frozenset()),
            naps=Dice(
                chance, 0.01 if Kind.PAUSE in scenario.rates and scenario.of_reads else 0.0, (Kind.PAUSE,), (1.0,)
            ),
            keeps_past=Kind.STALE in scenario.rates,
        )

    def calm(self) -> None:
        """Let there be no more faults."""
        self.is_calm = True
        self.reads = self.writes = self.naps = self.store = Dice(self.reads.chance, 0.0, (), ())

    def strikes_read(self) -> Kind | None:
        """Return what becomes of a read."""
        return self.reads.throw()

    def strikes_write(self) -> Kind | None:
        """Return what becomes of a write."""
        return self.writes.throw()

    def strikes_store(self) -> Kind | None:
        """Return what becomes of a question to the lock's store."""
        return self.store.throw()

    def sleeps_too_long(self) -> bool:
        """Say whether the machine falls asleep while the process waits."""
        return self.naps.throw() is not None

    @contextmanager
    def over(self, kind: Kind | None) -> Iterator[None]:
        """Let a fault be over the next call of an adapter that makes one or several."""
        self._over = kind
        try:
            yield
        finally:
            self._over = None

    def read(self, cloud: Cloud, service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Ask the world, and answer as the weather has it."""
        kind, self._over = self._over, None
        name = f"{service}:{operation}"
        if kind in {Kind.THROTTLE, Kind.DOWN, Kind.TIMEOUT}:
            raise fault_of(kind, name)
        if kind is Kind.GARBAGE:
            return {}
        try:
            found = cloud.world.call(service, operation, params, cloud.now_s)
        except AwsRefusal as refusal:
            raise error_for(name, refusal.code, refusal.message, status=refusal.status) from refusal
        return self._as_then(cloud, operation, params, found, stale=kind is Kind.STALE) if self.keeps_past else found

    def _as_then(
        self, cloud: Cloud, operation: str, params: Mapping[str, Any], found: dict[str, Any], *, stale: bool
    ) -> dict[str, Any]:
        """Remember an answer; give the one before it while that is not long past."""
        past = self._past.setdefault((operation, repr(params)), [])
        if not past or past[-1][1] != found:
            past.append((cloud.now_s, duplicate(found)))
            del past[:-2]
        changed_s = min(cloud.changed_at_s.get(KINDS.get(operation, "tasks"), -1e9), past[-1][0])
        if stale and len(past) > 1 and cloud.now_s - changed_s < STALE_FOR_S:
            return duplicate(past[0][1])
        return found
