"""How many tasks start at the same time.

On AWS every task starts on processors of its own; here all of them share those of this machine. Were two hundred
started at once, each would take as long as all together, the load balancer would give them up before they listen, and
their successors would make it worse. So a few start at a time; the others are PENDING, as those on AWS that wait for
capacity.

A task has started when something listens on all its ports, or when it has had its time: an app that takes longer waits
for something else than a processor. A task without ports has started at once.
"""

import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from teal.lab.world.wires import ContainerExited, Observation, Phase, TaskStarted, WantedTask

AT_A_TIME: Final = 8
LONGEST_S: Final = 3.0
_ASK_S: Final = 0.005  # loopback answers at once; only a full queue of connections does not


@dataclass(frozen=True, slots=True)
class _Start:
    since_s: float
    dial: Mapping[int, tuple[str, int]]


@dataclass(slots=True)
class Starting:
    """The tasks that are about to start."""

    _starts: dict[str, _Start] = field(default_factory=dict[str, _Start])

    def next(self, waiting: Iterable[WantedTask], now_s: float) -> list[WantedTask]:
        """Return the tasks whose turn it is, the first to come first; one that shall not run any more is always."""
        found = list(waiting)
        if not found:
            return []
        self._starts = {task_id: start for task_id, start in self._starts.items() if not _over(start, now_s)}
        room = max(AT_A_TIME - len(self._starts), 0)
        return [
            *(each for each in found if each.phase is not Phase.RUN),
            *[each for each in found if each.phase is Phase.RUN][:room],
        ]

    def note(self, seen: Iterable[Observation], now_s: float) -> None:
        """Take what was seen: which tasks begin to start, and which have come to their end."""
        for each in seen:
            if isinstance(each, TaskStarted) and each.dial:
                self._starts[each.task_id] = _Start(now_s, each.dial)
            elif isinstance(each, ContainerExited):
                self._starts.pop(each.task_id, None)


def _over(start: _Start, now_s: float) -> bool:
    return not 0 <= now_s - start.since_s < LONGEST_S or all(map(_listens, start.dial.values()))


def _listens(address: tuple[str, int]) -> bool:
    with socket.socket() as probe:
        probe.settimeout(_ASK_S)
        return probe.connect_ex(address) == 0
