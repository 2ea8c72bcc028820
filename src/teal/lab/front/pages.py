"""What the lab answers under its own paths, beside AWS's API.

GET  /v4/<task id>[-<n>]         a container of a task, as the ECS task metadata endpoint (version 4) shows it
GET  /v4/<task id>[-<n>]/task    the task
GET  /_teal/status               the lab itself
GET  /_teal/events?since=N       what happened, from event N on, and the number of the next one
POST /_teal/down                 end the lab; needs the token of its state file
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

import msgspec

from teal.lab.front.wire import Reply, Request
from teal.lab.state import TOKEN_HEADER
from teal.lab.world.wires import WorldEvent

MOST_EVENTS = 1000
_MOST_DIGITS = 12


class Facts(Protocol):
    """What the pages ask of the lab. Each call takes the lab's lock for as long as it needs it."""

    def metadata(self, task_id: str) -> Mapping[str, Any] | None:
        """Return the metadata of a task."""
        ...

    def status(self) -> Mapping[str, Any]:
        """Return what the lab says about itself."""
        ...

    def events(self, since: int, most: int) -> Sequence[WorldEvent]:
        """Return at most `most` events, beginning with number `since`."""
        ...


class Pages:
    """The lab's own pages.

    Args:
        facts: where they take their contents from.
        token: what somebody must show who wants to end the lab.
        end: ends the lab, later.
    """

    def __init__(self, *, facts: Facts, token: str, end: Callable[[], None]) -> None:
        self._facts = facts
        self._token = token
        self._end = end

    def reply(self, request: Request) -> Reply | None:
        """Answer a request, or return None when its path is not one of these pages."""
        url = urlsplit(request.path)
        steps = url.path.strip("/").split("/")
        if steps[0] not in {"v4", "_teal"}:
            return None
        match (request.method, *steps):
            case ("GET", "v4", task):
                return self._container(task)
            case ("GET", "v4", task, "task"):
                return _page(self._facts.metadata(task.partition("-")[0]))
            case ("GET", "_teal", "events"):
                return self._events(parse_qs(url.query).get("since", ["0"])[0])
            case ("POST", "_teal", "down"):
                return self._down(request.headers.get(TOKEN_HEADER, ""))
            case _:
                return _page(self._facts.status() if (request.method, steps) == ("GET", ["_teal", "status"]) else None)

    def _container(self, name: str) -> Reply:
        task_id, _, number = name.partition("-")
        task = self._facts.metadata(task_id)
        containers: Sequence[Any] = task.get("Containers", ()) if task else ()
        index = int(number) if number.isdecimal() and len(number) < _MOST_DIGITS else 0
        return _page(containers[index] if index < len(containers) else None)

    def _events(self, since: str) -> Reply:
        first = int(since) if since.isdecimal() and len(since) < _MOST_DIGITS else 0
        events = self._facts.events(first, MOST_EVENTS)
        return _page({"events": events, "next": first + len(events)})

    def _down(self, token: str) -> Reply:
        if not secrets.compare_digest(token.encode(), self._token.encode()):
            return _page({"message": f"header {TOKEN_HEADER}: not the token of this lab"}, 403)
        self._end()
        return _page({"message": "going down"}, 202)


def _page(contents: Mapping[str, Any] | None, status: int = 200) -> Reply:
    if contents is None:
        contents, status = {"message": "there is nothing here"}, 404
    return Reply(status=status, content_type="application/json", body=msgspec.json.encode(contents))
