"""`teal lab break`, `mend` and `events`: what is typed, what reaches the lab, what is shown."""

import json
from typing import Any, get_args

import pytest

from cli_stage import EVENT, FakeLabs, Stage
from teal.cli.verbs_gameday import CHANGES, KINDS
from teal.lab.faults import kinds
from teal.report.gameday import event_line

ORDERS: list[tuple[str, dict[str, Any], int | None, float | None]] = [
    ("kill-task", {}, None, None),
    ("kill-task --service shop-* --every 60s", {"service": "shop-*", "every_s": 60.0}, None, None),
    ("slow-requests --by 800ms --share 12.5%", {"by_s": 0.8, "share_percent": 12.5}, None, None),
    ("fail-requests --group b --status 502 --for 1m --seed 7", {"group": "b", "status": 502}, 7, 60.0),
    ("stale-reads --age 5s --backwards --api ecs", {"age_s": 5.0, "backwards": True, "api": "ecs"}, None, None),
    ("throttle-api --rate 20 --operation Modify*", {"rate_percent": 20.0, "operation": "Modify*"}, None, None),
    ("edit --what weights", {"what": "weights"}, None, None),
]
REFUSED = [
    ("lab break", "what shall break"),
    ("lab break tea", "there are: kill-task"),
    ("lab break kill-task --share much", "no percentage"),
    ("lab break kill-task --for ever", "no duration"),
    ("lab break edit --what tea", "tea"),
    ("lab mend", "which fault"),
    ("lab mend three", "which fault"),
    ("lab mend 4", "no fault 4"),
    ("lab events --since noon", "neither a number nor a duration"),
    ("lab events --follow -o json", "jsonl"),
]


@pytest.mark.parametrize(("words", "fields", "seed", "for_s"), ORDERS)
def test_an_order_reaches_the_lab(words: str, fields: dict[str, Any], seed: int | None, for_s: float | None) -> None:
    """Options become the fields of the fault, in seconds and percent, and make a fault that the lab knows."""
    stage = Stage()
    done = stage.play("lab", "break", *words.split())
    assert done.exit_code == 0
    fault = {"kind": words.split(maxsplit=1)[0], **fields}
    assert stage.labs.broken == [(fault, seed, for_s)]
    assert kinds.as_plain(kinds.as_fault(fault)).items() >= fault.items()


@pytest.mark.parametrize(("words", "part"), REFUSED)
def test_what_makes_no_sense_is_refused(words: str, part: str) -> None:
    """Exit 2, and what would make sense."""
    done = Stage().play(*words.split())
    assert done.exit_code == 2
    assert part in done.stderr


def test_the_help_knows_every_kind() -> None:
    """The table of the help is the table of the lab."""
    assert list(KINDS) == list(kinds.KINDS)
    assert get_args(kinds.Change) == CHANGES
    told = Stage().play("lab", "break", "--help").stdout
    assert told.startswith("Examples:")
    assert all(kind in told for kind in KINDS)


def test_faults_as_lines() -> None:
    """What has begun and how it ends; what is at work; what has ended."""
    assert Stage().play("lab", "break", "kill-task").stdout == (
        "fault 3: kill-task service=shop-* every=60, seed 9, until mended\n`teal lab mend 3` ends it\n"
    )
    line = "3  kill-task  service=shop-* every=60  seed 9  until mended  2 hits\n"
    assert Stage().play("lab", "break", "--list").stdout == line
    assert Stage().play("lab", "mend", "3").stdout == f"ended:\n{line}"


def test_events_as_lines() -> None:
    """A line for each, with number and time; what is missing is said; who follows gets what comes."""
    told = Stage().play("lab", "events", "--since", "5", "--follow")
    assert told.stdout.splitlines()[0] == f"     7 14:12:03.123 task    {'abc':<28} RUNNING → STOPPED"
    assert [int(line.split()[0]) for line in told.stdout.splitlines()] == [7, 8, 9]
    assert "2 events are not kept any more" in told.stderr
    assert Stage().play("lab", "events").stderr == ""


def test_an_event_moves_no_cursor() -> None:
    """What a task or a client has written into the story is text, and stays on its line."""
    told = event_line(EVENT | {"number": 1, "subject": "a\x1b[2Jb", "message": "x\ny\x07"})
    assert told.split() == ["1", "14:12:03.123", "task", "a[2Jb", "x", "y"]


def test_events_as_documents() -> None:
    """JSON is one document, JSON lines one for each event."""
    assert [each["number"] for each in Stage().document("lab", "events", "--since", "7s")["events"]] == [7, 8]
    lines = Stage().play("lab", "events", "-o", "jsonl").stdout.splitlines()
    assert [json.loads(line)["number"] for line in lines] == [7, 8]


def test_without_a_lab_there_is_no_game_day() -> None:
    """Exit 5, as for every command that needs a lab."""
    needing = ("break kill-task", "break --list", "mend all", "events", "events --since 5m", "snapshot x", "restore x")
    for words in (f"lab {each}" for each in needing):
        assert Stage(labs=FakeLabs(there=False)).play(*words.split()).exit_code == 5
