"""The only door to botocore: one session, one client per service, one translation of everything that can go wrong.

Clients are made when first needed, one after another under a lock: making them in threads is slower. A call is tried
three times by botocore, except for those that must not be repeated blindly (`operations.ONCE`): these are tried once,
and a lost answer is a `TransientError` of whoever asked.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# botocore ships no types; what it returns is declared here, where it comes in.

from collections import Counter
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import Lock
from types import MappingProxyType
from typing import Any

import botocore
import botocore.config
import botocore.exceptions as sdk
import botocore.parsers
import botocore.session

from teal import __version__
from teal.aws.errors import error_for
from teal.aws.operations import ONCE
from teal.errors import (
    CredentialError,
    RefusedError,
    TealError,
    TransientError,
    UnknownAnswerError,
    UsageError,
)
from teal.model.text import clean

OnCall = Callable[[str, str], None]
Equip = Callable[[Any], None]

_CONNECTIONS = 16
_STATUS_UNKNOWN = 400

_USAGE: tuple[type[Exception], ...] = (
    sdk.ConfigNotFound, sdk.ConfigParseError, sdk.InvalidConfigError, sdk.InvalidRegionError, sdk.NoRegionError,
    sdk.ProfileNotFound,
)  # fmt: skip
_CREDENTIALS: tuple[type[Exception], ...] = (
    sdk.CredentialRetrievalError, sdk.InfiniteLoopConfigError, sdk.MetadataRetrievalError,
    sdk.MissingDependencyException, sdk.NoAuthTokenError, sdk.NoCredentialsError, sdk.PartialCredentialsError,
    sdk.RefreshWithMFAUnsupportedError, sdk.SSOError, sdk.TokenRetrievalError, sdk.UnknownCredentialError,
    getattr(sdk, "LoginError", sdk.SSOError),  # the oldest botocore that teal takes does not know `aws login`
)  # fmt: skip
_NETWORK: tuple[type[Exception], ...] = (
    sdk.ConnectionError, sdk.HTTPClientError, sdk.IncompleteReadError,
)  # fmt: skip
# botocore's parsers stumble in these ways over bodies that are whole, yet not what was promised.
_STUMBLES: tuple[type[Exception], ...] = (AttributeError, LookupError, TypeError, ValueError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a call may take: per attempt, and how many attempts."""

    connect_s: float = 3.0
    read_s: float = 10.0
    attempts: int = 3


def leave_alone(_client: object) -> None:
    """Put no hooks into a client."""


