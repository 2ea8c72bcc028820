"""The wire in memory: what lies between botocore and the region, down to the bytes of each request and answer.

    teal ─► botocore: serialise, sign ─► before-send ═► the lab's front ─► the region's world
         ◄─ map errors ◄─ parse ◄─ needs-retry ◄═ status, headers, body, or what a socket would raise

Both hooks are botocore's own events. The first gives the answer, so that no socket is opened; the second asks
botocore's own standard retries, and lets the delay pass in the region's time.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import urlsplit

import botocore.exceptions as sdk
from benchmarks.calls import GARBAGE, REFUSALS, Call, Decide, Deed, pass_all, refusal
from botocore.awsrequest import AWSResponse
from botocore.retries import standard

from lives import READS
from region import OFFSET, Region
from teal.aws.client import BotocoreCaller, Patience
from teal.errors import AwsError, CredentialError, TealError
from teal.lab.front import Catalogue, Front, Reply, Request

T = TypeVar("T")
Handler = Callable[..., Any]
PATIENCE = Patience()
CATALOGUE = Catalogue()
SIGNED_AS: Mapping[str, str] = {  # botocore finds credentials in the environment, and no configuration of a person's
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class AbandonedError(BaseException):
    """Nobody waits for this call any more. Not an Exception: botocore would try the call again."""


@dataclass(frozen=True, slots=True)
class Bytes:
    """The body of an answer, as urllib3 hands it out."""

    body: bytes

    def stream(self) -> Iterator[bytes]:
        """Yield it."""
        yield self.body


@dataclass(slots=True)
class Retries:
    """botocore's standard retries of one client. They decide; the delay passes as `sleep` has it."""

    service_model: Any
    attempts: int
    sleep: Callable[[float], None]
    handlers: dict[str, Handler] = field(default_factory=dict[str, Handler])

    def __post_init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Forget what was retried so far, as a new process has."""
        standard.register_retry_handler(self, max_attempts=self.attempts)

    # What a handler is registered with is the client's; here it is this

    @property
    def meta(self) -> "Retries":
        """Stand for a client's."""
        return self

    @property
    def events(self) -> "Retries":
        """Stand for a client's."""
        return self

    def register(self, event_name: str, handler: Handler, unique_id: str | None = None) -> None:
        """Keep a handler."""
        assert event_name != unique_id
        self.handlers[event_name.partition(".")[0]] = handler

    def needs_retry(self, **event: Any) -> float | None:  # noqa: ANN401 - botocore's events have no types
        """Let the delay pass, and leave botocore nothing to sleep; None: no retry."""
        delay_s = self.handlers["needs-retry"](**event)
        if delay_s is None or delay_s is False:
            return None
        self.sleep(delay_s)
        return 0.0

    def after_call(self, **event: Any) -> None:  # noqa: ANN401 - likewise
        """Tell them that a call is over."""
        self.handlers["after-call"](**event)


