"""The files an Envoy takes its configuration from. A file is replaced whole, by a rename, when it differs."""

import json
from pathlib import Path
from typing import Any


class Files:
    """The files of one node."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._written: dict[str, str] = {}
        directory.mkdir(parents=True, exist_ok=True)

    def path(self, name: str) -> str:
        """Return the path of a file."""
        return str(self._directory / name)

    def write(self, name: str, resources: list[dict[str, Any]]) -> None:
        """Make `resources` the content of a file."""
        text = json.dumps({"resources": resources})
        if self._written.get(name) == text:
            return
        target = self._directory / name
        fresh = target.with_suffix(".fresh")
        fresh.write_text(text)
        fresh.rename(target)  # Envoy watches for renames: it never reads half a file
        self._written[name] = text

    def remove(self, name: str) -> None:
        """Remove a file that nothing refers to any more."""
        self._written.pop(name, None)
        (self._directory / name).unlink(missing_ok=True)
