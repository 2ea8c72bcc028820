"""The memory of a lab's own processes over time: is it flat?

Read every few seconds by a thread. The first quarter of the readings is compared with the last, each by its median.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from threading import Event, Thread

import psutil

EVERY_S = 2.0
MIB = 1 << 20
GROWTH_PERCENT = 10.0
GROWTH_MIB = 2.0  # of a small process a tenth is nothing: memory comes in pieces
_JOIN_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The resident memory of one process, in MiB."""

    process: str
    first: float  # median of the first quarter of the readings
    last: float  # of the last quarter
    most: float

    @property
    def flat(self) -> bool:
        """Whether it grew by no more than the bar: 10 %, or 2 MiB where that is more."""
        return self.last - self.first <= max(self.first * GROWTH_PERCENT / 100, GROWTH_MIB)


def processes(daemon_pid: int) -> Iterator[tuple[str, psutil.Process]]:
    """Yield the processes that are the lab itself, by name: its own, its leash, its Envoys; no tasks."""
    daemon = psutil.Process(daemon_pid)
    yield "the lab's process", daemon
    envoys = 0
    for child in daemon.children():
        command = child.cmdline()
        if any(word.endswith("leash.py") for word in command):
            yield "the leash", child
        elif "--admin-address-path" in command:
            envoys += 1
            yield f"Envoy {envoys}", child


class Watch:
    """Reads the memory of a lab from now until `stop`.

    Args:
        daemon_pid: the lab's own process.
    """

    def __init__(self, daemon_pid: int) -> None:
        self._found = dict(processes(daemon_pid))
        self._readings: dict[str, list[float]] = {name: [] for name in self._found}
        self._ended = Event()
        self._thread = Thread(target=self._read, name="memory", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while True:
            for name, process in self._found.items():
                try:
                    self._readings[name].append(process.memory_info().rss / MIB)
                except psutil.NoSuchProcess:
                    return  # `stop` notices
            if self._ended.wait(EVERY_S):
                return

    def stop(self) -> list[Course]:
        """Stop reading; return the course of each process.

        Raises:
            ProcessLookupError: one of them has ended meanwhile.
        """
        self._ended.set()
        self._thread.join(_JOIN_S)
        gone = [name for name, process in self._found.items() if not process.is_running()]
        if gone:
            raise ProcessLookupError(f"ended before the lab did: {', '.join(gone)}")
        return [_course(name, readings) for name, readings in self._readings.items()]


def _course(name: str, readings: list[float]) -> Course:
    quarter = max(len(readings) // 4, 1)
    first, last = median(readings[:quarter]), median(readings[-quarter:])
    return Course(process=name, first=round(first, 1), last=round(last, 1), most=round(max(readings), 1))
