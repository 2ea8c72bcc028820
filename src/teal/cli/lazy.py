"""A group whose commands are a table of words until one of them is used.

`teal --help` prints this table and imports nothing else: the first output of any command comes before AWS's SDK, the
configuration parser or the model is loaded.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any, cast

import click


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One command: the module that has it under its own name, its section in the help, and one line about it."""

    module: str
    section: str
    about: str
    alias: str = ""
    attribute: str = ""  # its name in the module where that cannot be its own, like a keyword of Python


class LazyGroup(click.Group):
    """A group that finds its commands in a table of entries."""

    def __init__(self, *, entries: Mapping[str, Entry], **settings: Any) -> None:  # noqa: ANN401 - click's own
        super().__init__(**settings)
        self.entries = entries
        self.aliases = {entry.alias: name for name, entry in entries.items() if entry.alias}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names, in the order of the table."""
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - likewise
        """Import the one command that is asked for."""
        name = self.aliases.get(cmd_name, cmd_name)
        entry = self.entries.get(name)
        return cast("click.Command", getattr(import_module(entry.module), entry.attribute or name)) if entry else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one may have been meant."""
        known = args[0] in self.entries or args[0] in self.aliases
        if not known and not args[0].startswith("-") and not ctx.resilient_parsing:
            close = get_close_matches(args[0], [*self.entries, *self.aliases])
            meant = f" Did you mean {' or '.join(repr(name) for name in close)}?" if close else ""
            ctx.fail(f"no such command: {args[0]!r}.{meant}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - likewise
        """Write the table, section by section."""
        for section in dict.fromkeys(entry.section for entry in self.entries.values()):
            with formatter.section(section):
                formatter.write_dl([(_label(n, e), e.about) for n, e in self.entries.items() if e.section == section])


def _label(name: str, entry: Entry) -> str:
    return f"{name}, {entry.alias}" if entry.alias else name
