"""What a lab leaves on disk while it lives.

    <root>/<name>/daemon.lock    locked by the daemon as long as it lives; contains its process id
    <root>/<name>/state.json     where it answers; written when it is ready, removed when it ends
    <root>/<name>/lab.log        its story; lab.log.1 is that of the lab before

The kernel drops a lock with the process that holds it, however that ends. So the lock, not a process id that may
belong to somebody else by now, says whether a state file is stale.
"""

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import Final

import msgspec

from teal.errors import LabError

TOKEN_HEADER: Final = "x-teal-lab-token"  # noqa: S105 - the name of a header
_LOCK_FILE: Final = "daemon.lock"
_STATE_FILE: Final = "state.json"
_POLL_S: Final = 0.05


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Where a lab answers, and what it is."""

    name: str
    pid: int
    port: int
    token: str  # ends the lab
    region: str
    network: int
    time_scale: float
    low_port_offset: int
    started_at_s: float
    versions: dict[str, str]

    @property
    def url(self) -> str:
        """The endpoint of the API."""
        return f"http://127.0.0.1:{self.port}"


def environment(url: str, region: str) -> dict[str, str]:
    """Return the environment that makes any client of AWS a client of the lab, whatever the shell said before."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
        "AWS_ACCESS_KEY_ID": "lab",
        "AWS_SECRET_ACCESS_KEY": "lab",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def write_state(directory: Path, state: State) -> None:
    """Write the state file, whole or not at all; nobody else may read its token."""
    draft = directory / f"{_STATE_FILE}.new"
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.encode(state))
    draft.replace(directory / _STATE_FILE)


def read_state(directory: Path) -> State | None:
    """Return the state of the lab that lives in `directory`, None when none lives or it is not ready."""
    if living_pid(directory) is None:
        return None
    try:
        return msgspec.json.decode((directory / _STATE_FILE).read_bytes(), type=State)
    except (OSError, msgspec.DecodeError):
        return None


def remove_state(directory: Path) -> None:
    """Remove the state file."""
    (directory / _STATE_FILE).unlink(missing_ok=True)


def hold(directory: Path) -> int:
    """Lock a directory for a daemon; return the file descriptor that holds it.

    Raises:
        LabError: another daemon holds it.
    """
    held = os.open(directory / _LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(held)
        raise LabError(f"the lab in {directory} runs already", hint="`teal lab down` ends it") from error
    os.ftruncate(held, 0)
    os.write(held, str(os.getpid()).encode())
    return held


def living_pid(directory: Path) -> int | None:
    """Return the process id of the daemon that holds a directory, None when there is none."""
    try:
        held = os.open(directory / _LOCK_FILE, os.O_RDWR)
    except OSError:
        return None
    try:
        fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        digits = os.read(held, 20)
        return int(digits) if digits.isdigit() else None
    finally:
        os.close(held)
    return None


@contextmanager
def alone(root: Path, timeout_s: float) -> Generator[None]:
    """Let one caller at a time bring labs up below `root`.

    Raises:
        LabError: somebody else has been at it for longer than `timeout_s`.
    """
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (root / ".lock").open("w", encoding="ascii") as file:
        deadline_s = time.monotonic() + timeout_s
        while not _locked(file.fileno()):
            if time.monotonic() > deadline_s:
                raise LabError(f"somebody else is bringing a lab up in {root}", hint="try again")
            Event().wait(_POLL_S)
        yield


def _locked(file: int) -> bool:
    with suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def tail(log: Path, lines: int) -> str:
    """Return the last lines of a log, empty when there is none."""
    with suppress(OSError):
        return "\n".join(log.read_text("utf-8", "replace").splitlines()[-lines:])
    return ""


def log_of(directory: Path) -> Path:
    """Return where a lab writes its story."""
    return directory / "lab.log"
