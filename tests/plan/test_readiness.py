"""Whether rollback would work now, and why not."""

import pytest

import seen
from teal.model.identity import Slot
from teal.model.snapshot import SlotState, Snapshot
from teal.plan.readiness import Readiness, readiness
from teal.plan.situation import classify

T = int(seen.NOW_S) - 300


def warm(*revisions: int, healthy: int = 2, **more: object) -> SlotState:
    """Return slot a, tagged as serving 41."""
    settings = {"desired": 2, "running": 2, "rollout": "COMPLETED", **more}
    found = seen.service(Slot.A, *(revisions or (41,)), deployment="d1.41.served", **settings)  # type: ignore[arg-type]  # a row of settings
    return seen.slot_state(Slot.A, found, healthy=healthy)


def with_tasks(*tasks: tuple[str, str, str, float]) -> SlotState:
    """Return slot a with tasks of (status, stop code, reason, created)."""
    made = tuple(seen.task(41, status=status, stop=stop, reason=why, at_s=at_s) for status, stop, why, at_s in tasks)
    return seen.slot_state(Slot.A, seen.service(Slot.A, 41, deployment="d1.41.served"), tasks=made)


def test_a_whole_idle_slot_is_a_way_back() -> None:
    """After a move that is done, whole blue is the way back, with its revision and its count."""
    assert readiness(seen.spec(), seen.at_rest(), Slot.B) == Readiness(
        ready=True, way_back=Slot.A, revision="web:41", healthy=2, wanted=2, reasons=()
    )


@pytest.mark.parametrize(
    ("blue", "reason"),
    [
        (warm(41, 40), "slot a holds 2 revisions: 40, 41"),
        (warm(40), "slot a runs revision 40, its tag says 41"),
        (warm(rollout="IN_PROGRESS"), "slot a is not settled on revision 41"),
        (
            warm(desired=0, running=0, healthy=0),
            "slot a is retired (scaled to 0): it takes a deployment to bring it up",
        ),
        (warm(desired=3, running=2), "2 of 3 targets of slot a are healthy"),
        (warm(desired=1, running=1, healthy=1), "50 % of production's capacity: 1 healthy targets for 2 running tasks"),
        (
            with_tasks(("STOPPED", "TaskFailedToStart", "CannotPullContainerError", 9.0), ("RUNNING", "", "", 5.0)),
            "its last task failed to start: CannotPullContainerError",
        ),
        (
            with_tasks(("STOPPED", "EssentialContainerExited", "", 9.0)),
            "its last task failed to start: EssentialContainerExited",
        ),
        (
            with_tasks(("STOPPED", "ServiceSchedulerInitiated", "Task failed ELB health checks in (tg)", 9.0)),
            "its last task failed to start: Task failed ELB health checks in (tg)",
        ),
        (
            with_tasks(("STOPPED", "ServiceSchedulerInitiated", "Task failed container health checks", 9.0)),
            "its last task failed to start: Task failed container health checks",
        ),
        (seen.slot_state(Slot.A, None), "slot a has no service"),
    ],
)
def test_each_lack_is_named(blue: SlotState, reason: str) -> None:
    """Whatever keeps blue from being whole is one sentence, and makes it not ready."""
    found = readiness(seen.spec(), seen.at_rest(blue=blue), Slot.B)
    assert (found.ready, found.way_back, found.reasons) == (False, Slot.A, (reason,))


@pytest.mark.parametrize(("desired", "wanted"), [(1, 2), (2, 2), (3, 3)])
def test_how_many_are_wanted(desired: int, wanted: int) -> None:
    """As many as the slot's service asks for, and as production runs."""
    blue = warm(desired=desired, running=desired, healthy=desired)
    assert readiness(seen.spec(), seen.at_rest(blue=blue), Slot.B).wanted == wanted


@pytest.mark.parametrize(
    "blue",
    [
        with_tasks(("STOPPED", "TaskFailedToStart", "", 5.0), ("RUNNING", "", "", 9.0)),
        with_tasks(("STOPPED", "ServiceSchedulerInitiated", "Scaling activity initiated by (deployment x)", 9.0)),
        with_tasks(("STOPPED", "UserInitiated", "the drill has failed", 9.0)),
        with_tasks(("STOPPED", "UserInitiated", "a drill of the health checks", 9.0)),
        seen.slot_state(Slot.A, seen.service(Slot.A, 41)),
    ],
)
def test_what_was_made_good_does_not_count(blue: SlotState) -> None:
    """An older failed start, a task that was scaled in and a missing tag do not stand in the way."""
    assert readiness(seen.spec(), seen.at_rest(blue=blue), Slot.B).ready


def seen_with(move: str | None, weights: dict[str, int] | None, a: str = "", b: str = "", before: str = "") -> Snapshot:
    """Return the app with this move tag, these weights and these deployment tags."""
    tags_a = {"deployment": a} if a else {}
    tags_b = {key: value for key, value in (("deployment", b), ("before", before)) if value}
    return seen.snapshot(
        seen.slot_state(Slot.A, seen.service(Slot.A, 41, **tags_a)),  # type: ignore[arg-type]  # a row of tags
        seen.slot_state(Slot.B, seen.service(Slot.B, 42, **tags_b)),  # type: ignore[arg-type]  # a row of tags
        move=move,
        weights=weights,
    )


