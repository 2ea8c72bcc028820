"""Digests from a registry, asked over real sockets on loopback."""

import pytest

from host.conftest import Wire
from teal.host.registry import OciRegistry, Reference, parse_reference

DIGEST = "sha256:" + "cd" * 32
FOUND = f"HTTP/1.1 200 OK\r\nDocker-Content-Digest: {DIGEST}\r\nContent-Length: 9\r\n\r\n".encode()
GONE = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


def _challenge(realm: str) -> bytes:
    told = f'Bearer realm="{realm}",service="reg",scope="repository:team/shop:pull"'
    return f"HTTP/1.1 401 X\r\nWWW-Authenticate: {told}\r\nContent-Length: 0\r\n\r\n".encode()


def _json(body: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


REFERENCES = {
    "nginx": Reference(host="registry-1.docker.io", repository="library/nginx", tag="latest"),
    "nginx:1.27": Reference(host="registry-1.docker.io", repository="library/nginx", tag="1.27"),
    "team/shop:v1": Reference(host="registry-1.docker.io", repository="team/shop", tag="v1"),
    "docker.io/nginx:1": Reference(host="registry-1.docker.io", repository="library/nginx", tag="1"),
    "public.ecr.aws/nginx/nginx:1.27": Reference(host="public.ecr.aws", repository="nginx/nginx", tag="1.27"),
    "ghcr.io/a/b/c": Reference(host="ghcr.io", repository="a/b/c", tag="latest"),
    "localhost:5000/shop:v1": Reference(host="localhost:5000", repository="shop", tag="v1"),
    "localhost/shop": Reference(host="localhost", repository="shop", tag="latest"),
}


@pytest.mark.parametrize(("image", "wanted"), REFERENCES.items(), ids=REFERENCES)
def test_references(image: str, wanted: Reference) -> None:
    """Names mean what they mean to `docker pull`."""
    assert parse_reference(image) == wanted


def test_open_registry(wire: Wire) -> None:
    """A registry that wants no token tells the digest in its headers."""
    wire.answers = [FOUND]
    assert OciRegistry()(f"127.0.0.1:{wire.port}/team/shop:v1") == DIGEST
    assert wire.requests[0].startswith("HEAD /v2/team/shop/manifests/v1 HTTP/1.1\r\n")
    assert "application/vnd.oci.image.index.v1+json" in wire.requests[0]


@pytest.mark.parametrize("name", ["token", "access_token"])
def test_anonymous_token(wire: Wire, name: str) -> None:
    """A registry that wants a token is given the anonymous one that it names the place for."""
    wire.answers = [_challenge(f"http://127.0.0.1:{wire.port}/token"), _json(f'{{"{name}":"t0k"}}'), FOUND]
    assert OciRegistry()(f"127.0.0.1:{wire.port}/team/shop:v1") == DIGEST
    assert "GET /token?service=reg&scope=repository%3Ateam%2Fshop%3Apull " in wire.requests[1]
    assert "Authorization: Bearer t0k\r\n" in wire.requests[2]


def test_redirect_does_not_take_the_token_along(wire: Wire) -> None:
    """A redirect is followed, without the token."""
    moved = b"HTTP/1.1 307 X\r\nLocation: /v2/else/manifests/v1\r\nContent-Length: 0\r\n\r\n"
    wire.answers = [_challenge(f"http://127.0.0.1:{wire.port}/token"), _json('{"token":"t0k"}'), moved, FOUND]
    assert OciRegistry()(f"127.0.0.1:{wire.port}/team/shop:v1") == DIGEST
    assert wire.requests[3].startswith("HEAD /v2/else/manifests/v1 ")
    assert "Bearer" not in wire.requests[3]


FAILURES: dict[str, list[bytes]] = {
    "not there": [GONE],
    "no digest": [_json("{}")],
    "a digest that is none": [FOUND.replace(b"cdcd", b"<b>x", 1)],
    "a challenge of another kind": [
        b'HTTP/1.1 401 X\r\nWWW-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n'
    ],
    "no challenge": [b"HTTP/1.1 401 X\r\nContent-Length: 0\r\n\r\n"],
    "a token from the open network": [_challenge("http://registry.example/token")],
    "a token from a file": [_challenge("file:///etc/passwd")],
    "a circle": [b"HTTP/1.1 302 X\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n"],
    "to the open network": [b"HTTP/1.1 302 X\r\nLocation: http://registry.example/x\r\nContent-Length: 0\r\n\r\n"],
    "silence": [b""],
    "not HTTP": [b"SSH-2.0\r\n"],
}


@pytest.mark.parametrize("answers", FAILURES.values(), ids=FAILURES)
def test_no_digest(wire: Wire, answers: list[bytes]) -> None:
    """Whatever goes wrong, there is no digest and no error."""
    wire.answers = [*answers]
    assert OciRegistry(timeout_s=1)(f"127.0.0.1:{wire.port}/team/shop:v1") is None


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"token":7}', '{"token":""}', "<html>"])
def test_no_token(wire: Wire, body: str) -> None:
    """A token server that gives no token means no digest."""
    wire.answers = [_challenge(f"http://127.0.0.1:{wire.port}/token"), _json(body), FOUND]
    assert OciRegistry(timeout_s=1)(f"127.0.0.1:{wire.port}/team/shop:v1") is None


def test_nobody_there() -> None:
    """A registry that is not there means no digest."""
    assert OciRegistry(timeout_s=1)("127.0.0.1:1/team/shop:v1") is None
    assert OciRegistry(timeout_s=1)("not an image at all") is None
