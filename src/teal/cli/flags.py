"""The flags that every command has, parsed."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """What was asked for in general: which app, which account, which kind of output."""

    config: Path | None = None
    images: tuple[str, ...] = ()
    sets: tuple[tuple[str, str], ...] = ()
    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    timeout_s: float | None = None
    lock_wait_s: float = 0.0
    output: str = "table"
    yes: bool = False
    debug: bool = False
    no_color: bool = False
