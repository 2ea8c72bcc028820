"""The two tags: what is written can be read, and nonsense is nothing."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teal.model.identity import Slot
from teal.model.tags import DeploymentTag, MoveTag, Outcome, Stage, parse_deployment, parse_move

IDS = st.text(string.ascii_letters + string.digits + "_:/=+-@", min_size=1, max_size=20)
WAYS = st.sampled_from([(None, Slot.A), (None, Slot.B), (Slot.A, Slot.B), (Slot.B, Slot.A)])


@settings(max_examples=60, deadline=None)
@given(identity=IDS, way=WAYS, stage=st.sampled_from(Stage), entered=st.integers(0, 2**40))
def test_a_move_is_read_as_it_was_written(
    identity: str, way: tuple[Slot | None, Slot], stage: Stage, entered: int
) -> None:
    """Every move tag's text is parsed to the tag again."""
    tag = MoveTag(id=identity, origin=way[0], to=way[1], stage=stage, entered_at_s=entered)
    assert parse_move(str(tag)) == tag


@settings(max_examples=60, deadline=None)
@given(identity=IDS, revision=st.integers(0, 2**31), outcome=st.sampled_from(Outcome))
def test_a_deployment_is_read_as_it_was_written(identity: str, revision: int, outcome: Outcome) -> None:
    """Every deployment tag's text is parsed to the tag again."""
    tag = DeploymentTag(id=identity, revision=revision, outcome=outcome)
    assert parse_deployment(str(tag)) == tag


@settings(max_examples=150, deadline=None)
@given(text=st.one_of(st.text(max_size=40), st.text("ab.none.prepare.held.d1234", max_size=40)))
def test_any_text_is_a_tag_or_nothing(text: str) -> None:
    """Whatever somebody writes into a tag, it is nothing, or exactly what it says."""
    for found in (parse_move(text), parse_deployment(text)):
        assert found is None or parse_move(str(found)) == found or parse_deployment(str(found)) == found


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "d1",
        "d1.a.b.held",
        "d1.a.b.held.x",
        ".a.b.held.1",
        "d1.a.a.held.1",
        "d1.c.b.held.1",
        "d1.a.none.held.1",
        "d1.a.b.baking.1",
        "d1.a.b.held.-1",
        "d1.a.b.held.1.2",
        "d1.a.b.held.²",
    ],
)
def test_what_is_no_move(text: str | None) -> None:
    """A value that is not well formed is no move."""
    assert parse_move(text) is None


@pytest.mark.parametrize(
    "text",
    [None, "", "d1", "d1.", ".41", "d1.x", "d1.41.", "d1.41.gone", "d1.41.served.", "d1.41.served.2", "d1.-4", "d1.²"],
)
def test_what_is_no_deployment(text: str | None) -> None:
    """A value that is not well formed is no deployment."""
    assert parse_deployment(text) is None


def test_a_move_enters_a_stage_at_whole_seconds() -> None:
    """Entering a stage keeps the move and cuts the time to a second."""
    tag = MoveTag(id="d1", origin=None, to=Slot.B, stage=Stage.PREPARE, entered_at_s=1)
    assert str(tag.entering(Stage.HELD, 7.9)) == "d1.none.b.held.7"


def test_an_outcome_is_added() -> None:
    """A deployment ends as served or back."""
    assert str(DeploymentTag(id="d1", revision=4).ended(Outcome.BACK)) == "d1.4.back"
