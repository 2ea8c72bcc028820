"""Where a command works: its flags, its door, and its two voices. Data goes to stdout, talk to stderr."""

import re
from dataclasses import dataclass

import click

from teal.cli.door import Door, Labs, UseCases
from teal.cli.flags import Flags
from teal.errors import UsageError

_COMMAND_OF_RUNNER = re.compile(r"^(\s*)(::|##\[)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One command at work."""

    command: str
    flags: Flags
    door: Door

    def open(self, saying: str) -> UseCases:
        """Say what begins, then load what it takes."""
        self.say(f"{saying} the app of {self.flags.config or 'teal.yaml'} …")
        return self.door.open_app(self.flags, self.door.environ)

    def say(self, text: str) -> None:
        """Talk."""
        self._write(text, err=True)

    def data(self, text: str) -> None:
        """Give data."""
        self._write(text, err=False)

    def _write(self, text: str, *, err: bool) -> None:
        shielded = "\n".join(self._shield(line) for line in text.split("\n"))
        click.echo(shielded, err=err, color=self.colour(err=err))

    def _shield(self, line: str) -> str:
        """Break what the GitHub runner would take for a command in text that came from elsewhere."""
        if "GITHUB_ACTIONS" not in self.door.environ:
            return line
        return _COMMAND_OF_RUNNER.sub(lambda match: f"{match[1]}{match[2][0]} {match[2][1:]}", line)

    def colour(self, *, err: bool) -> bool:
        """Say whether a stream shows colour."""
        terminal = self.door.terminal_err if err else self.door.terminal_out
        return terminal and not self.flags.no_color and not self.door.plain

    def must_ask(self) -> None:
        """Refuse at once where a question would have to be asked and nobody is there to answer."""
        if not self.flags.yes and not self.door.asks:
            raise UsageError(
                f"`teal {self.command}` asks before it changes anything, and nobody is there to answer",
                hint="add --yes (or TEAL_YES=1) to go ahead without a question; `teal plan` shows what would be done",
            )

    def labs(self) -> Labs:
        """Open the labs of this machine."""
        return self.door.open_labs(self.door.environ)
