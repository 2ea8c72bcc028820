"""Digests of images in registries that speak the OCI distribution protocol, asked without an account.

A registry answers 401 and names where a token for anonymous reading is to be had; with it, HEAD of the manifest tells
the digest. Every failure means "no digest": a digest is wished for, not needed. Only https is spoken, except to
registries on this computer.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from ipaddress import ip_address
from urllib.parse import urlencode, urljoin, urlsplit

import msgspec
import urllib3
from urllib3.exceptions import HTTPError

from teal import __version__

_TIMEOUT_S = 5.0
_HOPS_MOST = 3
_TOKEN_BYTES = 64 * 1024
_OK = 200
_UNAUTHORIZED = 401
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_ACCEPT = (
    "application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.v2+json"
)
_HUB = "registry-1.docker.io"
_HUB_NAMES = frozenset({"docker.io", "index.docker.io"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Where an image is."""

    host: str
    repository: str
    tag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What a registry or its token server answered; names of headers in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Token(msgspec.Struct):
    """A token server's answer; it may use either name."""

    token: str = ""
    access_token: str = ""


def parse_reference(image: str) -> Reference:
    """Return where an image without a digest is, as `docker pull` understands its name."""
    first, slash, rest = image.partition("/")
    named = bool(slash) and ("." in first or ":" in first or first == "localhost")
    host, path = (first, rest) if named else (_HUB, image)
    repository, _, tag = path.partition(":")
    if host in _HUB_NAMES or host == _HUB:
        host, repository = _HUB, repository if "/" in repository else f"library/{repository}"
    return Reference(host=host, repository=repository, tag=tag or "latest")


class OciRegistry:
    """Asks registries for digests."""

    def __init__(self, timeout_s: float = _TIMEOUT_S) -> None:
        self._timeout = urllib3.Timeout(total=timeout_s)

    def __call__(self, image: str) -> str | None:
        """Return the digest of an image, or None."""
        reference = parse_reference(image)
        scheme = "http" if _is_here(reference.host) else "https"
        url = f"{scheme}://{reference.host}/v2/{reference.repository}/manifests/{reference.tag}"
        try:
            answer = self._head(url, {})
            if answer.status == _UNAUTHORIZED:
                token = self._token(answer.headers.get("WWW-Authenticate", ""))
                answer = self._head(url, {"Authorization": f"Bearer {token}"})
        except (HTTPError, HTTPException, OSError, ValueError, msgspec.MsgspecError):
            return None
        digest = answer.headers.get("Docker-Content-Digest", "")
        return digest if answer.status == _OK and _DIGEST.fullmatch(digest) else None

    def _head(self, url: str, headers: Mapping[str, str]) -> _Answer:
        """Ask for a manifest's headers; a token goes to the registry that it is for and no further."""
        answer = self._ask("HEAD", url, {"Accept": _ACCEPT, **headers})
        for _ in range(_HOPS_MOST):
            location = answer.headers.get("Location", "")
            if answer.status not in _REDIRECTS or not location:
                break
            url = urljoin(url, location)
            answer = self._ask("HEAD", url, {"Accept": _ACCEPT})
        return answer

    def _token(self, challenge: str) -> str:
        """Return a token for anonymous reading from where the challenge says.

        Raises:
            ValueError: the challenge or the answer makes no sense.
        """
        asked = dict(_CHALLENGE.findall(challenge))
        if not challenge.lower().startswith("bearer ") or "realm" not in asked:
            raise ValueError(challenge)
        query = urlencode({name: asked[name] for name in ("service", "scope") if name in asked})
        answer = self._ask("GET", f"{asked['realm']}{'&' if '?' in asked['realm'] else '?'}{query}", {})
        told = msgspec.json.decode(answer.body, type=_Token)
        if not (told.token or told.access_token):
            raise ValueError(challenge)
        return told.token or told.access_token

    def _ask(self, method: str, url: str, headers: Mapping[str, str]) -> _Answer:
        place = urlsplit(url)
        if place.scheme != "https" and not (place.scheme == "http" and _is_here(place.netloc)):
            raise ValueError(url)
        sent = {"User-Agent": f"teal/{__version__}", **headers}
        # One connection a question: a registry that hangs up between two would make the second one fail.
        with urllib3.PoolManager(timeout=self._timeout, retries=False) as pool:
            answer = pool.request(method, url, headers=sent, redirect=False, preload_content=False)
            try:
                return _Answer(status=answer.status, headers=answer.headers, body=answer.read(_TOKEN_BYTES))
            finally:
                answer.close()


def _is_here(host: str) -> bool:
    """Say whether `host[:port]` is this computer."""
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
