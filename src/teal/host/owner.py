"""Who this process is, and whether another one of this computer still lives.

Only what cannot be mistaken counts. The same boot and the same namespace of process numbers, and no process of that
number and start: it is dead. The same computer, and another boot: it is dead. A name alone says nothing, since many
computers of a fleet may share it. Where the system does not tell, as on macOS, nothing is known.
"""

import getpass
import os
import platform
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from teal.model.lock import Life, Owner

_PROC = Path("/proc")
_MACHINE_ID = Path("/etc/machine-id")
_STARTED_FIELD = 19  # of /proc/<pid>/stat, counted behind the name of the command


def this_process(environ: Mapping[str, str]) -> Owner:
    """Return the owner that this process is."""
    pid = os.getpid()
    return Owner(
        user=_user(environ),
        host=platform.node() or "an unnamed host",
        pid=pid,
        machine=_machine(),
        boot_id=_text(_PROC / "sys/kernel/random/boot_id"),
        pid_space=_pid_space(),
        started=_started(pid) or "",
        ci_url=_ci_url(environ),
    )


def life_of(owner: Owner, seen_by: Owner) -> Life:
    """Say whether the process `owner` lives, as the process `seen_by`, which is the one that asks, can know it."""
    if owner.boot_id and owner.boot_id == seen_by.boot_id:
        if not owner.started or not owner.pid_space or owner.pid_space != seen_by.pid_space:
            return Life.UNKNOWN
        return Life.ALIVE if _started(owner.pid) == owner.started else Life.DEAD
    another_boot = bool(owner.machine and owner.boot_id and seen_by.boot_id) and owner.machine == seen_by.machine
    return Life.DEAD if another_boot and owner.host == seen_by.host else Life.UNKNOWN


def _user(environ: Mapping[str, str]) -> str:
    try:
        return environ.get("GITHUB_ACTOR") or environ.get("GITLAB_USER_LOGIN") or getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        return f"user {os.getuid()}"


def _ci_url(environ: Mapping[str, str]) -> str:
    run = environ.get("GITHUB_RUN_ID")
    if run:
        return f"{environ.get('GITHUB_SERVER_URL', '')}/{environ.get('GITHUB_REPOSITORY', '')}/actions/runs/{run}"
    return environ.get("CI_JOB_URL") or environ.get("BUILD_URL") or environ.get("BUILDKITE_BUILD_URL") or ""


def _machine() -> str:
    """Return what tells this computer from its clones: its id and its network address; empty where it has no id."""
    machine_id = _text(_MACHINE_ID)
    return f"{machine_id}-{uuid.getnode():012x}" if machine_id else ""


def _pid_space() -> str:
    with suppress(OSError):
        return str((_PROC / "self/ns/pid").readlink())
    return ""


def _started(pid: int) -> str | None:
    """Return when a process started, in ticks since boot; None where there is no such process, or it has ended."""
    stat = _text(_PROC / str(pid) / "stat").rpartition(")")[2].split()
    ended = not stat or stat[0] in {"Z", "X"}
    return None if ended else stat[_STARTED_FIELD]


def _text(path: Path) -> str:
    with suppress(OSError):
        return path.read_text(errors="replace").strip()
    return ""
