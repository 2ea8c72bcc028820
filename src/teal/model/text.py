"""Text from outside, made harmless.

Names, tags, messages and log lines reach a terminal and a journal. A text that AWS hands out was written by somebody,
perhaps by somebody hostile: control characters could move the cursor, colour a lie, or reverse the reading direction.
"""

from collections.abc import Mapping
from types import MappingProxyType

_SPACES = (0x09, 0x0A, 0x0D, 0x2028, 0x2029)
_CONTROLS = (*range(0x20), *range(0x7F, 0xA0))
_DIRECTIONS = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_HARMLESS: Mapping[int, str] = MappingProxyType({
    **dict.fromkeys((*_CONTROLS, *_DIRECTIONS), ""),
    **dict.fromkeys(_SPACES, " "),
})  # fmt: skip


def clean(text: str) -> str:
    """Return `text` without control characters and changes of direction; line breaks and tabs become spaces."""
    return text if text.isascii() and text.isprintable() else text.translate(_HARMLESS)