@dataclass(slots=True)
class Line:
    """A wire to a region, as teal's door; a process after the other may use it.

    Args:
        place: the region where calls lead.
        decide: what becomes of each.
        applied: called whenever something may have been changed.
        over: whether nothing will be spoiled any more. Then calls lead straight to the region, for botocore would only
            carry them.
    """

    place: Region
    decide: Decide = pass_all
    applied: Callable[[], None] = lambda: None
    over: Callable[[], bool] = lambda: False
    caller: BotocoreCaller = field(init=False)
    _retries: list[Retries] = field(default_factory=list[Retries])  # of each client
    _until_s: float = float("inf")  # when whoever gathers stops to wait

    def __post_init__(self) -> None:
        self.caller = BotocoreCaller(
            region=self.region, endpoint_url="http://127.0.0.1:1", patience=PATIENCE, equip=self._equip
        )

    def begin(self, place: Region, decide: Decide, applied: Callable[[], None], over: Callable[[], bool]) -> None:
        """Be the wire of another process: botocore's clients stay, what they remember of retries does not."""
        self.place, self.decide, self.applied, self.over = place, decide, applied, over
        for each in self._retries:
            each.renew()

    @property
    def region(self) -> str:
        """The region's name."""
        return self.place.region

    def endpoint(self, service: str) -> str:
        """Where it is called."""
        return self.place.endpoint(service)

    def call(self, service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Call."""
        if not self.over():
            return self.caller.call(service, operation, params)
        answer = self.place.call(service, operation, params)
        if not operation.startswith(READS):
            self.applied()
        return answer

    # What a process does with several calls at once: here one after the other, so that a cell is always the same

    def gather(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        """Return all results; the first error is raised after all have ended."""
        results: list[T] = []
        errors: list[TealError] = []
        for call in calls:
            try:
                results.append(call())
            except TealError as error:
                errors.append(error)
        if errors:
            raise errors[0]
        return results

    def within(self, calls: Sequence[Callable[[], T]], patience_s: float) -> list[T | None]:
        """Return the results; None for those that failed, or did not come in time."""
        self._until_s = self.place.now_s + patience_s
        results: list[T | None] = []
        for call in calls:
            try:
                results.append(call())
            except (AwsError, CredentialError, AbandonedError):
                results.append(None)
        self._until_s = float("inf")
        return results

    # botocore's events

    def _equip(self, client: Any) -> None:  # noqa: ANN401 - botocore's clients have no type
        model, events = client.meta.service_model, client.meta.events
        name: str = model.service_id.hyphenize()
        retries = Retries(model, int(client.meta.config.retries["total_max_attempts"]), self._pass)
        self._retries.append(retries)
        events.register(f"before-send.{name}", self._answer)
        events.unregister(f"needs-retry.{name}", unique_id=f"retry-config-{name}")
        events.register(f"needs-retry.{name}", retries.needs_retry)
        events.register(f"after-call.{name}", retries.after_call)

    def _answer(self, request: Any, **_: object) -> AWSResponse:  # noqa: ANN401 - likewise
        headers = {name.lower(): _text(value) for name, value in request.headers.items()}
        body = request.body if isinstance(request.body, bytes) else str(request.body or "").encode()
        call = Call.heard(headers, body)
        deed = self.decide(call)
        if deed is Deed.REFUSE:
            raise self._closed(request)
        if deed in REFUSALS:
            status, kind, said = refusal(deed, query="x-amz-target" not in headers)
            return self._response(request, Reply(status=status, content_type=kind, body=said))
        front = Front(
            world=self.place.world,
            lock=Lock(),
            clock=lambda: self.place.now_s,
            wake=lambda: None,
            catalogue=CATALOGUE,
        )
        reply = front.reply(Request(method=request.method, path=urlsplit(request.url).path, headers=headers, body=body))
        if not call.reads:
            self.applied()
        return self._back(request, deed, reply)

    def _back(self, request: Any, deed: Deed, reply: Reply) -> AWSResponse:  # noqa: ANN401 - likewise
        """Bring an answer back, or not."""
        match deed:
            case Deed.LOSE:
                raise self._closed(request)
            case Deed.HANG:
                self._pass(PATIENCE.read_s)
                raise sdk.ReadTimeoutError(endpoint_url=request.url, error="timed out")
            case Deed.GARBLE:
                return self._response(request, Reply(status=200, content_type=reply.content_type, body=GARBAGE))
            case Deed.TRUNCATE:  # botocore does not compare what came with the length that was announced
                half = Reply(
                    status=reply.status, content_type=reply.content_type, body=reply.body[: len(reply.body) // 2]
                )
                return self._response(request, half)
            case _:
                return self._response(request, reply)

    def _response(self, request: Any, reply: Reply) -> AWSResponse:  # noqa: ANN401 - likewise
        headers = {
            "Content-Type": reply.content_type,
            "x-teal-lab-time-scale": str(self.place.time_scale),
            "x-teal-lab-low-port-offset": str(OFFSET),
            **reply.headers,
        }
        return AWSResponse(request.url, reply.status, headers, Bytes(reply.body))

    def _closed(self, request: Any) -> Exception:  # noqa: ANN401 - likewise
        """Return what botocore makes of a connection that was reset."""
        closed: Exception = sdk.ConnectionClosedError(
            endpoint_url=request.url, request=request, error="connection reset"
        )
        return closed

    def _pass(self, seconds: float) -> None:
        """Let time pass, no longer than somebody waits."""
        left_s = self._until_s - self.place.now_s
        self.place.pass_time(min(seconds, left_s))
        if seconds > left_s:
            raise AbandonedError


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
