"""A run as it is told."""

from dataclasses import replace

import pytest

from teal.model.change import Change
from teal.model.event import (
    Diagnosed,
    Drifted,
    Event,
    Noted,
    Planned,
    RunEnded,
    RunStarted,
    StepBegan,
    StepEnded,
    StepFailed,
    TurnedBack,
    Waited,
    event_json,
)
from teal.model.identity import Slot
from teal.model.step import Hold, Register, TagMove
from teal.model.tags import MoveTag, Stage
from teal.report.paint import Paint
from teal.report.story import REPEAT_S, Story

T0_S = 1_800_000_000.0
STEP = Register(family="web")
TAG = TagMove(tag=MoveTag(id="d1", origin=Slot.A, to=Slot.B, stage=Stage.PREPARE, entered_at_s=0))
HOLD = Hold(slot=Slot.B, percent=10, lasts_s=60, until_s=None)
STARTED = RunStarted(
    at_s=T0_S, command="deploy", app="shop-web", account="123", region="eu-west-1", caller="arn:ci", run_id="r1"
)


def ended(at_s: float, **more: str | int) -> RunEnded:
    """Return the end of a run."""
    fields = {"exit_code": 0, "message": "done", "serving": "web:42 in slot b", "seen": "held", "hint": "", **more}
    return RunEnded(at_s=at_s, took_s=at_s - T0_S, **fields)  # type: ignore[arg-type]  # a row of fields


def told(*events: Event, story: Story | None = None) -> list[str]:
    """Return all lines of a story."""
    teller = story or Story()
    return [line for event in events for line in teller.lines(event)]


def test_a_whole_run_reads_like_this() -> None:
    """Every line has its instant in UTC and the time since the start; the end sums up the stages."""
    assert told(
        STARTED,
        Planned(at_s=T0_S, sentences=("register", "hold"), warnings=("ends the rollback to web:41",)),
        StepBegan(at_s=T0_S + 1, step=TAG, number=1, stage="prepare"),
        StepEnded(at_s=T0_S + 3, step=STEP, took_s=2.0, detail="web:42"),
        StepBegan(at_s=T0_S + 3, step=HOLD, number=2, stage="shift"),
        Noted(at_s=T0_S + 4, message="no lock"),
        ended(T0_S + 65),
    ) == [
        "2027-01-15T08:00:00Z +0.0 s deploy shop-web: account 123, eu-west-1, as arn:ci, run r1",
        "2027-01-15T08:00:00Z +0.0 s warning: ends the rollback to web:41",
        "2027-01-15T08:00:00Z +0.0 s plan: 2 steps",
        "2027-01-15T08:00:00Z +0.0 s   1. register",
        "2027-01-15T08:00:00Z +0.0 s   2. hold",
        "2027-01-15T08:00:01Z +1.0 s [step 1] record that a move a → b is being prepared",
        "2027-01-15T08:00:03Z +3.0 s [step 1] ok, 2.0 s: web:42",
        "2027-01-15T08:00:03Z +3.0 s [step 2] hold 10 % on slot b for 60 s",
        "2027-01-15T08:00:04Z +4.0 s note: no lock",
        "done",
        "serving: web:42 in slot b",
        "seen:    held",
        "back:    teal rollback (to slot a)",
        "took:    1 min 5 s (prepare 2.0 s, shift 1 min 2 s)",
    ]


def test_going_back_is_loud_and_says_why() -> None:
    """A failure names its step, its reason and what follows; a diagnosis is one line per fact."""
    lines = told(
        StepBegan(at_s=T0_S, step=STEP, number=1, stage="prepare"),
        StepFailed(at_s=T0_S, step=STEP, reason="refused", follows="back"),
        Diagnosed(at_s=T0_S, facts=("exit code 1", "last lines:\nboom")),
        TurnedBack(at_s=T0_S, reason="5xx"),
        ended(T0_S, exit_code=4, message="went back", hint="teal status"),
    )
    assert [line.removeprefix("2027-01-15T08:00:00Z +0.0 s ") for line in lines[1:]] == [
        "[step 1] failed: refused; going back",
        "why: exit code 1",
        "why: last lines:",
        "boom",
        "GOING BACK: 5xx",
        "went back",
        "serving: web:42 in slot b",
        "seen:    held",
        "took:    0.0 s (prepare 0.0 s)",
        "hint:    teal status",
    ]


