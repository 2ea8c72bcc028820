"""A lab that lives, steered from outside: what happened in it, what shall go wrong in it. Nothing here prints."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from teal.errors import LabError, UsageError
from teal.lab import state as disk
from teal.lab.asking import ask
from teal.lab.snapshot import read_header
from teal.lab.world.wires import WorldEvent

_LONG_S: Final = 30.0
_LARGEST: Final = 8 << 20  # bytes: what the door lets in


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A piece of the story: events in order, the number of the first, and the number to go on with."""

    first: int
    events: tuple[WorldEvent, ...]
    next: int


class _Now(msgspec.Struct, frozen=True, kw_only=True):
    now_s: float


class _Faults(msgspec.Struct, frozen=True, kw_only=True):
    faults: tuple[dict[str, Any], ...]


def events(root: Path, name: str, since: int) -> Told:
    """Return what happened in a lab from event number `since` on, at most 1000 events.

    Raises:
        LabError: there is no such lab, or it does not answer.
    """
    return msgspec.json.decode(ask(living(root, name), "GET", f"/_teal/events?since={since}"), type=Told)


def faults(root: Path, name: str) -> Sequence[Mapping[str, Any]]:
    """Return the faults at work in a lab.

    Raises:
        LabError: there is no such lab, or it does not answer.
    """
    return msgspec.json.decode(ask(living(root, name), "GET", "/_teal/faults"), type=_Faults).faults


def place(
    root: Path, name: str, fault: Mapping[str, Any], *, seed: int | None = None, for_s: float | None = None
) -> Mapping[str, Any]:
    """Let a fault begin in a lab; return it as the lab sees it.

    Args:
        root: where labs are.
        name: which one.
        fault: its `kind` and the fields of that kind, see `teal.lab.faults.kinds`.
        seed: who is hit depends on it; the lab draws one when none is given.
        for_s: how long, in real seconds; until it is mended when not given.

    Raises:
        UsageError: there is no such fault.
        LabError: there is no such lab, or it does not answer.
    """
    order = msgspec.json.encode({"fault": fault, "seed": seed, "for_s": for_s})
    placed: Mapping[str, Any] = msgspec.json.decode(ask(living(root, name), "POST", "/_teal/break", order))
    return placed


def mend(root: Path, name: str, numbers: Sequence[int]) -> Sequence[Mapping[str, Any]]:
    """End faults by their numbers, or all when none is given; return those that were at work.

    Raises:
        LabError: there is no such lab, or it does not answer.
    """
    order = msgspec.json.encode({"numbers": tuple(numbers)})
    return msgspec.json.decode(ask(living(root, name), "POST", "/_teal/mend", order), type=_Faults).faults


def snapshot(root: Path, name: str) -> bytes:
    """Return a lab's region as a file.

    Raises:
        LabError: there is no such lab, it does not answer, or its region is too large for a file that can be restored.
    """
    taken = ask(living(root, name), "POST", "/_teal/snapshot", timeout_s=_LONG_S)
    if len(taken) > _LARGEST:
        raise LabError(f"a snapshot of lab '{name}' would have {len(taken)} bytes, more than {_LARGEST}")
    return taken


def restore(root: Path, name: str, contents: bytes) -> Mapping[str, Any]:
    """Make a lab's region what a snapshot says; return what the snapshot says of itself.

    Raises:
        UsageError: what is wrong with the snapshot; the lab is as it was.
        LabError: there is no such lab, or it does not answer.
    """
    read_header(contents.partition(b"\n")[0])
    if len(contents) > _LARGEST:
        raise UsageError(f"the snapshot has {len(contents)} bytes; a lab takes at most {_LARGEST}")
    header: Mapping[str, Any] = msgspec.json.decode(
        ask(living(root, name), "POST", "/_teal/restore", contents, timeout_s=_LONG_S)
    )
    return header


def now_s(root: Path, name: str) -> float:
    """Return what a lab's clock says, unix seconds.

    Raises:
        LabError: there is no such lab, or it does not answer.
    """
    return msgspec.json.decode(ask(living(root, name), "GET", "/_teal/status"), type=_Now).now_s


def gone(root: Path, name: str) -> bool:
    """Say whether a lab has ended."""
    return disk.read_state(root / name) is None


def living(root: Path, name: str) -> disk.State:
    """Return where a lab answers.

    Raises:
        LabError: there is none.
    """
    found = disk.read_state(root / name)
    if found is None:
        raise LabError(f"there is no lab '{name}'", hint="`teal lab up` starts one")
    return found
