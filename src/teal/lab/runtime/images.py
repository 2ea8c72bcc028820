"""Which command an image stands for.

A process runtime has no images, so a table says what to run instead: patterns in which `*` is any text, the first that
fits wins. An image pinned by digest fits the pattern of its name, too: teal pins images.
"""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from teal.lab.world.wires import Container

DEFAULT_IMAGES: Mapping[str, tuple[str, ...]] = {"lab/sample:*": ("{python}", "-m", "teal.lab.sample")}


class CannotStartError(Exception):
    """Why a container cannot be started, in the words of ECS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """The table. Patterns of `commands` come before those that every lab has."""

    commands: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    def argv(self, container: Container, host: str, port: int | None) -> list[str]:
        """Return the command line of a container that listens on `host` and `port`.

        As with Docker, the task definition's entry point replaces the image's command line, and its command is
        appended to it. `{host}`, `{port}` and `{python}` are filled in, in the table's words only.

        Raises:
            CannotStartError: no pattern fits, or the command needs a port and the container maps none.
        """
        found = self._command(container.image)
        if found is None:
            raise CannotStartError(
                f"CannotPullContainerError: failed to resolve ref {container.image}: not found; "
                "add it under images: in lab.yaml"
            )
        return [*(container.entry_point or _filled(found, host, port)), *container.command]

    def _command(self, image: str) -> tuple[str, ...] | None:
        names = (image, _tagged(image))
        for pattern, command in (*self.commands.items(), *DEFAULT_IMAGES.items()):
            fits = re.compile(re.escape(pattern).replace(r"\*", ".*"), re.DOTALL)
            if any(fits.fullmatch(name) for name in names):
                return command
        return None


def _tagged(image: str) -> str:
    """Return the image without its digest, and with Docker's tag where it has none."""
    name = image.partition("@")[0]
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def _filled(command: tuple[str, ...], host: str, port: int | None) -> tuple[str, ...]:
    if port is None and any("{port}" in word for word in command):
        raise CannotStartError("CannotStartContainerError: its command needs {port}, and the container maps no port")
    values = {"{host}": host, "{port}": str(port), "{python}": sys.executable}
    return tuple(re.sub(r"\{(?:host|port|python)\}", lambda found: values[found[0]], word) for word in command)
