"""Questions to the admin port of an Envoy, over one connection that stays open.

Every question has a deadline, and an answer that does not come is None, never an empty one.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any

_TIMEOUT_S = 1.0
_OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSeen:
    """What a node says about one target."""

    cluster: str
    dial: tuple[str, int]
    healthy: bool
    pending: bool  # its first check has not ended


class Admin:
    """The admin port at (host, port)."""

    def __init__(self, host: str, port: int) -> None:
        self._connection = HTTPConnection(host, port, timeout=_TIMEOUT_S)

    def ready(self) -> bool:
        """Say whether Envoy has read all its first files."""
        return self._get("/ready") is not None

    def clusters(self) -> Mapping[str, tuple[HostSeen, ...]] | None:
        """Return the targets of every cluster that is in use."""
        answer = self._json("/clusters?format=json")
        if answer is None:
            return None
        return {one["name"]: tuple(_hosts(one)) for one in answer.get("cluster_statuses", ())}

    def counters(self) -> Mapping[str, int] | None:
        """Return all counters and gauges that have a value."""
        answer = self._json("/stats?format=json")
        if answer is None:
            return None
        return {one["name"]: int(one.get("value", 0)) for one in answer.get("stats", ()) if "name" in one}

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _json(self, path: str) -> dict[str, Any] | None:
        body = self._get(path)
        return None if body is None else json.loads(body)

    def _get(self, path: str) -> bytes | None:
        try:
            self._connection.request("GET", path)
            answer = self._connection.getresponse()
            body = answer.read()
        except (OSError, HTTPException):
            self._connection.close()  # the next question opens a new one
            return None
        return body if answer.status == _OK else None


def _hosts(status: Mapping[str, Any]) -> Iterator[HostSeen]:
    for host in status.get("host_statuses", ()):
        where = host["address"]["socket_address"]
        health = host["health_status"]
        yield HostSeen(
            cluster=status["name"],
            dial=(where["address"], where["port_value"]),
            healthy=not health.get("failed_active_health_check", False),
            pending=health.get("pending_active_hc", False),
        )
