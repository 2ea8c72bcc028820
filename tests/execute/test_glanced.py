"""What the glance before a write shows beside the weights: that the move on record is another one now."""

from dataclasses import replace
from fractions import Fraction

import pytest

from execute.deeds import (
    AT_ONCE,
    BACK_0,
    BACK_1,
    BUSY,
    CREATE,
    DELETE,
    ENOUGH,
    FIRST,
    MOVE,
    SICK,
    Deeds,
    acting,
    does,
    tries,
)
from execute.scripted import HALF, SPLIT
from plan.scenes import LONG_AGO, Scene, run
from teal.model.run import Abort, Deploy
from teal.model.step import Act
from teal.model.tags import MoveTag, Stage
from teal.ports import Ports


@pytest.mark.parametrize("step", [BACK_0, FIRST, CREATE, DELETE])
def test_nothing_is_written_over_another_move(ports: Ports, step: Act) -> None:
    """Who has written no move of its own learns from the tags, read with the routes, that another has gone on."""
    deeds, other = Deeds(), Scene(move=str(replace(MOVE, id="d8")), shares=(HALF, HALF), b="d7.42").seen()
    session = acting(ports, deeds, Deploy(), SPLIT, other, knows=run(turn_back=SICK))
    session.ports.clock.sleep(2.0)
    assert tries(session, step) is False
    assert deeds.done == []
    session.ports.clock.sleep(2.0)
    assert tries(session, step) is True, "what it has seen it decides anew"


@pytest.mark.parametrize("late", [None, MOVE.entering(Stage.PREPARE, LONG_AGO - 9)], ids=str)
def test_a_stale_tag_says_nothing_of_the_weights(ports: Ports, late: MoveTag | None) -> None:
    """Where the tags show what was before, the routes are taken as they are: what a stranger wrote stays."""
    deeds, tag = Deeds(), str(late) if late is not None else None
    found = Scene(move=tag, shares=(HALF, Fraction(1, 5)), b="d7.42").seen()
    session = acting(ports, deeds, Deploy(), SPLIT, found, SPLIT, knows=run(own_move=MOVE, turn_back=SICK))
    session.ports.clock.sleep(2.0)
    assert tries(session, BACK_1) is False
    assert deeds.done == []
    assert session.run.foreign == {1}


@pytest.mark.parametrize(("step", "written"), [(DELETE, 0), (BACK_0, 1)])
def test_nothing_is_deleted_on_an_old_look(ports: Ports, step: Act, written: int) -> None:
    """Where AWS does not answer, a way back writes its weights all the same; what cannot be undone waits."""
    deeds = Deeds()
    session = acting(ports, deeds, Abort(), SPLIT, *[BUSY] * 11, ENOUGH, laws=AT_ONCE, knows=run(went_back=MOVE))
    session.ports.clock.sleep(2.0)
    does(session, step)
    assert len(deeds.done) == written
