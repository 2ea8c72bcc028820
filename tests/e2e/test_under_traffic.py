"""The dangerous cells of the command table, in the lab, under live traffic: not one request may fail."""

from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from e2e_stage import Play, played, traffic
from teal.model.event import Event, StepBegan, StepEnded
from teal.model.identity import Slot
from teal.model.run import Abort, Deploy, Flip, Rollback
from teal.model.step import AwaitWhole, CreateRoute, TagMove, WriteRoute
from teal.model.tags import Stage

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Generator[Play]:
    """A lab in which revision 1 serves."""
    with played(tmp_path_factory.mktemp("shop")) as stage:
        assert stage.run(Deploy(), COLOUR="c1").exit_code == 0
        yield stage


def serving(play: Play) -> tuple[Slot, int]:
    """Return the slot with all the traffic, and its revision."""
    status = play.app().status()
    slot = Slot(status["live"])
    revisions = {view["slot"]: view["revisions"] for view in status["slots"]}
    return slot, int(str(revisions[slot][0]).rpartition(":")[2])


def shifted(percent: int) -> Callable[[Event], bool]:
    """Return whether an event is the write of this share."""

    def at(event: Event) -> bool:
        return (
            isinstance(event, StepEnded) and isinstance(event.step, WriteRoute) and event.step.shares[-1][1] == percent
        )

    return at


def created(event: Event) -> bool:
    """Return whether an event is the creation of a production rule."""
    return isinstance(event, StepEnded) and isinstance(event.step, CreateRoute)


def announced(event: Event) -> bool:
    """Return whether an event is the first tag of a deployment, before its slot is touched."""
    return isinstance(event, StepEnded) and isinstance(event.step, TagMove) and event.step.tag.stage is Stage.PREPARE


def starting(event: Event) -> bool:
    """Return whether an event is the beginning of the wait for green."""
    return isinstance(event, StepBegan) and isinstance(event.step, AwaitWhole)


def test_flip_at_rest_moves_nothing(play: Play) -> None:
    """`flip` at rest is nothing to do, and never goes to the idle slot."""
    before = serving(play)
    with traffic(play):
        assert play.run(Flip()).exit_code == 0
    assert serving(play) == before


@pytest.mark.parametrize(
    "at", [shifted(10), shifted(50), shifted(100)], ids=["killed at 10 %", "killed at 50 %", "killed in the bake"]
)
def test_rollback_of_a_killed_flip_and_again(
    play: Play, at: Callable[[Event], bool], request: pytest.FixtureRequest
) -> None:
    """A deployment killed while green has weight is rolled back; a second rollback does nothing."""
    before = serving(play)
    with traffic(play):
        play.kill(Deploy(), at, COLOUR=f"killed {request.node.name}")
        assert play.run(Rollback()).exit_code == 0
        assert serving(play) == before
        assert play.run(Rollback()).exit_code == 0
    assert serving(play) == before


def test_abort_of_an_untouched_slot(play: Play) -> None:
    """A deployment killed before it touched its slot is aborted; what serves goes on serving."""
    before = serving(play)
    with traffic(play):
        play.kill(Deploy(), announced, COLOUR="announced only")
        assert play.run(Abort()).exit_code == 0
    assert serving(play) == before


def test_abort_while_starting(play: Play) -> None:
    """A deployment killed while green starts is aborted; what serves goes on serving."""
    before = serving(play)
    with traffic(play):
        play.kill(Deploy(), starting, COLOUR="starting only")
        assert play.run(Abort()).exit_code == 0
    assert serving(play) == before


def test_a_finished_bake_is_rolled_back_at_once_and_twice_is_once(play: Play) -> None:
    """After a finished deployment `rollback` goes back to what served before, and stays there when run twice."""
    slot, revision = serving(play)
    with traffic(play):
        assert play.run(Deploy(), COLOUR="finished").exit_code == 0
        assert serving(play)[0] is slot.other
        assert play.run(Rollback()).exit_code == 0
        assert serving(play) == (slot, revision)
        assert play.run(Rollback()).exit_code == 0
    assert serving(play) == (slot, revision)


def test_the_same_command_finishes_a_killed_flip(play: Play) -> None:
    """A deployment killed at 50 % is finished by the same command run again."""
    slot, _ = serving(play)
    with traffic(play):
        play.kill(Deploy(), shifted(50), COLOUR="resumed")
        assert play.run(Deploy(), COLOUR="resumed").exit_code == 0
    assert serving(play)[0] is slot.other


BESIDE = """
app: beside
region: eu-west-1
cluster: shop
task_definition: taskdef.json
service: service.json
slots:
  a:
    service: new-a
    target_groups: [{name: new-a, container: web, port: 8080, create: &group {health_check: {path: /health}}}]
  b:
    service: new-b
    target_groups: [{name: new-b, container: web, port: 8080, create: *group}]
routes:
  - {load_balancer: shop, listener: 80, create: {priority: 10, conditions: {path: ["/*"]}}}
"""


def test_a_host_that_another_rule_served_before_loses_nothing(tmp_path: Path) -> None:
    """The first deployment takes a host over from a rule of lower precedence without a failed request."""
    with played(tmp_path) as play:
        assert play.run(Deploy(), COLOUR="old").exit_code == 0
        (tmp_path / "teal.yaml").write_text(BESIDE, "utf-8")
        with traffic(play):
            play.kill(Deploy(), created, COLOUR="new")
            assert play.run(Rollback()).exit_code == 5
            assert play.run(Abort()).exit_code == 0
            assert play.run(Deploy(again=True), COLOUR="new").exit_code == 0
