"""Calls on their way to AWS: what may become of one, and which of them are alike.

What lies on the way, be it a relay on a socket or a hook inside botocore, hears every call and asks one function what
to do with it. It reads the operation off the wire, as any proxy could, and knows nothing of teal.

A *point* is a class of calls: after so many writes, the n-th different call of an operation. Equal reads between two
writes are one point, because a process that is stopped at the second leaves what one stopped at the first leaves. All
attempts of a call are one call.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from urllib.parse import parse_qsl

_READS = ("Describe", "List", "Get")
GARBAGE = b"\xff<<not an answer>>"


class Deed(StrEnum):
    """What becomes of a call."""

    PASS = "pass"  # noqa: S105 - not a secret
    KILL_BEFORE = "kill before"  # the client dies, nothing is applied
    KILL_AFTER = "kill after"  # it is applied, the client dies before it hears of it
    THROTTLE = "throttle"
    ERROR_500 = "500"
    ERROR_503 = "503"
    REFUSE = "connection reset, nothing applied"
    LOSE = "applied, answer lost"
    TRUNCATE = "applied, answer cut short"
    GARBLE = "applied, answer garbled with status 200"
    EXPIRED = "expired credentials"
    DENIED = "access denied"
    HANG = "applied, answer never comes"


FAULTS = tuple(deed for deed in Deed if deed not in {Deed.PASS, Deed.KILL_BEFORE, Deed.KILL_AFTER})
REFUSALS: Mapping[Deed, tuple[int, str, str]] = {
    Deed.THROTTLE: (400, "ThrottlingException", "Rate exceeded"),
    Deed.ERROR_500: (500, "InternalFailure", "An internal error occurred"),
    Deed.ERROR_503: (503, "ServiceUnavailable", "Service is unavailable"),
    Deed.EXPIRED: (403, "ExpiredTokenException", "The security token included in the request is expired"),
    Deed.DENIED: (403, "AccessDeniedException", "User is not authorized to perform this operation"),
}


def refusal(deed: Deed, *, query: bool) -> tuple[int, str, bytes]:
    """Return the status, the content type and the body of a deed's answer, in one of AWS's two protocols."""
    status, code, message = REFUSALS[deed]
    if query:
        text = f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        return status, "text/xml", f"{text}<RequestId>relay</RequestId></ErrorResponse>".encode()
    return status, "application/x-amz-json-1.1", f'{{"__type": "{code}", "message": "{message}"}}'.encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request of a client; all attempts of a call have the same `invocation`, where the client names it."""

    operation: str
    body: bytes
    invocation: str = ""

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return self.operation.startswith(_READS)

    @property
    def digest(self) -> str:
        """Short text that is equal for equal requests."""
        return sha256(self.body).hexdigest()[:12]

    @classmethod
    def heard(cls, headers: Mapping[str, str], body: bytes) -> "Call":
        """Return the call of a request, given its headers by their names in lower case."""
        operation = operation_of(headers.get("x-amz-target"), body)
        return cls(operation=operation, body=body, invocation=headers.get("amz-sdk-invocation-id", ""))


Decide = Callable[[Call], Deed]


def pass_all(_: Call) -> Deed:
    """Spoil nothing."""
    return Deed.PASS


def operation_of(target: str | None, body: bytes) -> str:
    """Return the operation of a request: ECS names it in a header, ELBv2 in its body."""
    if target is not None:
        return target.rpartition(".")[2]
    found = dict(parse_qsl(body.decode("utf-8", "replace"))).get("Action", "")
    return found if re.fullmatch(r"\w+", found) else "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A class of calls: after so many writes, the n-th different call of an operation."""

    writes: int
    operation: str
    number: int

    def __str__(self) -> str:
        return f"{self.operation} #{self.number} after {self.writes} writes"


@dataclass(slots=True)
class Counting:
    """Tells calls apart by class; the same instance must hear all calls of one process."""

    seen: dict[Point, None] = field(default_factory=dict[Point, None])
    writes: int = 0
    _known: dict[tuple[str, str], Point] = field(default_factory=dict[tuple[str, str], Point])
    _numbers: Counter[str] = field(default_factory=Counter[str])
    _attempted: dict[str, Point] = field(default_factory=dict[str, Point])  # by invocation

    def hear(self, call: Call) -> Point:
        """Return the class of a call."""
        if call.invocation in self._attempted:
            return self._attempted[call.invocation]
        key = (call.operation, call.digest)
        point = self._known.get(key) if call.reads else None
        if point is None:
            self._numbers[call.operation] += 1
            point = Point(writes=self.writes, operation=call.operation, number=self._numbers[call.operation])
            self._known[key] = point
            self.seen[point] = None
        if not call.reads:
            self.writes += 1
            self._known.clear()
            self._numbers.clear()
        if call.invocation:
            self._attempted[call.invocation] = point
        return point


@dataclass(slots=True)
class Spoiling:
    """Spoils the calls of a point, so many attempts of them in all."""

    point: Point
    deed: Deed
    times: int
    counting: Counting = field(default_factory=Counting)  # has heard all calls of the process so far
    spoiled: int = 0

    def __call__(self, call: Call) -> Deed:
        """Decide."""
        if self.counting.hear(call) != self.point or self.spoiled >= self.times:
            return Deed.PASS
        self.spoiled += 1
        return self.deed

    @property
    def over(self) -> bool:
        """Whether no call that begins now can be spoiled any more: a point ends with the next write."""
        return self.spoiled >= self.times or self.counting.writes > self.point.writes