def waits(*seen: tuple[float, str]) -> list[Event]:
    """Return waiting events at these instants with this progress."""
    return [Waited(at_s=T0_S + at_s, step=HOLD, progress=progress) for at_s, progress in seen]


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ([(6, "1/2"), (9, "1/2"), (12, "1/2")], ["1/2"]),
        ([(6, "1/2"), (12, "2/2")], ["1/2", "2/2"]),
        ([(1, "1/2"), (2, "2/2"), (6, "2/2")], ["2/2"]),
        ([(6, "1/2"), (40, "1/2"), (6 + REPEAT_S, "1/2")], ["1/2", "1/2"]),
    ],
)
def test_waiting_is_told_when_it_changes_and_now_and_then(seen: list[tuple[float, str]], said: list[str]) -> None:
    """No line per look, yet never a silence that a CI system takes for death."""
    lines = told(StepBegan(at_s=T0_S, step=HOLD, number=3, stage="shift"), *waits(*seen))
    assert [line.partition("[step 3] waiting: ")[2] for line in lines[1:]] == said


def test_looks_every_five_seconds_leave_no_minute_without_a_line() -> None:
    """Ten quiet minutes have a line at least every 60 s, and not one per look."""
    story = Story()
    story.lines(StepBegan(at_s=T0_S, step=HOLD, number=1, stage="shift"))
    at = [event.at_s for event in waits(*((n, "same") for n in range(5, 600, 5))) if story.lines(event)]
    assert max(after - before for before, after in zip([T0_S, *at], [*at, T0_S + 600], strict=True)) <= 60
    assert len(at) < 20


def test_an_approved_plan_is_not_told_twice() -> None:
    """Where a person has just read the plan, only its warnings are told; an empty plan is no line."""
    plan = Planned(at_s=T0_S, sentences=("register",), warnings=("careful",))
    assert told(plan, story=Story(planned=False)) == ["2027-01-15T08:00:00Z +0.0 s warning: careful"]
    assert told(Planned(at_s=T0_S, sentences=(), warnings=())) == []


def test_a_terminal_gets_colour_and_short_times() -> None:
    """Painted and compact on a terminal; the words are the same."""
    assert told(Noted(at_s=T0_S, message="x"), story=Story(paint=Paint(True), full_dates=False)) == [
        "\x1b[2m08:00:00 +0.0 s\x1b[0m note: x"
    ]


def test_a_rollback_does_not_offer_a_rollback() -> None:
    """Only a run that went forward, from somewhere, and was seen tells how to go back."""
    first = replace(TAG, tag=replace(TAG.tag, origin=None))
    for command, step in (("rollback", TAG), ("abort", TAG), ("deploy", first), ("deploy", STEP)):
        began = StepBegan(at_s=T0_S, step=step, number=1, stage="prepare")
        lines = told(replace(STARTED, command=command), began, ended(T0_S))
        assert not any(line.startswith("back:") for line in lines)


@pytest.mark.parametrize(("adopted", "begins"), [(False, "changed"), (True, "adopted, changed")])
def test_what_somebody_else_changed_is_told_field_by_field(adopted: bool, begins: str) -> None:  # noqa: FBT001 - a table's column
    """One line for each field, with what was and what is."""
    change = Change(where="shop:443 rule 20", field="priority", before="20", after="21", adoptable=True)
    lines = told(STARTED, Drifted(at_s=T0_S, changes=(change, change), adopted=adopted))
    assert [line.partition(" s ")[2] for line in lines[1:]] == [
        f"{begins} by somebody else: shop:443 rule 20: priority: 20 → 21"
    ] * 2
    event = event_json(Drifted(at_s=1.0, changes=(change,), adopted=adopted), "r")
    assert event["changes"][0] == {
        "where": "shop:443 rule 20", "field": "priority", "before": "20", "after": "21", "route": None,
        "adoptable": True,
    }  # fmt: skip
