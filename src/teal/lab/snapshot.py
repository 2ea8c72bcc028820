"""A lab's region as a file: two lines of JSON, the first about the second.

    {"format": "teal-lab-snapshot", "version": 1, "region": …, "network": 7, "layout": …, "sha256": …, …}
    {"objects": [ … ], "roots": { … }}

A file that is something else, damaged, or from a lab that is built differently is refused before anything is touched;
what passes is tried on a copy of the world first. Addresses of the lab's network move along when the lab that reads has
another one.
"""

import re
from hashlib import sha256
from typing import Any, Final, Protocol, Self

import msgspec

import teal
from teal.errors import UsageError
from teal.lab.world import memory
from teal.lab.world.ground import Ground

FORMAT: Final = "teal-lab-snapshot"
_VERSION: Final = 1
_NO_LAB: Final = "`teal lab snapshot` writes one"


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The first line."""

    format: str
    version: int
    teal: str  # the version that wrote it
    layout: str  # which records its lab was made of
    account: str
    region: str
    network: int
    taken_at_s: float
    sha256: str  # of the second line


class Region(Protocol):
    """What is asked of the world."""

    def memory(self) -> dict[str, Any]:
        """Return all that it knows."""
        ...

    def restore(self, memory: dict[str, Any], now_s: float) -> None:
        """Know what a memory says."""
        ...

    def copy(self) -> Self:
        """Return another world in the same state."""
        ...

    def tasks(self) -> object:
        """Return the tasks that should exist."""
        ...

    def data_plane(self) -> object:
        """Return what the load balancers should do."""
        ...


def take(world: Region, ground: Ground, now_s: float) -> bytes:
    """Return the snapshot of a region."""
    contents = msgspec.json.encode(memory.write(world.memory()))
    header = Header(
        format=FORMAT,
        version=_VERSION,
        teal=teal.__version__,
        layout=memory.layout(),
        account=ground.account,
        region=ground.region,
        network=ground.network,
        taken_at_s=now_s,
        sha256=sha256(contents).hexdigest(),
    )
    return msgspec.json.encode(header) + b"\n" + contents + b"\n"


def put_back(snapshot: bytes, world: Region, ground: Ground, now_s: float) -> Header:
    """Make a region what a snapshot says.

    Raises:
        UsageError: what is wrong with the snapshot; the region is as it was.
    """
    first, _, second = snapshot.partition(b"\n")
    header = read_header(first)
    contents = second.removesuffix(b"\n")
    _check(header, contents, ground)
    text = _moved(contents.decode(), header.network, ground.network)
    try:
        trial = world.copy()
        trial.restore(memory.read(msgspec.json.decode(text)), now_s)
        trial.tasks()
        trial.data_plane()
        known = memory.read(msgspec.json.decode(text))
    except Exception as error:  # a file with a right checksum can still be made by hand
        raise UsageError(f"the snapshot is not of a region that a lab can have: {error}", hint=_NO_LAB) from error
    world.restore(known, now_s)
    return header


def read_header(line: bytes) -> Header:
    """Return the header of a snapshot from its first line.

    Raises:
        UsageError: it is no snapshot, or one of another version of the format.
    """
    try:
        plain = msgspec.json.decode(line, type=dict[str, Any])
        if plain.get("format") != FORMAT:
            raise UsageError("this is no snapshot of a lab", hint=_NO_LAB)
        if plain.get("version") != _VERSION:
            raise UsageError(
                f"the snapshot has version {plain.get('version')} of the format, this teal reads {_VERSION}",
                hint=f"it was taken by teal {plain.get('teal')}",
            )
        return msgspec.convert(plain, Header)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError("this is no snapshot of a lab", hint=_NO_LAB) from error


def _check(header: Header, contents: bytes, ground: Ground) -> None:
    if sha256(contents).hexdigest() != header.sha256:
        raise UsageError("the snapshot is damaged: its contents do not have the checksum that it names")
    if header.layout != memory.layout():
        raise UsageError(
            "the snapshot was taken of a lab that is built differently",
            hint=f"teal {header.teal} took it, this is teal {teal.__version__}",
        )
    if (header.account, header.region) != (ground.account, ground.region):
        raise UsageError(
            f"the snapshot is of region {header.region}, the lab plays {ground.region}",
            hint=f"teal lab up --region {header.region}",
        )


def _moved(text: str, before: int, after: int) -> str:
    """Return a text in which every whole address of one lab's network is that of another lab's."""
    if before == after:
        return text
    address = rf"(?<![0-9.])(10|127)\.{before}\.([0-9]{{1,3}}\.[0-9]{{1,3}})(?![0-9.])"
    return re.sub(address, rf"\g<1>.{after}.\g<2>", text)
