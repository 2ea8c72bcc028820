"""What the load client counts. Memory is bounded whatever the load: sums, a histogram, and the first failures.

A request is answered properly when its whole answer arrived in time with a status 2xx or 3xx. Everything else failed,
and says how: `connect`, `reset`, `closed` (no byte of an answer), `truncated`, `malformed`, `timeout` or `status …`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import ceil, log

_GROWTH = 1.05  # a bucket is 5 % wider than the one before, so a percentile is at most 5 % off
_SMALLEST_MS = 0.05
_BUCKETS = 320
_EXAMPLES = 20
_MOST_SLOTS = 100


@dataclass(slots=True)
class Histogram:
    """Latencies in buckets of equal ratio, from 0.05 ms to several minutes."""

    _buckets: list[int] = field(default_factory=lambda: [0] * _BUCKETS)
    count: int = 0
    max_ms: float = 0.0

    def add(self, value_ms: float) -> None:
        """Count one latency."""
        index = ceil(log(max(value_ms, _SMALLEST_MS) / _SMALLEST_MS) / log(_GROWTH))
        self._buckets[min(index, _BUCKETS - 1)] += 1
        self.count += 1
        self.max_ms = max(self.max_ms, value_ms)

    def percentile(self, percent: float) -> float:
        """Return the latency in ms that `percent` of the requests do not exceed; 0 when there are none."""
        rank = ceil(self.count * percent / 100)
        passed = 0
        for index, count in enumerate(self._buckets):
            passed += count
            if passed >= rank > 0:
                return min(_SMALLEST_MS * _GROWTH**index, self.max_ms)
        return 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One request that was not answered properly."""

    at_s: float
    kind: str
    path: str
    detail: str = ""


@dataclass(slots=True)
class SlotCount:
    """Answers with one value of the slot header."""

    count: int
    first_at_s: float
    last_at_s: float
    last_sent_at_s: float  # when the latest request among those answered was sent: a slow answer says little of a flip


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All counts at one instant. Instants are unix seconds."""

    at_s: float
    sent: int
    answered: int
    failed: int
    in_flight: int
    connections: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    failures: Mapping[str, int]
    examples: tuple[Failure, ...]
    slots: Mapping[str, SlotCount]
    statuses: Mapping[int, int]


@dataclass(slots=True)
class Tally:
    """The counts while they grow."""

    sent: int = 0
    answered: int = 0
    failed: int = 0
    failures: dict[str, int] = field(default_factory=dict[str, int])
    examples: list[Failure] = field(default_factory=list[Failure])
    slots: dict[str, SlotCount] = field(default_factory=dict[str, SlotCount])
    statuses: dict[int, int] = field(default_factory=dict[int, int])
    latency: Histogram = field(default_factory=Histogram)

    def answer(self, *, at_s: float, latency_ms: float, status: int, slot: str) -> None:
        """Count a proper answer."""
        self.answered += 1
        self.latency.add(latency_ms)
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self._slot(slot, at_s, at_s - latency_ms / 1000)

    def _slot(self, slot: str, at_s: float, sent_at_s: float) -> None:
        known = self.slots.get(slot)
        if known is not None:
            known.count += 1
            known.last_at_s = at_s
            known.last_sent_at_s = max(known.last_sent_at_s, sent_at_s)
        elif len(self.slots) < _MOST_SLOTS:
            self.slots[slot] = SlotCount(1, at_s, at_s, sent_at_s)

    def failure(self, failed: Failure) -> None:
        """Count a request that was not answered properly."""
        self.failed += 1
        self.failures[failed.kind] = self.failures.get(failed.kind, 0) + 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(failed)

    def snapshot(self, *, at_s: float, connections: int) -> Snapshot:
        """Return the counts as they are."""
        return Snapshot(
            at_s=at_s,
            sent=self.sent,
            answered=self.answered,
            failed=self.failed,
            in_flight=self.sent - self.answered - self.failed,
            connections=connections,
            p50_ms=round(self.latency.percentile(50), 2),
            p99_ms=round(self.latency.percentile(99), 2),
            max_ms=round(self.latency.max_ms, 2),
            failures=dict(self.failures),
            examples=tuple(self.examples),
            slots={name: replace(slot) for name, slot in self.slots.items()},
            statuses=dict(self.statuses),
        )
