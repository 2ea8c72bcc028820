"""What the lab answers under its own paths, beside AWS's API.

GET  /v4/<task id>[-<n>]         a container of a task, as the ECS task metadata endpoint (version 4) shows it
GET  /v4/<task id>[-<n>]/task    the task
GET  /_teal/status               the lab itself
GET  /_teal/events?since=N       what happened, from event N on: the number of the first, and that of the next one
GET  /_teal/faults               the faults at work
POST /_teal/break                let a fault begin
POST /_teal/mend                 end faults
POST /_teal/snapshot             the region as a file
POST /_teal/restore              make the region what such a file says
POST /_teal/down                 end the lab

Whoever posts needs the token of the lab's state file.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

import msgspec

from teal.errors import TealError, UsageError
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

    def events(self, since: int, most: int) -> tuple[int, Sequence[WorldEvent]]:
        """Return at most `most` events from number `since` on, and the number of the first of them."""
        ...


class Orders(Protocol):
    """What can be ordered. The bodies are JSON; what is wrong with them is a TealError."""

    def faults(self) -> Sequence[Mapping[str, Any]]:
        """Return the faults at work."""
        ...

    def place(self, body: bytes) -> Mapping[str, Any]:
        """Let a fault begin."""
        ...

    def mend(self, body: bytes) -> Sequence[Mapping[str, Any]]:
        """End faults."""
        ...

    def snapshot(self) -> bytes:
        """Return the region as a file."""
        ...

    def restore(self, body: bytes) -> Mapping[str, Any]:
        """Make the region what a snapshot says."""
        ...


class Pages:
    """The lab's own pages.

    Args:
        facts: where they take their contents from.
        orders: who does what is ordered.
        token: what somebody must show who orders something.
        end: ends the lab, later.
    """

    def __init__(self, *, facts: Facts, orders: Orders, token: str, end: Callable[[], None]) -> None:
        self._facts = facts
        self._orders = orders
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
            case ("GET", "_teal", page):
                return self._own_page(page, parse_qs(url.query))
            case ("POST", "_teal", order):
                return self._order(order, request)
            case _:
                return _page(None)

    def _own_page(self, page: str, query: Mapping[str, Sequence[str]]) -> Reply:
        match page:
            case "status":
                return _page(self._facts.status())
            case "events":
                return self._events(query.get("since", ("0",))[0])
            case "faults":
                return _page({"faults": self._orders.faults()})
            case _:
                return _page(None)

    def _container(self, name: str) -> Reply:
        task_id, _, number = name.partition("-")
        task = self._facts.metadata(task_id)
        containers: Sequence[Any] = task.get("Containers", ()) if task else ()
        index = int(number) if number.isdecimal() and len(number) < _MOST_DIGITS else 0
        return _page(containers[index] if index < len(containers) else None)

    def _events(self, since: str) -> Reply:
        first = int(since) if since.isdecimal() and len(since) < _MOST_DIGITS else 0
        number, events = self._facts.events(first, MOST_EVENTS)
        return _page({"first": number, "events": events, "next": number + len(events)})

    def _order(self, order: str, request: Request) -> Reply:
        token = request.headers.get(TOKEN_HEADER, "")
        if not secrets.compare_digest(token.encode(), self._token.encode()):
            return _page({"message": f"header {TOKEN_HEADER}: not the token of this lab"}, 403)
        try:
            return self._done(order, request.body)
        except TealError as error:
            return _page({"message": str(error), "hint": error.hint}, 400 if isinstance(error, UsageError) else 409)

    def _done(self, order: str, body: bytes) -> Reply:
        match order:
            case "down":
                self._end()
                return _page({"message": "going down"}, 202)
            case "break":
                return _page(self._orders.place(body), 201)
            case "mend":
                return _page({"faults": self._orders.mend(body)})
            case "snapshot":
                return Reply(status=200, content_type="application/octet-stream", body=self._orders.snapshot())
            case "restore":
                return _page(self._orders.restore(body))
            case _:
                return _page(None)


def _page(contents: Mapping[str, Any] | None, status: int = 200) -> Reply:
    if contents is None:
        contents, status = {"message": "there is nothing here"}, 404
    return Reply(status=status, content_type="application/json", body=msgspec.json.encode(contents))