class BotocoreCaller:
    """Calls AWS through botocore.

    Args:
        profile: a profile of AWS's configuration files; None: as the environment says.
        region: None: as the environment or the profile says.
        endpoint_url: where all services are called instead of AWS, e.g. a lab; None: as the environment says.
        on_call: told (service, operation) before each request is sent, each attempt of a call included, after it was
            signed; may wait. What it raises is raised by the call, nothing is sent, and it is not tried again.
        patience: how long a call may take.
        equip: given each client of botocore that was made; a test build puts its hooks in here.
    """

    def __init__(
        self,
        profile: str | None = None,
        region: str | None = None,
        endpoint_url: str | None = None,
        on_call: OnCall | None = None,
        patience: Patience = Patience(),
        equip: Equip = leave_alone,
    ) -> None:
        self._patience = patience
        self._session: Any = botocore.session.Session(profile=profile)
        self._region = region
        self._endpoint_url = endpoint_url
        self._on_call = on_call
        self._equip = equip
        self._clients: dict[tuple[str, int], Any] = {}
        self._lock = Lock()
        self._count_lock = Lock()
        self._sent: Counter[str] = Counter()

    @property
    def calls(self) -> Mapping[str, int]:
        """How many requests were sent so far, by `service:operation`, attempts included."""
        return MappingProxyType(self._sent)

    @property
    def region(self) -> str:
        """The region that is called.

        Raises:
            UsageError: none is configured.
        """
        with _translated("sts", "GetCallerIdentity"):
            region: str | None = self._region or self._session.get_config_variable("region")
        if not region:
            raise UsageError("no AWS region is configured", hint="set `region:` in teal.yaml, or AWS_REGION")
        return region

    def endpoint(self, service: str) -> str:
        """Return the URL at which a service is called."""
        with _translated(service, "endpoint"):
            return str(self._client(service, self._patience.attempts).meta.endpoint_url)

    def call(self, service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return AWS's answer, with `ResponseMetadata`.

        Raises:
            TealError: what AWS answered instead, or what came between.
        """
        with _translated(service, operation):
            client = self._client(service, 1 if (service, operation) in ONCE else self._patience.attempts)
            answer: dict[str, Any] = getattr(client, botocore.xform_name(operation))(**params)
            return {name: _whole(value) for name, value in answer.items()}

    def _client(self, service: str, attempts: int) -> Any:  # noqa: ANN401 - botocore makes its clients at run time
        with self._lock:
            client = self._clients.get((service, attempts))
            if client is None:
                client = self._clients[service, attempts] = self._new_client(service, attempts)
            return client

    def _new_client(self, service: str, attempts: int) -> Any:  # noqa: ANN401 - likewise
        config: Any = botocore.config.Config(
            connect_timeout=self._patience.connect_s,
            read_timeout=self._patience.read_s,
            retries={"mode": "standard", "total_max_attempts": attempts},
            user_agent_extra=f"teal/{__version__}",
            max_pool_connections=_CONNECTIONS,
            tcp_keepalive=True,
        )
        try:
            client: Any = self._session.create_client(
                service, region_name=self.region, endpoint_url=self._endpoint_url, config=config
            )
        except ValueError as exc:  # this is how botocore says that a URL is none
            raise UsageError(clean(str(exc)), hint="see --endpoint-url and AWS_ENDPOINT_URL") from exc
        identity: str = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register_first(f"before-send.{identity}", partial(self._before_send, service))
        self._equip(client)
        return client

    def _before_send(self, service: str, event_name: str, **_: object) -> None:
        operation = event_name.rpartition(".")[2]
        if self._on_call is not None:
            self._on_call(service, operation)
        with self._count_lock:
            self._sent[f"{service}:{operation}"] += 1


def _whole(value: object) -> object:
    """Return a field of an answer; of one that botocore leaves on the wire, its bytes."""
    read: Callable[[], bytes] | None = getattr(value, "read", None)
    return value if read is None else read()


@contextmanager
def _translated(service: str, operation: str) -> Generator[None]:
    """Turn everything that botocore raises into errors of teal."""
    name = f"{service}:{operation}"
    try:
        yield
    except sdk.ClientError as exc:
        response: Mapping[str, Any] = exc.response
        raise _from_answer(name, response) from exc
    except (sdk.BotoCoreError, botocore.parsers.ResponseParserError) as exc:
        raise _from_sdk(name, exc) from exc
    except _STUMBLES as exc:
        message = f"the answer cannot be read: {type(exc).__name__}: {clean(str(exc))}"
        raise UnknownAnswerError(message, code="UnknownAnswer", operation=name) from exc


def _from_answer(name: str, response: Mapping[str, Any]) -> TealError:
    """Return the error of an answer with an error code."""
    error: Mapping[str, Any] = response.get("Error", {})
    metadata: Mapping[str, Any] = response.get("ResponseMetadata", {})
    return error_for(
        name,
        str(error.get("Code", "Unknown")),
        str(error.get("Message", "AWS gave no reason")),
        status=int(metadata.get("HTTPStatusCode", _STATUS_UNKNOWN)),
        request_id=str(metadata.get("RequestId", "")),
    )


def _from_sdk(name: str, exc: Exception) -> TealError:
    """Return the error of something that came between the question and AWS's answer."""
    code, message = type(exc).__name__, clean(str(exc))
    if isinstance(exc, _USAGE):
        return UsageError(message, hint="see --profile, --region, and AWS's own configuration files")
    if isinstance(exc, _CREDENTIALS):
        return CredentialError(f"{name}: {message}", hint="sign in, or name a profile with --profile")
    if isinstance(exc, _NETWORK):
        return TransientError(message, code=code, operation=name, hint=_where_is_it(message))
    if isinstance(exc, botocore.parsers.ResponseParserError):
        return UnknownAnswerError(message, code=code, operation=name)
    return RefusedError(message, code=code, operation=name)


def _where_is_it(message: str) -> str:
    """Return what to do when nobody answers at an endpoint; on loopback that is a lab that does not run."""
    if any(f"//{host}" in message for host in ("127.", "localhost", "[::1]")):
        return 'no lab runs there: `teal lab up`, then `eval "$(teal lab env)"`'
    return "check the network, and AWS's endpoint if one is configured"