@pytest.mark.parametrize(
    ("row", "found", "live", "way_back", "reason"),
    [
        (1, seen_with(None, {"a": 1}), Slot.A, None, "no move is on record, so there is nothing to go back to"),
        (
            2,
            seen_with(None, {"a": 1, "b": 1}),
            Slot.A,
            None,
            "where things stand cannot be explained, so the way back must be named: --to-slot",
        ),
        (3, seen_with(None, None), Slot.A, None, "this is the first deployment, so there is nothing to go back to"),
        (4, seen_with(f"d3.a.b.prepare.{T}", {"a": 1}, "d1.41.served", "d0.42.served"), Slot.A, Slot.B, ""),
        (
            6,
            seen_with(f"d3.a.b.prepare.{T}", {"a": 1}, "d1.41.served", "d3.42", "d0.40.served"),
            Slot.A,
            None,
            "the deployment under way ended the rollback to web:40; it has not touched production",
        ),
        (
            7,
            seen_with(f"d3.a.b.held.{T}", {"a": 1}, "d1.41.served", "d3.42"),
            Slot.A,
            None,
            "the deployment under way ended the rollback; it has not touched production",
        ),
        (16, seen_with(f"d3.a.b.shift.{T}", {"b": 1}, "d1.41.served", "d3.42"), Slot.B, Slot.A, ""),
        (11, seen_with(f"d3.a.b.shift.{T}", {"a": 1}, "d1.41.served", "d3.42"), Slot.A, Slot.A, ""),
        (
            18,
            seen_with(f"d3.none.b.done.{T}", {"b": 1}, "", "d3.42.served"),
            Slot.B,
            None,
            "this is the first deployment, so there is nothing to go back to",
        ),
        (
            20,
            seen_with(f"d3.a.b.back.{T}", {"a": 1}, "d1.41.served", "d3.42.back"),
            Slot.A,
            None,
            "production went back already",
        ),
    ],
)
def test_the_way_back_is_what_the_move_came_from(
    row: int, found: Snapshot, live: Slot, way_back: Slot | None, reason: str
) -> None:
    """The recorded move decides where back is, never "the other slot"; where there is no back, it is said why."""
    assert classify(seen.spec(), found).row == row
    answer = readiness(seen.spec(), found, live)
    assert (answer.way_back, answer.reasons) == (way_back, (reason,) if reason else ())


@pytest.mark.parametrize(("desired", "running", "percent"), [(2, 3, 66), (1, 4, 25), (3, 4, 75)])
def test_how_much_of_production_a_way_back_carries(desired: int, running: int, percent: int) -> None:
    """What the way back has, in percent of the tasks that production runs, never rounded up."""
    blue = warm(desired=desired, running=desired, healthy=desired)
    live = seen.slot_state(
        Slot.B, seen.service(Slot.B, 42, desired=running, running=running, deployment="d2.42.served")
    )
    found = seen.snapshot(blue, live, move=f"d2.a.b.done.{T}", weights={"b": 1})
    (reason,) = readiness(seen.spec(), found, Slot.B).reasons
    assert reason == (f"{percent} % of production's capacity: {desired} healthy targets for {running} running tasks")


def test_before_a_shift_the_way_back_is_production_itself() -> None:
    """An announced shift has not begun: what serves is the way back, and is not measured by itself."""
    blue = warm(desired=1, running=2, healthy=1)
    green = seen.slot_state(Slot.B, seen.service(Slot.B, 42, deployment="d3.42"))
    found = seen.snapshot(blue, green, move=f"d3.a.b.shift.{T}", weights={"a": 1})
    assert readiness(seen.spec(), found, Slot.A) == Readiness(
        ready=True, way_back=Slot.A, revision="web:41", healthy=1, wanted=1, reasons=()
    )
    none = seen.snapshot(warm(desired=0, running=0, healthy=0), green, move=f"d3.a.b.shift.{T}", weights={"a": 1})
    assert readiness(seen.spec(), none, Slot.A).wanted == 0


def test_without_a_way_back_nothing_is_counted() -> None:
    """Where nothing would serve again, there is no revision, nothing is healthy and nothing wanted."""
    assert readiness(seen.spec(), seen_with(None, {"a": 1}), Slot.A) == Readiness(
        ready=False,
        way_back=None,
        revision="",
        healthy=0,
        wanted=0,
        reasons=("no move is on record, so there is nothing to go back to",),
    )


def test_production_without_a_service_asks_for_nothing() -> None:
    """Where the live slot has no service, its count does not weigh."""
    bare = seen.snapshot(warm(), seen.slot_state(Slot.B, None), move=f"d2.a.b.done.{T}", weights={"b": 1})
    assert readiness(seen.spec(), bare, Slot.B).way_back is None
    mixed = seen.snapshot(warm(), seen.slot_state(Slot.B, None), move=f"d2.b.a.done.{T}", weights={"a": 1})
    assert readiness(seen.spec(), mixed, Slot.A).wanted == 0
