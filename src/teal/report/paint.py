"""Colour for a terminal, and its absence everywhere else. Colour never carries what the words do not."""

from dataclasses import dataclass

_CODES = {"bold": "1", "faint": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34"}


@dataclass(frozen=True, slots=True)
class Paint:
    """Paints when `on`."""

    on: bool = False

    def __call__(self, colour: str, text: str) -> str:
        """Return `text` in `colour`, or as it is."""
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if self.on and text else text
