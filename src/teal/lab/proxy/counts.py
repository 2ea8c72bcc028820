"""How many requests each group got, over all nodes and over the whole life of the lab.

Envoy's counters begin at nothing again when a cluster is made anew or a node is started anew; the sums here do not.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_COUNTED = re.compile(r"cluster\.(group-[0-9a-f]+)\.upstream_rq_(total|[1-5]xx)")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCounts:
    """Requests to one group and their answers. A request that got no answer from its target counts as `answers_5xx`."""

    requests: int = 0
    answers_2xx: int = 0
    answers_3xx: int = 0
    answers_4xx: int = 0
    answers_5xx: int = 0


def _name(key: tuple[int, str, str]) -> str:
    _, cluster, kind = key
    return f"cluster.{cluster}.upstream_rq_{kind}"


@dataclass(slots=True)
class Sums:
    """Counters of several nodes, added up."""

    _last: dict[tuple[int, str, str], int] = field(default_factory=dict[tuple[int, str, str], int])
    _sums: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])

    def add(self, node: int, counters: Mapping[str, int]) -> None:
        """Add what was counted on a node since the last call. A counter that is gone begins anew if it returns."""
        self._last = {key: last for key, last in self._last.items() if key[0] != node or _name(key) in counters}
        for name, value in counters.items():
            found = _COUNTED.fullmatch(name)
            if found is None:
                continue
            cluster, kind = found.groups()
            last = self._last.get((node, cluster, kind), 0)
            self._last[node, cluster, kind] = value
            more = value - last if value >= last else value
            self._sums[cluster, kind] = self._sums.get((cluster, kind), 0) + more

    def of(self, cluster: str) -> RequestCounts:
        """Return the sums of one cluster."""
        return RequestCounts(
            requests=self._sums.get((cluster, "total"), 0),
            answers_2xx=self._sums.get((cluster, "2xx"), 0),
            answers_3xx=self._sums.get((cluster, "3xx"), 0),
            answers_4xx=self._sums.get((cluster, "4xx"), 0),
            answers_5xx=self._sums.get((cluster, "5xx"), 0),
        )
