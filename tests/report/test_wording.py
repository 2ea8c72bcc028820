"""Instants, durations, columns."""

import pytest

from teal.report.wording import WIDTH, ago, clip, clock, duration, instant, pad, plural, table, width, wrapped


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0.0 s"),
        (0.04, "0.0 s"), (0.42, "0.4 s"), (9.96, "10.0 s"), (12, "12 s"), (59.4, "59 s"), (59.6, "1 min"),
        (60, "1 min"), (185, "3 min 5 s"), (3600, "1 h"), (7800, "2 h 10 min"), (90000, "1 d 1 h"), (86400 * 3, "3 d"),
    ],
)  # fmt: skip
def test_a_duration_has_two_units(seconds: float, text: str) -> None:
    """The two units that tell most, tenths below ten seconds."""
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "just now"), (5, "5 s ago"), (200, "3 min ago"), (7300, "2 h ago"), (200000, "2 d ago")],
)
def test_ago_has_one_unit(seconds: float, text: str) -> None:
    """The largest unit alone."""
    assert ago(seconds) == text


def test_instants_are_utc() -> None:
    """Instants say that they are UTC."""
    assert (instant(1_800_000_000), clock(1_800_000_000)) == ("2027-01-15T08:00:00Z", "08:00:00")


@pytest.mark.parametrize(
    ("text", "columns"), [("web", 3), ("商店", 4), ("e\u0301", 1), ("\x1b[31mred\x1b[0m", 3), ("", 0)]
)
def test_width_counts_columns(text: str, columns: int) -> None:
    """Wide characters take two columns, combining marks and paint none."""
    assert width(text) == columns


@pytest.mark.parametrize(
    ("text", "columns", "cut"), [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("商店街", 5, "商店…"), ("商店街", 4, "商…")]
)
def test_clip_never_exceeds(text: str, columns: int, cut: str) -> None:
    """A clipped text is at most as wide as asked, and padding makes it exactly that."""
    assert clip(text, columns) == cut
    assert width(pad(text, columns)) == columns


def test_a_table_is_as_narrow_as_it_can_be() -> None:
    """Columns take their widest cell, at most their limit."""
    assert table([("a", "long text"), ("bbb", "x")], (10, 5)) == ["a    long…", "bbb  x"]


def test_wrapped_lines_stay_within_the_screen() -> None:
    """Text is wrapped at words, the label stands once."""
    lines = wrapped("stage", "word " * 40)
    assert lines[0].startswith("stage     word")
    assert all(line.startswith(" " * 10) for line in lines[1:])
    assert max(width(line) for line in lines) <= WIDTH
    assert wrapped("stage", "") == ["stage"]


def test_one_is_singular() -> None:
    """1 step, 2 steps."""
    assert (plural(1, "step"), plural(2, "step")) == ("1 step", "2 steps")
