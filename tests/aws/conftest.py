"""Stand-ins for AWS on loopback: one that answers as it is told, for the door to botocore, and moto, for the stores."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from moto_server import moto
from teal.aws.client import BotocoreCaller, Patience

Answer = tuple[int, str, str]  # status, content type, body
TABLE: dict[str, Any] = {
    "TableName": "teal-locks",
    "AttributeDefinitions": [{"AttributeName": "LockID", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "LockID", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}


@dataclass
class StandIn:
    """Answers HTTP requests in turn, the last answer for ever; remembers what came."""

    url: str
    answers: list[Answer] = field(default_factory=list[Answer])
    headers: dict[str, str] = field(default_factory=dict[str, str])
    seen: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])  # user agent, body
    signed: list[str] = field(default_factory=list[str])  # when each request says that it was signed

    def next(self) -> Answer:
        """Return the answer to the next request."""
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def _handler(stand_in: Callable[[], StandIn]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            stand_in().seen.append((self.headers.get("User-Agent", ""), body))
            stand_in().signed.append(self.headers.get("X-Amz-Date", ""))
            status, kind, text = stand_in().next()
            self.send_response(status)
            for name, value in {
                **stand_in().headers,
                "Content-Type": kind,
                "Content-Length": len(text.encode()),
            }.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            """Say nothing."""

    return Handler


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """Serve on a port of its own, with credentials that botocore finds in the environment."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    served: list[StandIn] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(lambda: served[0])) as server:
        served.append(StandIn(url=f"http://127.0.0.1:{server.server_address[1]}"))
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield served[0]
        server.shutdown()


@pytest.fixture(scope="module")
def aws() -> Iterator[BotocoreCaller]:
    """A caller of moto, with a bucket and a table in it."""
    with pytest.MonkeyPatch.context() as patch, moto() as url:
        for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_CONFIG_FILE", "/dev/null")
        caller = BotocoreCaller(region="us-east-1", endpoint_url=url, patience=Patience(read_s=60.0))
        caller.call("s3", "CreateBucket", {"Bucket": "team-state"})
        caller.call("dynamodb", "CreateTable", TABLE)
        yield caller
