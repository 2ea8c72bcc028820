"""No hold is ever shorter than it was asked to be: all count from when AWS has acknowledged the weight."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from lives import READS, app, killed, must, on, rest, state
from region import Params, Reach, Region, Stage
from teal.model.identity import Slot
from teal.model.run import Abort, Deploy, Flip, Rollback
from teal.model.tags import MOVE

SLOW_S = 25.0  # of a write that AWS throttles: the second one comes through
FRACTION_S = 0.9  # by which a tag, which counts whole seconds, is too early
HOLDS_S = {10: 120.0, 50: 60.0, 100: 600.0}


@dataclass(slots=True)
class Written:
    """When AWS acknowledged what: `10` for a weight of the newcomer, else the operation."""

    region: Region
    slow: str = "ModifyRule"
    told: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])

    def between(self, operation: str, params: Params, reach: Reach) -> dict[str, Any]:
        """Take long for some writes: a client that is throttled waits before the request that comes through."""
        if operation == self.slow:
            self.region.pass_time(SLOW_S)
        return reach(params)

    def after(self, _: str, operation: str, params: Mapping[str, Any]) -> None:
        """Take note."""
        if not operation.startswith(READS):
            self.told.append((self.region.now_s, self._what(operation, params)))

    def _what(self, operation: str, params: Mapping[str, Any]) -> str:
        if operation != "ModifyRule":
            return operation
        groups = params["Actions"][-1]["ForwardConfig"]["TargetGroups"]
        weights = {group["TargetGroupArn"].split("/")[1]: group.get("Weight", 1) for group in groups}
        share = weights.get("shop-b", 0)
        return str(share if len(weights) > 1 else 100 * bool(share))

    def seconds(self, first: str, then: str) -> float:
        """Return how long after the last `first` the first `then` that follows it was done."""
        begin_s = max(at_s for at_s, what in self.told if what == first)
        return next(at_s for at_s, what in self.told if what == then and at_s > begin_s) - begin_s


def watched(play: Stage, slow: str = "ModifyRule") -> Written:
    """Take note of every write from now on, at an instant at which a tag is most wrong."""
    region = play.region
    region.pass_time(1.0 - region.now_s % 1.0 + FRACTION_S)
    written = Written(region, slow)
    region.between, region.after_call = written.between, written.after
    return written


@pytest.fixture(name="play")
def first_serves(tmp_path: Path) -> Stage:
    """Two routes, 1 serves from slot a, on the clock of AWS."""
    return on(rest(must(on(app(tmp_path, time_scale=1.0), "1"), Deploy())), "2")


def held(written: Written) -> list[float]:
    """Return by how much each hold of a deployment was longer than it had to be."""
    steps = [(10, "50"), (50, "100"), (100, "TagResource")]
    return [written.seconds(str(percent), then) - HOLDS_S[percent] for percent, then in steps]


@pytest.mark.parametrize("slow", ["", "ModifyRule", "AddTags"])
def test_holds_and_bake_count_from_the_acknowledged_write(play: Stage, slow: str) -> None:
    """However long a write takes, each weight is held, and the last one baked, for the whole time after it."""
    written = watched(play, slow)
    must(play, Deploy())
    assert min(held(written)) >= 0, held(written)
    assert max(held(written)) <= 2 * SLOW_S + 10.0, "and for no longer than the writes and looks take"


def test_what_is_held_while_it_is_looked_at_is_held_no_longer(play: Stage) -> None:
    """A look that takes long after a write is part of the hold: that began with the acknowledgement."""
    region, written = play.region, watched(play, "")
    looked: set[float] = set()

    def between(operation: str, params: Params, reach: Reach) -> dict[str, Any]:
        last_s = max((at_s for at_s, what in written.told if what == "100"), default=0.0)
        if operation == "DescribeRules" and last_s and last_s not in looked:
            looked.add(last_s)
            region.pass_time(SLOW_S)
        return reach(params)

    region.between = between
    must(play, Deploy())
    assert 0 <= written.seconds("100", "TagResource") - HOLDS_S[100] <= SLOW_S / 2


@pytest.mark.parametrize("percent", [10, 50, 100])
def test_a_hold_that_another_run_goes_on_with_is_no_shorter(play: Stage, percent: int) -> None:
    """Killed when a slow write of a weight is acknowledged, it is held from the first look of the run that goes on."""
    written = watched(play)
    killed(play, Deploy(), ("ModifyRule", {10: 2, 50: 4, 100: 6}[percent]))
    acknowledged_s = play.region.now_s
    written.told.clear()
    play.region.after_call = written.after
    must(play, Deploy())
    after = next(at_s for at_s, what in written.told if what in {"50", "100", "TagResource"})
    assert after - acknowledged_s >= HOLDS_S[percent]


def test_a_resumed_bake_counts_from_the_tag_where_that_is_longer_ago(play: Stage) -> None:
    """What was announced six minutes before has landed: a bake that nobody watched for that long is over sooner."""
    killed(play, Deploy(), ("ModifyRule", 6))
    rest(play, HOLDS_S[100] + 361.0)
    written = watched(play)
    must(play, Deploy())
    assert [what for _, what in written.told] == ["TagResource", "AddTags"]
    assert written.told[0][0] - play.region.now_s <= 10.0


@pytest.mark.parametrize("slow", ["ModifyRule", "AddTags"])
def test_a_slot_rests_for_120_s_after_its_last_weight(play: Stage, slow: str) -> None:
    """A deployment right after a rollback updates the slot no sooner than 120 s after the way back was acknowledged."""
    must(play, Deploy())
    written = watched(play, slow)
    must(play, Rollback())
    must(on(play, "3"), Deploy())
    assert 0 <= written.seconds("0", "UpdateService") - 120.0 <= 3 * SLOW_S + 10.0


def test_a_slot_rests_when_the_tags_of_its_move_are_gone(play: Stage) -> None:
    """Where somebody removed the tags, nobody knows since when the slot is idle: 120 s count from the first look."""
    must(play, Deploy())
    must(play, Rollback())
    arns = [route.rule.arn for route in play.look().routes if route.rule is not None]
    play.region.aws("elbv2", "RemoveTags", ResourceArns=arns, TagKeys=[MOVE])
    began_s = play.region.now_s
    written = watched(play, "")
    must(on(play, "3"), Deploy())
    assert next(at_s for at_s, what in written.told if what == "UpdateService") - began_s >= 120.0


def late_weight(play: Stage) -> None:
    """Let a weight of the newcomer land that its run had sent before it was stopped."""
    found = play.look()
    groups = {slot: group.group.arn for slot in Slot for group in found.slot(slot).groups if group.group is not None}
    shares = [{"TargetGroupArn": groups[slot], "Weight": 50} for slot in Slot]
    actions = [{"Type": "forward", "ForwardConfig": {"TargetGroups": shares}}]
    rule = next(route.rule for route in found.routes if route.rule is not None)
    play.region.aws("elbv2", "ModifyRule", RuleArn=rule.arn, Actions=actions)


@pytest.mark.parametrize("undoes", [None, Rollback()])
def test_a_slot_rests_before_it_is_put_back(play: Stage, undoes: Rollback | None) -> None:
    """An abort, right after a late weight in `prepare` was undone by it or by a rollback, waits before it puts back."""
    must(play, Deploy())
    killed(on(rest(play), "3slow"), Deploy(), ("UpdateService", 1))
    rest(play)
    assert state(play).row == 6
    written = watched(play, "")
    late_weight(play)
    if undoes is not None:
        must(play, undoes)
    must(play, Abort())
    assert written.seconds("100", "UpdateService") >= 120.0
    assert state(play).serves == "b"


@pytest.mark.parametrize("hangs_s", [[61.0], [1.5, 61.0]])
def test_an_announcement_is_good_for_a_minute(play: Stage, hangs_s: list[float]) -> None:
    """A weight that could not be sent within a minute is announced anew: its tag never tells of it long before."""
    region = play.region
    must(play, Deploy(hold=True))
    written = watched(play, "")
    left_s = iter(hangs_s)  # the look after the tag, and the glance before the weight

    def between(operation: str, params: Params, reach: Reach) -> dict[str, Any]:
        announced = bool(written.told) and written.told[-1][1] == "AddTags"
        if operation == "DescribeRules" and announced:
            region.pass_time(next(left_s, 0.0))
        return reach(params)

    region.between = between
    must(play, Flip())
    gaps = [then - at for (at, what), (then, next_) in pairwise(written.told) if (what, next_) == ("AddTags", "10")]
    assert [what for _, what in written.told][:4] == ["AddTags", "AddTags", "10", "10"]
    assert gaps == [pytest.approx(0.0, abs=5.0)]
