"""How a lab shall be: what the command line says, what `lab.yaml` says, and both together as the daemon reads them.

images:                               # what to run for an image; * is any text; {host} {port} {python} are filled in
  shop/web:*: [node, server.js, --listen, "{host}:{port}"]
time_scale: 0.01                      # every delay of AWS, times this
nodes: 2                              # how many Envoys play the load balancer
rule_delay_s: [1, 5]                  # how long a node takes to take up a change of rules, before scaling
seed: 1                               # everything that is drawn is drawn from this
stale_reads_s: 0                      # how old the region may be that a read of the API shows
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec
import yaml

from teal.errors import UsageError

DEFAULT_PORT: Final = 4560
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d")
_LAST_PORT: Final = 65535
_SETTINGS_FILE: Final = "settings.json"

_Scale = Annotated[float, msgspec.Meta(gt=0, le=10)]
_Delay = Annotated[float, msgspec.Meta(ge=0, le=60)]
_Age = Annotated[float, msgspec.Meta(ge=0, le=30)]
_Nodes = Annotated[int, msgspec.Meta(ge=1, le=8)]
_Words = Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabOptions:
    """What the caller wants. `None` leaves the choice to `lab.yaml`, and what that does not say to the defaults."""

    root: Path  # where labs keep their state, one directory each
    name: str = "lab"
    port: int = DEFAULT_PORT  # of the API; 0 is any free one
    region: str = "eu-west-1"
    config: Path | None = None  # a lab.yaml
    time_scale: float | None = None


class LabFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The contents of `lab.yaml`."""

    images: dict[str, _Words] = {}
    time_scale: _Scale = 1.0
    # Only Linux spreads the connections to one port over several listeners.
    nodes: _Nodes = 2 if sys.platform == "linux" else 1
    rule_delay_s: tuple[_Delay, _Delay] = (1.0, 5.0)
    seed: int = 1
    stale_reads_s: _Age = 0.0

    def scaled_rule_delay_s(self) -> tuple[float, float]:
        """Return the shortest and the longest time that a node of this lab takes to take up a change of rules."""
        shortest_s, longest_s = self.rule_delay_s
        return shortest_s * self.time_scale, longest_s * self.time_scale


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All that the daemon must know."""

    name: str
    port: int
    region: str
    file: LabFile


def settle(options: LabOptions) -> Settings:
    """Check options and `lab.yaml`, and make one of them.

    Raises:
        UsageError: what is wrong, and where.
    """
    if not _NAME.fullmatch(options.name):
        raise UsageError(f"'{options.name}' is no name for a lab", hint="small letters, digits and -, at most 32")
    if not _REGION.fullmatch(options.region):
        raise UsageError(f"'{options.region}' is no AWS region", hint="e.g. eu-west-1")
    if not 0 <= options.port <= _LAST_PORT:
        raise UsageError(f"{options.port} is no port")
    file = LabFile() if options.config is None else read_lab_file(options.config)
    if options.time_scale is not None:
        file = _checked({**msgspec.to_builtins(file), "time_scale": options.time_scale}, "--time-scale")
    return Settings(name=options.name, port=options.port, region=options.region, file=file)


def read_lab_file(path: Path) -> LabFile:
    """Read a `lab.yaml`.

    Raises:
        UsageError: it cannot be read, or says something that no lab understands.
    """
    try:
        contents: object = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        raise UsageError(f"{path}: {error}") from error
    return _checked({} if contents is None else contents, str(path))


def _checked(contents: object, source: str) -> LabFile:
    try:
        file = msgspec.convert(contents, LabFile)
    except msgspec.ValidationError as error:
        keys = ", ".join(msgspec.structs.asdict(LabFile()))
        raise UsageError(f"{source}: {error}", hint=f"a lab knows: {keys}") from error
    if file.rule_delay_s[0] > file.rule_delay_s[1]:
        raise UsageError(f"{source}: rule_delay_s is [shortest, longest], not {list(file.rule_delay_s)}")
    return file


def write_settings(directory: Path, settings: Settings) -> None:
    """Leave the settings where the daemon of `directory` finds them."""
    (directory / _SETTINGS_FILE).write_bytes(msgspec.json.encode(settings))


def read_settings(directory: Path) -> Settings:
    """Return what `write_settings` left."""
    return msgspec.json.decode((directory / _SETTINGS_FILE).read_bytes(), type=Settings)
