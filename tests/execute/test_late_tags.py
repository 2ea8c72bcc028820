"""Tags of a run's own whose answers got lost, and which AWS writes later, over newer ones of that run."""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import pytest

from execute.disturbing import served_twice
from lives import fork, on, rest, state
from region import Stage
from teal.errors import TransientError
from teal.lab.front import answer
from teal.model.event import RunEnded, StepBegan, StepFailed
from teal.model.run import Deploy
from teal.model.step import TagMove, WriteRoute
from teal.model.tags import MOVE, parse_move

Params = Mapping[str, Any]


@pytest.fixture(name="resting", scope="module")
def two_revisions(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """At rest: slot b serves 2, slot a is warm with 1; 3 is configured."""
    return on(rest(served_twice(tmp_path_factory.mktemp("app"))), "3")


def stage_in(params: Params) -> str:
    """Return the stage of the move that AddTags writes."""
    move = next((parse_move(tag["Value"]) for tag in params["Tags"] if tag["Key"] == MOVE), None)
    return str(move.stage) if move is not None else ""


def lose(play: Stage, stage: str, times: int, over: str) -> list[str]:
    """Lose the first tags of a stage; each comes after one more tag of the stage `over`. Return what came."""
    region = play.region
    waiting: list[Params] = []
    came: list[str] = []
    lost = 0

    def between(operation: str, params: Params, reach: Callable[[Params], dict[str, Any]]) -> dict[str, Any]:
        nonlocal lost
        if operation != "AddTags":
            return reach(params)
        if stage_in(params) == stage and lost < times:
            lost += 1
            waiting.append(params)
            region.pass_time(5.0)
            raise TransientError("read timeout", code="ReadTimeoutError", operation="elbv2:AddTags")
        done = reach(params)
        if stage_in(params) == over and waiting:
            came.append(stage_in(waiting[0]))
            region.pass_time(2.0)
            reach(waiting.pop(0))
        return done

    region.between = between
    return came


ALL = {
    "prepare": ["prepare", "prepare", "prepare", "shift", "shift", "shift", "done"],
    "shift": ["prepare", "prepare", "shift", "shift", "shift", "shift", "done"],
}


@pytest.mark.parametrize("over", ALL)
def test_a_tag_that_comes_late_is_written_over(resting: Stage, over: str) -> None:
    """An earlier tag over a newer one turns no weight back; the newer one is at once written again, as it was."""
    play = fork(resting)
    came = lose(play, "prepare", 1, over)
    events = play.events(Deploy())
    ended, steps = events[-1], [event.step for event in events if isinstance(event, StepBegan)]
    tags = [step for step in steps if isinstance(step, TagMove)]
    again = [str(one.tag.stage) for one, following in pairwise(tags) if one == following]
    assert isinstance(ended, RunEnded)
    assert (ended.exit_code, came, again) == (0, ["prepare"], [over]), ended
    assert [str(step.tag.stage) for step in tags] == ALL[over]
    assert [event.step for event in events if isinstance(event, StepFailed)] == tags[:1]
    assert all(step.shares[-1][0] == "a" for step in steps if isinstance(step, WriteRoute))
    assert state(play).serves == "a"


def test_tags_that_keep_coming_late_do_not_stop_a_run(resting: Stage) -> None:
    """However many answers were lost, each excuses one more tag: that is no going in circles."""
    play = fork(resting)
    came = lose(play, "prepare", 6, "prepare")
    ended = play.run(Deploy())
    assert (ended.exit_code, state(play).serves, len(came)) == (0, "a", 6), ended


def test_a_tag_comes_late_once(resting: Stage) -> None:
    """One lost answer excuses one more tag, and not whatever shows the same again and again: that goes in circles."""
    play = fork(resting)
    lost: list[Params] = []

    def between(operation: str, params: Params, reach: Callable[[Params], dict[str, Any]]) -> dict[str, Any]:
        if operation != "AddTags" or stage_in(params) != "prepare":
            return reach(params)
        if not lost:
            lost.append(params)
            play.region.pass_time(5.0)
            raise TransientError("read timeout", code="ReadTimeoutError", operation="elbv2:AddTags")
        done = reach(params)
        reach(lost[0])
        return done

    play.region.between = between
    ended = play.run(Deploy())
    assert (ended.exit_code, "going in circles" in ended.message) == (5, True), ended


def test_what_a_run_did_not_send_is_not_written_over(resting: Stage) -> None:
    """An older tag that is none of those whose answers got lost is a stale look, or somebody's: it excuses nothing."""
    play = fork(resting)
    region, wrote = play.region, 0

    def between(operation: str, params: Params, reach: Callable[[Params], dict[str, Any]]) -> dict[str, Any]:
        nonlocal wrote
        done = reach(params)
        if operation == "AddTags" and stage_in(params) == "prepare":
            wrote += 1
            move = parse_move(params["Tags"][0]["Value"])
            assert move is not None
            older = str(move).replace(str(move.entered_at_s), str(move.entered_at_s - 1))
            reach({**params, "Tags": [{"Key": MOVE, "Value": older}]})
        return done

    region.between = between
    ended = play.run(Deploy())
    assert (ended.exit_code, wrote) == (5, 3), ended
    assert "going in circles" in ended.message


@pytest.mark.parametrize(("percent", "code"), [(10, 0), (20, 7)])
def test_a_weight_that_comes_after_the_next_look_is_its_own(resting: Stage, percent: int, code: int) -> None:
    """A weight whose answer got lost is no drift when it comes between two looks; any other weight is."""
    play = fork(resting)
    region, sent, looks = play.region, list[Params](), 0

    def between(operation: str, params: Params, reach: Callable[[Params], dict[str, Any]]) -> dict[str, Any]:
        nonlocal looks
        if operation == "ModifyRule" and not sent:
            sent.append(params)
            region.pass_time(5.0)
            raise TransientError("read timeout", code="ReadTimeoutError", operation="elbv2:ModifyRule")
        if operation == "DescribeTags" and sent and looks == 1:
            region.pass_time(1.5)  # so that the routes are read once more before they are written
        if operation == "DescribeRules" and sent:
            looks += 1
            if looks == 2:
                answer(region.world, "elbv2", "ModifyRule", weighing(sent[0], percent), region.now_s)
        return reach(params)

    region.between = between
    ended = play.run(Deploy())
    assert (ended.exit_code, looks > 1) == (code, True), ended


def test_what_came_excuses_nothing_more(resting: Stage) -> None:
    """Once the weight of a lost answer is there, whatever else becomes of its route is somebody else's: exit 7."""
    play = fork(resting)
    region, sent, looks = play.region, list[Params](), 0

    def between(operation: str, params: Params, reach: Callable[[Params], dict[str, Any]]) -> dict[str, Any]:
        nonlocal looks
        if operation == "ModifyRule" and not sent:
            sent.append(params)
            reach(params)
            raise TransientError("read timeout", code="ReadTimeoutError", operation="elbv2:ModifyRule")
        looks += operation == "DescribeRules" and bool(sent)
        if operation == "DescribeRules" and looks == 2:
            paths = [{"Field": "path-pattern", "Values": ["/*", "/more"]}]
            region.aws("elbv2", "ModifyRule", RuleArn=sent[0]["RuleArn"], Conditions=paths)
        return reach(params)

    region.between = between
    ended = play.run(Deploy())
    assert (ended.exit_code, "drift: somebody else changed" in ended.message) == (7, True), ended


def weighing(params: Params, percent: int) -> Params:
    """Return the parameters of ModifyRule with other weights."""
    [action] = params["Actions"]
    groups = action["ForwardConfig"]["TargetGroups"]
    shares = [{**group, "Weight": weight} for group, weight in zip(groups, (100 - percent, percent), strict=True)]
    forward = {**action["ForwardConfig"], "TargetGroups": shares}
    return {**params, "Actions": [{**action, "ForwardConfig": forward}]}
