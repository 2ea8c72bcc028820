"""What the glance before a write shows beside the weights: that the move on record is another one now."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from execute.deeds import (
    AT_ONCE,
    BACK_0,
    BACK_1,
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
from execute.disturbing import served_twice
from execute.planned import END, PAST, TO_A, Planner, plan, played
from execute.scripted import HALF, SPLIT, looked
from lives import rest
from plan.scenes import LONG_AGO, Scene, run
from teal.model.event import StepBegan
from teal.model.run import Deploy, Intent, Rollback
from teal.model.step import Act
from teal.model.tags import MOVE as MOVE_TAG
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


def test_a_way_back_is_about_the_move_that_it_meant_to_take_back(tmp_path: Path) -> None:
    """Also where it wrote nothing: the read before its first weight showed that another had gone on."""
    play = rest(served_twice(tmp_path))
    rules, began = [rule.arn for rule in play.look().rules], play.look().move

    def go_on() -> None:
        if not planner.runs:
            return  # that is what is asked first
        play.region.now_s += 3.0
        tags = [{"Key": MOVE_TAG, "Value": f"d9.b.a.done.{int(play.region.now_s)}"}]
        play.region.aws("elbv2", "AddTags", ResourceArns=rules, Tags=tags)

    planner = Planner([plan(PAST), plan(TO_A), END], meanwhile=go_on)
    events = played(play, Rollback(), (), planner=planner)
    assert [(run_.went_back, run_.rung) for run_ in planner.runs] == [(None, None), (None, None), (began, None)]
    assert [event.step for event in events if isinstance(event, StepBegan)] == [PAST]


@pytest.mark.parametrize(("intent", "hurried"), [(Deploy(), False), (Rollback(), True)])
def test_only_a_way_back_is_in_a_hurry(ports: Ports, intent: Intent, *, hurried: bool) -> None:
    """It waits for no tags; forward they are waited for as everything is."""
    session = acting(ports, Deeds(), intent, SPLIT, SPLIT, ENOUGH, laws=AT_ONCE, knows=run(own_move=MOVE))
    session.ports.clock.sleep(2.0)
    does(session, FIRST)
    assert looked(session).hurried is hurried
