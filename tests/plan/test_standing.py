"""Since when the weights stand as they do: what each tag tells, and what a run has seen itself."""

from dataclasses import replace

import pytest

from plan import scenes
from plan.scenes import NOW_S, Scene
from plan.words import HALF, TENTH, T, scene
from teal.model.run import Weights
from teal.model.tags import parse_move
from teal.plan.standing import expired, written

TAGGED_AFTER = T + 1  # a tag counts whole seconds
TAGGED_BEFORE = T + 361  # a minute to send what was announced, and five until AWS refuses it


@pytest.mark.parametrize(
    ("found", "since_s"),
    [
        (scene("prepare", 0, b="d2.40.served"), TAGGED_AFTER),
        (scene("prepare", 0, b=None), TAGGED_AFTER),
        (scene("prepare", 0), TAGGED_AFTER),
        (scene("held", 0), TAGGED_AFTER),
        (scene("done", 1, b="d7.42.served"), TAGGED_AFTER),
        (scene("back", 0, b="d7.42.back"), TAGGED_AFTER),
        (scene("shift", HALF), TAGGED_BEFORE),
        (scene("shift", 1), TAGGED_BEFORE),
        (scene("done", 1, b="d7.42.served", at_s=int(NOW_S)), NOW_S),
        (scene("shift", HALF, at_s=int(NOW_S) - 360), NOW_S),
        (scene("shift", HALF, at_s=int(NOW_S) - 362), NOW_S - 1),
        (scene("shift", 0), NOW_S),
        (scene("shift", HALF, TENTH), NOW_S),
        (scene("shift", TENTH, HALF), NOW_S),
        (scene("shift", 1, b="d7.42.served"), NOW_S),
        (scene("held", TENTH), NOW_S),
        (scene("done", HALF, b="d7.42.served"), NOW_S),
        (Scene(shares=(0,), a="", b=""), NOW_S),
        (Scene(shares=(HALF,), a="", b=""), NOW_S),
    ],
)
def test_what_the_tag_of_a_move_tells(found: Scene, since_s: float) -> None:
    """A first look believes the tag where its stage speaks of these weights; else they stand since that look."""
    assert scenes.facts(found.seen()).stand_since_s == since_s


BEFORE, MOVED = scene("shift", TENTH), scene("shift", TENTH, at_s=T + 9)


@pytest.mark.parametrize(
    ("found", "own", "since_s"),
    [
        (BEFORE, None, T),
        (BEFORE, MOVED.move, T),
        (MOVED, MOVED.move, T),  # the tag that the run wrote itself is no other weight
        (MOVED, None, NOW_S),
        (MOVED, BEFORE.move, NOW_S),
        (scene("shift", HALF), None, NOW_S),
        (replace(BEFORE, move=None), MOVED.move, NOW_S),
    ],
)
def test_what_a_run_has_seen_stands_until_something_else_is_seen(found: Scene, own: str | None, since_s: float) -> None:
    """Other weights, or a move that somebody else wrote, stand since the look that showed them."""
    seen_before: Weights = written(BEFORE.seen(), T)
    facts = scenes.facts(found.seen(), scenes.run(weights=seen_before, own_move=parse_move(own)))
    assert facts.weights == Weights(shares=facts.weights.shares, move=found.seen().move, since_s=since_s)
    assert (facts.weights.shares == seen_before.shares) is (found.shares == BEFORE.shares)


@pytest.mark.parametrize(
    ("move", "over"),
    [
        (f"d7.a.b.shift.{int(NOW_S) - 59}", False),
        (f"d7.a.b.shift.{int(NOW_S) - 60}", True),
        (f"d7.a.b.done.{int(NOW_S) - 60}", False),
        (f"d7.a.b.held.{T}", False),
        ("", False),
    ],
)
def test_an_announcement_is_over_after_a_minute(move: str, over: bool) -> None:  # noqa: FBT001 - a table's column
    """A weight is sent within a minute of its tag; other stages announce none."""
    assert expired(parse_move(move), NOW_S) is over
