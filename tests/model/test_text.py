"""Text from outside is made harmless, once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teal.model.text import clean

CASES = {
    "plain": ("shop-web", "shop-web"),
    "empty": ("", ""),
    "umlauts stay": ("Größe ✓ 漢字", "Größe ✓ 漢字"),
    "escape sequences lose their escape": ("\x1b[31mred\x1b[0m", "[31mred[0m"),
    "C1 introducer": ("a\x9b2Jb", "a2Jb"),
    "line breaks and tabs": ("a\r\nb\tc", "a  b c"),
    "bell and backspace": ("a\x07\x08b", "ab"),
    "right-to-left override": ("user\u202etxt.exe", "usertxt.exe"),
    "isolates and marks": ("\u2066a\u2069\u200f\u061cb", "ab"),
    "line separator": ("a\u2028b", "a b"),
    "delete": ("a\x7fb", "ab"),
}


@pytest.mark.parametrize(("given_text", "wanted"), CASES.values(), ids=CASES)
def test_clean(given_text: str, wanted: str) -> None:
    """Control characters and changes of direction go, words stay."""
    assert clean(given_text) == wanted


@given(st.text())
def test_nothing_harmful_is_left(text: str) -> None:
    """Cleaned text has no control character, no override, and cleaning again changes nothing."""
    cleaned = clean(text)
    assert not any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 or 0x202A <= ord(c) <= 0x202E for c in cleaned)
    assert clean(cleaned) == cleaned
