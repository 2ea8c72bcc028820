"""How far a run has come, and the other run that it meets."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest

from execute.scripted import HALF, shares
from plan.scenes import LONG_AGO, Scene, spec
from teal.errors import DriftError
from teal.execute.guard import (
    Bounds,
    other_deployer,
    rank_of,
    refuse_foreign,
    shows_again,
    strange_weights,
    tags_removed,
)
from teal.model.identity import Slot
from teal.model.snapshot import Snapshot
from teal.model.spec import ShiftStep
from teal.model.step import Register
from teal.model.tags import MoveTag, Stage
from teal.plan.situation import classify

MOVE = MoveTag(id="d7", origin=Slot.A, to=Slot.B, stage=Stage.SHIFT, entered_at_s=LONG_AGO)
NEWER, OLDER = replace(MOVE, entered_at_s=LONG_AGO + 1), replace(MOVE, entered_at_s=LONG_AGO - 1)
ANOTHER = replace(MOVE, id="d8")
UNTAGGED = Scene(shares=(0, 0), b="d7.42").seen()
NO_RULES = Scene(shares=(None, None), b="d7.42").seen()


def on_record(move: MoveTag | None) -> Snapshot:
    """Return an app with this move on record."""
    return UNTAGGED if move is None else Scene(move=str(move), shares=(HALF, 0), b="d7.42").seen()


@pytest.mark.parametrize(
    ("own", "known", "found", "met"),
    [
        (None, None, ANOTHER, False),
        (MOVE, MOVE, None, False),
        (MOVE, MOVE, MOVE, False),
        (MOVE, MOVE, OLDER, False),
        (MOVE, MOVE, NEWER, True),
        (MOVE, MOVE, ANOTHER, True),
        (MOVE, OLDER, ANOTHER, True),
        (MOVE, None, ANOTHER, True),
        (MOVE, ANOTHER, ANOTHER, False),  # this run's own is not seen yet
    ],
)
def test_another_run_is_known_by_its_move(
    own: MoveTag | None, known: MoveTag | None, found: MoveTag | None, *, met: bool
) -> None:
    """A move that this run did not write, and has not found, and that is no older than its own, is another run's."""
    assert other_deployer(own, on_record(known), on_record(found)) == (
        f"another run went on with this app: {found}" if met else ""
    )


@pytest.mark.parametrize(
    ("own", "known", "found", "again"),
    [
        (None, NEWER, OLDER, False),
        (NEWER, None, OLDER, False),
        (NEWER, ANOTHER, OLDER, False),
        (NEWER, NEWER, OLDER, True),
        (NEWER, NEWER, None, True),
        (NEWER, NEWER, NEWER, False),
        (NEWER, OLDER, NEWER, False),
        (MOVE, MOVE, ANOTHER, True),  # of the same second: the one before it, more likely than the one after
        (MOVE, MOVE, replace(MOVE, stage=Stage.BACK), False),
    ],
)
def test_an_older_move_than_was_seen_is_a_stale_read(
    own: MoveTag | None, known: MoveTag | None, found: MoveTag | None, *, again: bool
) -> None:
    """Once a look has shown a tag of this run, one that shows less was read too early."""
    assert shows_again(own, on_record(known), on_record(found)) is again


@pytest.mark.parametrize(
    ("own", "before", "after", "removed"),
    [
        (MOVE, on_record(MOVE), UNTAGGED, True),
        (None, on_record(MOVE), UNTAGGED, False),
        (MOVE, UNTAGGED, UNTAGGED, False),
        (MOVE, on_record(MOVE), on_record(MOVE), False),
        (MOVE, on_record(MOVE), NO_RULES, False),
    ],
)
def test_tags_that_are_gone(own: MoveTag | None, before: Snapshot, after: Snapshot, *, removed: bool) -> None:
    """The move is off the record while its rules are there: somebody removed its tags."""
    found = tags_removed(own, before, after)
    assert [(change.before, change.after) for change in found] == [(str(MOVE), "none")] * removed


FIFTH = Fraction(1, 5)


