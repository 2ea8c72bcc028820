"""A field that must be there and is not makes the answer unknown, never empty."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from teal.aws.fields import Fields
from teal.errors import UnknownAnswerError

MISSING: dict[str, tuple[dict[str, Any], Callable[[Fields], object], str]] = {
    "no text": ({}, lambda f: f.text("Name"), "Name is missing"),
    "null": ({"Name": None}, lambda f: f.text("Name"), "Name is missing"),
    "a number for a text": ({"Name": 7}, lambda f: f.text("Name"), "Name is not"),
    "no number": ({}, lambda f: f.whole("Port"), "Port is missing"),
    "a text for a number": ({"Port": "80"}, lambda f: f.whole("Port"), "Port is not"),
    "a truth value for a number": ({"Port": True}, lambda f: f.whole("Port"), "Port is not"),
    "a text for a truth value": ({"On": "true"}, lambda f: f.flag("On"), "On is not"),
    "no list": ({}, lambda f: f.parts("Rules"), "Rules is missing"),
    "a structure for a list": ({"Rules": {}}, lambda f: f.parts("Rules"), "Rules is not"),
    "a text in a list of structures": ({"Rules": ["x"]}, lambda f: f.parts("Rules"), "Rules is not"),
    "a number in a list of texts": ({"Arns": [1]}, lambda f: f.texts("Arns"), "Arns is not"),
    "no structure": ({}, lambda f: f.part("Target"), "Target is missing"),
    "deep in a list": (
        {"Rules": [{"Actions": [{}]}]},
        lambda f: f.parts("Rules")[0].parts("Actions")[0].text("Type"),
        "Rules[].Actions[].Type is missing",
    ),
    "an instant of words": ({"At": "now"}, lambda f: f.instant_s("At"), "At is not"),
}


@pytest.mark.parametrize(("data", "read", "said"), MISSING.values(), ids=MISSING)
def test_unknown(data: dict[str, Any], read: Callable[[Fields], object], said: str) -> None:
    """What is missing or of the wrong type is named, with the operation that answered."""
    with pytest.raises(UnknownAnswerError, match="elbv2:DescribeRules") as caught:
        read(Fields(data, "elbv2:DescribeRules"))
    assert said in caught.value.message


def test_what_may_be_missing() -> None:
    """Optional fields have the value that their absence means."""
    nothing = Fields({}, "ecs:DescribeTasks")
    assert (nothing.text_or("a"), nothing.whole_or("a", 3), nothing.flag("a"), nothing.instant_s("a")) == (
        "",
        3,
        False,
        0,
    )
    assert (nothing.parts_or_none("a"), nothing.texts_or_none("a")) == ((), ())
    assert nothing.part_or_empty("a").text_or("b", "c") == "c"


@pytest.mark.parametrize("at", [datetime.fromtimestamp(1_790_000_000, UTC), 1_790_000_000, 1_790_000_000.0])
def test_instants(at: object) -> None:
    """An instant may come as a date or as a number."""
    assert Fields({"At": at}, "x").instant_s("At") == 1_790_000_000.0


def test_texts_are_cleaned() -> None:
    """Every text that is read is made harmless."""
    fields = Fields({"Name": "a\x1b[2Jb", "Arns": ["x\u202ey"]}, "x")
    assert (fields.text("Name"), fields.texts("Arns")) == ("a[2Jb", ("xy",))
