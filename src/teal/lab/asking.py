"""Questions and orders to a lab that lives, under its own paths."""

import http.client
from contextlib import suppress
from typing import Final

import msgspec

from teal.errors import LabError, UsageError
from teal.lab import state as disk

_ASK_S: Final = 3.0


class _Complaint(msgspec.Struct, frozen=True, kw_only=True):
    message: str
    hint: str = ""


def ask(found: disk.State, method: str, path: str, body: bytes = b"", timeout_s: float = _ASK_S) -> bytes:
    """Return the body of a lab's answer.

    Raises:
        UsageError: the lab refuses what it was asked for.
        LabError: it does not answer, or cannot do it.
    """
    connection = http.client.HTTPConnection("127.0.0.1", found.port, timeout=timeout_s)
    try:
        connection.request(method, path, body=body, headers={disk.TOKEN_HEADER: found.token})
        answer = connection.getresponse()
        told = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise LabError(
            f"lab '{found.name}' (process {found.pid}) does not answer at {found.url}: {error}",
            hint="`teal lab down` ends it, by force if it must",
        ) from error
    finally:
        connection.close()
    if answer.status < http.client.BAD_REQUEST:
        return told
    with suppress(msgspec.DecodeError):
        complaint = msgspec.json.decode(told, type=_Complaint)
        kind = UsageError if answer.status == http.client.BAD_REQUEST else LabError
        raise kind(complaint.message, hint=complaint.hint)
    text = told.decode("utf-8", "replace").strip()
    raise LabError(f"lab '{found.name}' answers {answer.status} to {method} {path}: {text}")