@pytest.mark.parametrize(("move", "strange"), [(MOVE, {1}), (None, set[int]())])
def test_weights_that_no_run_of_a_move_writes(move: MoveTag | None, strange: set[int]) -> None:
    """A share that is none of its steps is a stranger's; where no move is on record, nobody can tell."""
    assert strange_weights(spec(2), move, shares(0, 0), shares(HALF, Fraction(1, 7))) == strange


@pytest.mark.parametrize(
    ("steps", "before", "seen", "refused"),
    [
        ((20, 100), {0, 1}, shares(0, 1), ""),
        ((20, 100), {0, 1}, shares(FIFTH, 0), ""),
        ((80, 100), {0, 1}, shares(FIFTH, 0), ""),  # what blue has is 100 % less a step
        ((50, 100), {0, 1}, shares(FIFTH, 0), "20 % and 80 %"),
        ((50, 100), {FIFTH, 1 - FIFTH}, shares(FIFTH, 1), ""),
        ((20,), {0, 1}, shares(FIFTH, HALF), "50 %"),
        ((100,), {0, 1}, shares(0, 1), ""),
        ((20,), {FIFTH, 1 - FIFTH}, shares(0, 0), ""),
    ],
)
def test_which_shares_a_stopped_run_may_have_written(
    steps: tuple[int, ...], before: set[Fraction], seen: Snapshot, refused: str
) -> None:
    """Those that were there, its steps, nothing and all, for either slot; any other is somebody else's."""
    configured = spec(2)
    shift = tuple(ShiftStep(percent=percent, hold_s=0.0) for percent in steps)
    configured = replace(configured, deploy=replace(configured.deploy, shift=shift))
    known = frozenset(map(Fraction, before))
    if refused:
        with pytest.raises(DriftError, match=f"was given {refused} meanwhile"):
            refuse_foreign(configured, known, seen)
    else:
        refuse_foreign(configured, known, seen)


def staged(stage: Stage, *parts: Fraction | int) -> Snapshot:
    """Return an app whose move is in this stage, with these shares."""
    return Scene(move=str(replace(MOVE, stage=stage)), shares=parts, b="d7.42").seen()


def test_how_far_a_run_has_come() -> None:
    """Forward each stage is further than any share in the one before; back it is further the less the newcomer has."""
    parts = ((0, 0), (HALF, 0), (1, 0), (1, HALF), (1, 1))
    ranks = [
        [rank_of(classify(spec(2), staged(stage, *each)), going_back=False) for each in parts]
        for stage in (Stage.BACK, Stage.PREPARE, Stage.HELD, Stage.SHIFT, Stage.DONE)
    ]
    assert all(sorted(set(stage)) == stage for stage in ranks)
    assert all(before[0] < after[0] and before[-1] <= after[0] for before, after in pairwise(ranks))
    split = [classify(spec(2), shares(*parts)) for parts in ((1, 1), (1, 0), (HALF, 0), (0, 0))]
    assert [rank_of(each, going_back=True) for each in split] == [0, HALF, Fraction(3, 4), 1]
    assert rank_of(classify(spec(2), NO_RULES), going_back=False) == 0
    assert rank_of(classify(spec(2), UNTAGGED), going_back=False) == 0


def test_what_is_forgiven_is_one_step() -> None:
    """A busy AWS excuses the step that it was too busy for, and no other one."""
    bounds = Bounds()
    bounds.expect(0)
    step = Register(family="web")
    said = [bounds.count(step, endless=False) for _ in range(3)]
    bounds.forgive(step)
    said += [bounds.count(step, endless=False) for _ in range(2)]
    assert [bool(each) for each in said] == [False, False, False, False, True]
    others = Bounds()
    counted = [others.count(Register(family=f"f{nth}"), endless=False) for nth in range(10)]
    others.forgive(Register(family="f0"))
    counted += [others.count(Register(family=f"f{nth}"), endless=False) for nth in (10, 11)]
    assert [bool(each) for each in counted] == [*[False] * 11, True]
