"""From an HTTP request to AWS's answer: which service, which operation, which protocol.

The service stands in the credential scope of the signature (`Credential=key/20261122/eu-west-1/ecs/aws4_request`), as
on AWS, where many services answer under one name; the operation in `X-Amz-Target` or in the form field `Action`. The
signature itself is not checked: whoever reaches the lab may use it, and it listens on loopback only.

Errors have a protocol, too: an HTML page would make a client fail in its parser, far from the cause. A status of 501
is not retried by any client, hence it is the one for what the lab does not simulate.
"""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import assert_never
from uuid import uuid4

from teal.lab.front.answering import Answerer, find
from teal.lab.front.calls import AnswerSpoiltError, Calls, Mischief
from teal.lab.front.models import Catalogue
from teal.lab.front.reading import Tree, read_form, read_json, read_query
from teal.lab.front.writing import CONTENT_TYPES, Protocol, write_error, write_json, write_xml
from teal.lab.world.wires import AwsRefusal, not_simulated

_LOG = logging.getLogger(__name__)
_SCOPE = re.compile(r"AWS4-HMAC-SHA256\s+Credential=[^,\s]+/\d{8}/[a-z0-9-]*/([a-z0-9-]+)/aws4_request\b")
# Where the name under which a service signs is not botocore's name of it.
_SIGNED_AS = {"elasticloadbalancing": "elbv2", "monitoring": "cloudwatch"}
_CLASSIC_BALANCER_VERSION = "2012-06-01"
_GARBAGE = b'{"garbled<'  # neither JSON nor XML


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An HTTP request; the names of its headers are in small letters."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An HTTP answer, without the headers that every answer has."""

    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    lost: bool = False  # the connection is closed instead


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What a request asks for, as far as its envelope says."""

    protocol: Protocol
    service: str  # botocore's name, empty when the request does not say
    operation: str
    form: Tree


class Front:
    """AWS's API over a world.

    Args:
        world: who answers.
        lock: held while the world is asked.
        clock: the wall clock, unix seconds.
        wake: called after each call that the world answered.
        catalogue: AWS's service models.
        mischief: what goes wrong on purpose, None where nothing does.
    """

    def __init__(
        self,
        *,
        world: Answerer,
        lock: Lock,
        clock: Callable[[], float],
        wake: Callable[[], None],
        catalogue: Catalogue,
        mischief: Mischief | None = None,
    ) -> None:
        self._calls = Calls(world=world, lock=lock, clock=clock, wake=wake, mischief=mischief)
        self._catalogue = catalogue

    def reply(self, request: Request) -> Reply:
        """Answer a request; whatever happens, in the request's own protocol."""
        request_id = str(uuid4())
        asked = _Asked(protocol=_envelope(request), service="", operation="", form={})
        try:
            asked = self._asked(request, asked.protocol)
            body = self._body(request, asked, request_id)
        except AwsRefusal as refusal:
            _LOG.info("%s %s: %s", asked.service, asked.operation, refusal)
            return _refused(asked.protocol, refusal, request_id)
        except AnswerSpoiltError as spoilt:
            return replace(_reply(asked.protocol, 200, _GARBAGE, request_id), lost=spoilt.lost)
        except Exception:  # noqa: BLE001 - a client must get an answer that it can read
            _LOG.exception("%s %s broke the lab", asked.service, asked.operation)
            broken = AwsRefusal("InternalFailure", "The lab broke; its log (lab.log) has the story.", 500)
            return _refused(asked.protocol, broken, request_id)
        return _reply(asked.protocol, 200, body, request_id)

    def _asked(self, request: Request, protocol: Protocol) -> _Asked:
        """Read the envelope of a request.

        Raises:
            AwsRefusal: the request is not signed, or its body cannot be read.
        """
        scope = _SCOPE.match(request.headers.get("authorization", ""))
        if scope is None:
            raise AwsRefusal("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
        service = _SIGNED_AS.get(scope[1], scope[1])
        form: Tree = read_form(request.body) if protocol == "query" else {}
        if service == "elbv2" and form.get("Version") == _CLASSIC_BALANCER_VERSION:
            service = "elb"
        operation = _operation(request, protocol, form)
        return _Asked(protocol=self._dialect(service, protocol), service=service, operation=operation, form=form)

    def _dialect(self, service: str, protocol: Protocol) -> Protocol:
        """Return the protocol of a request, now that its service is known."""
        if protocol == "query" and service == "ec2":
            return "ec2"
        if protocol == "rest-xml":
            model = self._catalogue.service(service)
            return "json" if model is not None and "rest-json" in model.protocols else protocol
        return protocol

    def _body(self, request: Request, asked: _Asked, request_id: str) -> bytes:
        if request.method != "POST" or request.path.partition("?")[0] != "/":
            raise not_simulated(f"{asked.service} {asked.operation}")
        service, operation = find(self._catalogue, asked.service, asked.operation)
        agent = request.headers.get("user-agent", "")
        if asked.protocol == "json":
            params = read_json(service, operation.input, request.body)
            return write_json(service, operation, self._calls.make(service, operation, params, agent))
        if asked.protocol in {"query", "ec2"}:
            params = read_query(service, operation.input, asked.form)
            return write_xml(service, operation, self._calls.make(service, operation, params, agent), request_id)
        raise not_simulated(f"{asked.service} {asked.operation}")


def _envelope(request: Request) -> Protocol:
    """Return the protocol that a request looks like, before its service is known."""
    if "smithy-protocol" in request.headers:
        return "cbor"
    kind = request.headers.get("content-type", "")
    if "x-amz-target" in request.headers or "json" in kind:
        return "json"
    return "query" if "x-www-form-urlencoded" in kind else "rest-xml"


def _operation(request: Request, protocol: Protocol, form: Tree) -> str:
    match protocol:
        case "json":
            return request.headers.get("x-amz-target", "").rpartition(".")[2]
        case "query" | "ec2":
            return str(form.get("Action", ""))
        case "cbor":
            return request.path.rpartition("/")[2]
        case "rest-xml":
            return f"{request.method} {request.path.partition('?')[0]}"
        case _:
            assert_never(protocol)


def _refused(protocol: Protocol, refusal: AwsRefusal, request_id: str) -> Reply:
    body = write_error(protocol, refusal.code, refusal.message, refusal.status, request_id)
    return _reply(protocol, refusal.status, body, request_id)


def _reply(protocol: Protocol, status: int, body: bytes, request_id: str) -> Reply:
    headers = {"x-amzn-RequestId": request_id}
    if protocol == "cbor":
        headers["smithy-protocol"] = "rpc-v2-cbor"
    return Reply(status=status, content_type=CONTENT_TYPES[protocol], body=body, headers=headers)
