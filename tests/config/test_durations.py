"""Durations and steps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teal.config.durations import duration_s, duration_text, shift_steps
from teal.model.spec import ShiftStep


@pytest.mark.parametrize(
    ("text", "seconds"), [("0s", 0), ("90s", 90), ("2m", 120), ("1h30m", 5400), ("24h", 86400), ("1h1s", 3601)]
)
def test_a_duration_is_hours_minutes_and_seconds(text: str, seconds: int) -> None:
    """Hours, minutes and seconds add up; each may be absent."""
    assert duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "h", "1m1h", "1.5s", "-1s", "1 s", "1d"])
def test_anything_else_is_no_duration(text: str) -> None:
    """What is not of this form is no duration."""
    with pytest.raises(ValueError, match=r".*"):
        duration_s(text)


@given(st.integers(0, 10**7))
def test_a_duration_written_is_read_back(seconds: int) -> None:
    """Writing and reading give the same seconds."""
    assert duration_s(duration_text(seconds)) == seconds


def test_steps_are_percents_with_their_holds() -> None:
    """Each step has its share and how long it is held; spaces may be many."""
    expected = (ShiftStep(percent=5, hold_s=90), ShiftStep(percent=100, hold_s=0))
    assert shift_steps(["5%  for  1m30s", "100%"]) == expected


def test_what_is_no_step_is_an_error() -> None:
    """A text that the schema would have refused is an error of the caller."""
    with pytest.raises(ValueError, match="5 percent"):
        shift_steps(["5 percent"])
