"""Two deployers without a lock, and one slot: who finds what another brings there leaves it alone."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from execute.disturbing import names, once, served_twice
from lives import on
from plan.scenes import Scene
from teal.errors import BusyError
from teal.execute.guard import refuse_newcomer
from teal.model.identity import Slot
from teal.model.run import Deploy, Run
from teal.model.snapshot import Snapshot
from teal.model.tags import BEFORE, DEPLOYMENT, MoveTag, Stage

ANNOUNCED = MoveTag(id="d3", origin=Slot.A, to=Slot.B, stage=Stage.PREPARE, entered_at_s=0)
FIRST = Scene(move=str(ANNOUNCED)).seen()
SLOW = 0.2  # the slot rests for 24 s


def run_of(name: str, own_move: MoveTag | None = None) -> Run:
    """Return a run."""
    return Run(id=name, secrets={}, started_at_s=0.0, own_move=own_move)


def holding(deployment: str, before: str) -> Snapshot:
    """Return a look at an app whose slot b has these two tags, the empty ones left out."""
    return Scene(b=deployment, before=before).seen()


@pytest.mark.parametrize(
    ("was", "now", "refused"),
    [
        (("d5.41.served", ""), ("d9.42", "d5.41.served"), "42"),
        (("d5.41.served", ""), ("d9.41", "d5.41.served"), "41"),  # the same content, brought by another
        (("d6.42", "d5.41.served"), ("d9.43", "d5.41.served"), "43"),  # another's, over one that was not finished
        (("d5.41.served", ""), ("d7.42", "d5.41.served"), ""),  # this run's own
        (("d6.42", ""), ("d6.42.back", ""), ""),  # the same one, taken back
        (("d6.42", "d5.43.served"), ("d5.43.served", ""), ""),  # put back
        (("d6.42", "d5.41.served"), ("d4.40.back", ""), ""),  # what was before: a stale read
        (("d6.42", "d5.41.served"), ("d9.42", "d8.41.back"), "42"),  # the second that was brought meanwhile
        (("d6.42", "d5.41.served"), ("d4.42", "d5.41.served"), ""),  # not finished, and replaced by the one that was
        (("d6.42", "d5.41.served"), ("d4.41", "d2.42"), ""),  # it replaced what was there at the first look
        (("d7.42", ""), ("d9.42", ""), "42"),  # over this run's own
        (("d7.42", ""), ("d9.41", ""), "41"),
        (("d7.42", "adopted.41.served"), ("adopted.41.served", ""), ""),  # put back, where nothing was tagged
        (("d7.42", ""), ("d2.42", ""), ""),  # what was there at the first look: a stale read
        (("d5.41.served", ""), ("d3.42", "d5.41.served"), ""),  # of the move that was on record when the run began
        (("", ""), ("d9.42", ""), ""),
        (("d6.42", ""), ("", ""), ""),
    ],
)
def test_whose_newcomer_it_is(was: tuple[str, str], now: tuple[str, str], refused: str) -> None:
    """Run d7 leaves a slot whose newest tag is another run's; its own, an older one, one put back are no news."""
    with pytest.raises(BusyError, match=f"slot b is to hold its revision {refused}") if refused else nullcontext():
        refuse_newcomer(run_of("d7"), FIRST, holding(*was), holding(*now))


@pytest.mark.parametrize(
    ("first", "moves", "refused"),
    [
        ("d6.42", ("d6", "d9"), True),  # an earlier revision, over one that was not finished
        ("d6.42", ("d6", "d6"), False),  # no such move was announced: a stale read
        ("d6.42", ("d9", "d9"), False),  # announced before the first look
        ("d9.41", ("d6", "d9"), False),  # there at the first look: of two stale reads
    ],
)
def test_a_newcomer_that_is_no_newer_revision(first: str, moves: tuple[str, str], *, refused: bool) -> None:
    """Another's is news, too, where the move that brings it is on record, and was not at the first look."""
    was, is_now = (str(replace(ANNOUNCED, id=move)) for move in moves)
    begun, brought = Scene(move=was, b=first).seen(), Scene(move=is_now, b="d9.41").seen()
    for seen_before in (begun, Scene(move=was, b="d6.42").seen(), Scene(move=was, b="d9.41").seen()):
        with pytest.raises(BusyError, match="slot b is to hold its revision 41") if refused else nullcontext():
            refuse_newcomer(run_of("d7"), begun, seen_before, brought)


@pytest.mark.parametrize(
    ("name", "recorded", "refused"), [("d5", True, False), ("d5", False, True), ("adopted", False, False)]
)
def test_what_this_run_restores_is_no_news(name: str, *, recorded: bool, refused: bool) -> None:
    """The earlier move that it puts on record again; nor has any run the id of an app that was adopted."""
    move = MoveTag(id=name, origin=Slot.A, to=Slot.B, stage=Stage.DONE, entered_at_s=9)
    untagged, tagged = Scene(b="").seen(), Scene(move=str(move), b=f"{name}.1.served").seen()
    with pytest.raises(BusyError) if refused else nullcontext():
        refuse_newcomer(run_of("d7", move if recorded else None), untagged, tagged, tagged)


def test_a_service_that_another_creates() -> None:
    """Where there was no service, any other run's is its; one that was there without a tag may get its tag back."""
    empty, brought = Scene(b=None).seen(), holding("d9.42", "")
    with pytest.raises(BusyError, match="slot b is to hold its revision 42"):
        refuse_newcomer(run_of("d7"), empty, empty, brought)
    refuse_newcomer(run_of("d9"), empty, empty, brought)
    with pytest.raises(BusyError, match="slot a is to hold its revision 43"):
        refuse_newcomer(run_of("d7"), empty, holding("d6.6", ""), Scene(a="d9.43", b="d6.6").seen())
    refuse_newcomer(run_of("d7"), brought, brought, empty)


@pytest.mark.parametrize(("written", "refused"), [((), False), (("tag:a",), False), (("route:0", "tag:b"), True)])
def test_a_slot_whose_tags_somebody_removed(written: tuple[str, ...], *, refused: bool) -> None:
    """Who has tagged a slot knows a tag that comes after its own is gone; to others it may be one that was there."""
    untagged, brought = holding("", ""), holding("d9.42", "")
    with pytest.raises(BusyError, match="slot b is to hold its revision 42") if refused else nullcontext():
        refuse_newcomer(run_of("d7"), untagged, untagged, brought, written)
    refuse_newcomer(run_of("d9"), untagged, untagged, brought, written)


def test_what_another_brings_meanwhile_is_left_alone(tmp_path: Path) -> None:
    """While a deployment waits for its slot to rest, another run brings something there: it ends with 6, unwritten."""
    play = on(served_twice(tmp_path, time_scale=SLOW), "3")
    region, began_s = play.region, play.region.now_s
    idle = play.look().slot(Slot.A).service
    assert idle is not None
    tags = {DEPLOYMENT: "another.9", BEFORE: idle.tags[DEPLOYMENT]}

    def bring() -> None:
        listed = [{"key": key, "value": value} for key, value in tags.items()]
        region.aws("ecs", "TagResource", resourceArn=idle.arn, tags=listed)

    once(region, lambda: region.now_s > began_s + 60.0 * SLOW, bring)
    since = len(region.written)
    ended = play.run(Deploy())
    assert (ended.exit_code, names(play, since)) == (6, []), ended.message
    assert "is to hold its revision 9" in ended.message
