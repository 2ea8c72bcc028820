"""No run goes in circles: each bound stops one that would, with what changed between its last two looks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from execute.disturbing import THROTTLED, refused, served_twice, service, update
from lives import killed, must, on, rest, state
from plan.scenes import LONG_AGO, Scene, spec
from region import stage
from teal.execute.guard import Bounds
from teal.model.identity import Slot
from teal.model.run import Deploy, Rollback
from teal.model.step import Hold, Register, Step, TagMove
from teal.model.tags import MoveTag, Stage
from teal.plan.situation import Situation, classify

ACT = Register(family="web")
WAIT = Hold(slot=Slot.B, percent=10, lasts_s=60.0, until_s=None)


def counted(step: Step, times: int, *, plan: int = 100, endless: bool = False) -> list[str]:
    """Return what counting a step says each time."""
    bounds = Bounds()
    bounds.expect(plan)
    return [bounds.count(step, endless=endless) for _ in range(times)]


@pytest.mark.parametrize(("step", "limit"), [(ACT, 3), (WAIT, 10)])
def test_the_same_step_is_done_so_often_and_no_more(step: Step, limit: int) -> None:
    """An act three times, a wait ten times; writes of a way back for as long as it takes."""
    said = counted(step, limit + 1)
    assert said[:limit] == [""] * limit
    assert said[limit].startswith(f"going in circles: {step.sentence()} was planned {limit + 1} times")
    assert counted(step, 99, endless=True) == [""] * 99


def test_what_is_endless_uses_nothing_up() -> None:
    """However often the weights of a way back were written, its tags are still within the bounds."""
    bounds = Bounds()
    bounds.expect(4)
    assert [bounds.count(ACT, endless=True) for _ in range(99)] == [""] * 99
    assert [bounds.count(ACT, endless=False) for _ in range(3)] == [""] * 3


def test_a_busy_aws_counts_for_nothing() -> None:
    """A step that AWS was too busy for is counted once, however often it is tried."""
    bounds = Bounds()
    for _ in range(50):
        assert bounds.count(ACT, endless=False) == ""
        bounds.forgive(ACT)


def test_all_steps_together_are_three_times_the_plan_and_ten() -> None:
    """A run of ever new steps ends too."""
    bounds = Bounds()
    bounds.expect(4)
    move = MoveTag(id="d1", origin=Slot.A, to=Slot.B, stage=Stage.SHIFT, entered_at_s=1)
    said = [bounds.count(TagMove(tag=move, percent=number), endless=False) for number in range(23)]
    assert (said[:22], bool(said[22])) == ([""] * 22, True)


def at(stage: str, share: int) -> Situation:
    """Return where a move stands."""
    scene = Scene(move=f"d7.a.b.{stage}.{LONG_AGO}", shares=(share,), b="d7.42.served" if stage == "done" else "d7.42")
    return classify(spec(), scene.seen())


def test_the_same_fall_happens_so_often_and_no_more() -> None:
    """Back from shift to prepare three times, and a fourth time is once too often; forward is no fall."""
    bounds = Bounds()
    for _ in range(3):
        assert bounds.stand(at("shift", 1), going_back=False) == ""
        assert bounds.stand(at("prepare", 0), going_back=False) == ""
    assert bounds.stand(at("shift", 1), going_back=False) == ""
    said = bounds.stand(at("prepare", 0), going_back=False)
    assert said == "going in circles: it fell back 4 times from BAKING → STARTING"


def test_turning_back_is_no_fall_and_has_its_own() -> None:
    """A way back rises as `to` loses its share; weight that comes again and again is a fall."""
    bounds = Bounds()
    assert bounds.stand(at("shift", 1), going_back=False) == ""
    said = [bounds.stand(at("shift", share), going_back=True) for share in (1, 0) * 5]
    assert [bool(each) for each in said] == [False] * 8 + [True, False]


def test_a_run_that_is_undone_again_and_again_ends(tmp_path: Path) -> None:
    """Whoever lowers green's count each time it is raised: exit 5 with that difference, and production is with blue."""
    play = rest(served_twice(tmp_path))
    update(play, "shop-b", desiredCount=10)
    play = on(rest(play, 400), "3")
    lowered, weights, passes = 0, 0, 0

    def before(_: str, operation: str, params: Mapping[str, Any]) -> None:
        """Strike in complete looks that would show green whole, but not in the one right after it was raised."""
        nonlocal lowered, weights, passes
        weights += operation == "ModifyRule"
        if operation == "UpdateService" and params.get("desiredCount") == 10:
            passes = 1
        elif operation == "DescribeTargetGroups" and weights >= 2 and lowered < 20:
            found = service(play, "shop-a")
            whole = found["desiredCount"] == found["runningCount"] == 10
            passes, strikes = passes - 1, passes <= 0 and whole
            if strikes:
                lowered += 1
                update(play, "shop-a", desiredCount=6)

    play.region.before_call = before
    ended = play.run(Deploy())
    assert (ended.exit_code, state(play).serves, lowered < 20) == (5, "b", True), ended
    assert "going in circles: bring service shop-a (slot a) to 10 tasks was planned 4 times" in ended.message
    assert "between the last two looks changed: " in ended.message


def test_no_bound_stops_a_way_back_over_many_routes(tmp_path: Path) -> None:
    """A rollback onto the untouched revision raises its share route by route; a busy API makes each its own round."""
    create = "create: {priority: %d, conditions: {host: [h%d]}}"
    hosts = "\n".join(f"  - {{load_balancer: shop, listener: 80, {create % (n, n)}}}" for n in range(20, 28))
    play = stage(tmp_path, routes=hosts, time_scale=0.005)
    play = rest(must(on(rest(must(on(play, "1"), Deploy())), "2"), Deploy()))
    play = killed(on(play, "3"), Deploy(), ("AddTags", 1))
    writes = 0

    def before(_: str, operation: str, __: Mapping[str, Any]) -> None:
        nonlocal writes
        writes += operation == "ModifyRule"
        if operation == "ModifyRule" and writes % 2 == 0:
            raise refused("ModifyRule", THROTTLED)

    play.region.before_call = before
    ended = play.run(Rollback())
    play.region.before_call = None
    assert (ended.exit_code, state(play).serves) == (0, "a"), ended
