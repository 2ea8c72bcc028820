"""The journal: whole lines on the disk, half lines passed over."""

import json
import stat
from pathlib import Path

import pytest

from teal.host.journal import FileJournal, journal_path, last_runs, read_lines
from teal.model.event import Noted, RunStarted


def _started(run: str) -> RunStarted:
    return RunStarted(
        at_s=1.0, command="deploy", app="shop", account="1", region="eu-west-1", caller="arn:x", run_id=run
    )


def _written(path: Path, *runs: str) -> FileJournal:
    journal = FileJournal(path)
    for run in runs:
        journal.append(_started(run))
        journal.append(Noted(at_s=2.0, message=f"in {run}\nand\x1b on"))
    return journal


def test_lines(tmp_path: Path) -> None:
    """One event is one line of plain text; each names its run; nobody else may read it."""
    path = journal_path(tmp_path, "123456789012", "eu-west-1", "shop-web")
    assert path == tmp_path / "journal" / "123456789012-eu-west-1-shop-web.jsonl"
    assert _written(path, "r1").path == path
    raw = path.read_bytes()
    assert raw.count(b"\n") == 2
    assert b"\x1b" not in raw
    assert [(line["run"], line["event"]) for line in read_lines(path)] == [("r1", "RunStarted"), ("r1", "Noted")]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "a\x00b", "ü"])
def test_path_stays_in_its_room(tmp_path: Path, name: str) -> None:
    """Whatever the app is called, its journal is a file in the journal's directory."""
    path = journal_path(tmp_path, "1", "eu-west-1", name)
    assert path.parent == tmp_path / "journal"
    assert path.name.isascii()


def test_truncated_at_every_byte(tmp_path: Path) -> None:
    """Cut anywhere, the journal tells its whole lines, and the next event is not lost."""
    path = tmp_path / "j.jsonl"
    _written(path, "r1")
    whole = path.read_bytes()
    first = whole.index(b"\n")
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        there = (cut >= first) + (cut >= len(whole) - 1)
        assert len(read_lines(path)) == there, cut
        FileJournal(path).append(Noted(at_s=3.0, message="later"))
        lines = read_lines(path)
        assert (len(lines), lines[-1]["message"]) == (there + 1, "later"), cut


@pytest.mark.parametrize(
    "junk", [b"\xff\xfe\n", b"[1,2]\n", b'"text"\n', b"null\n", b"{}\n", b"\n\n", b"\x00" * 9 + b"\n"]
)
def test_junk_is_passed_over(tmp_path: Path, junk: bytes) -> None:
    """Lines that are no events do not hide the others."""
    path = tmp_path / "j.jsonl"
    journal = _written(path, "r1")
    with path.open("ab") as file:
        file.write(junk)
    journal.append(Noted(at_s=3.0, message="later"))
    assert [line["event"] for line in read_lines(path)] == ["RunStarted", "Noted", "Noted"]


def test_no_journal(tmp_path: Path) -> None:
    """Where there is no journal there are no lines and no runs."""
    assert read_lines(tmp_path / "none") == ()
    assert last_runs([], 3) == ()


@pytest.mark.parametrize(("count", "runs"), [(0, []), (1, ["r3"]), (2, ["r2", "r3"]), (9, ["r1", "r2", "r3"])])
def test_last_runs(tmp_path: Path, count: int, runs: list[str]) -> None:
    """The last runs, in the order in which they began."""
    path = tmp_path / "j.jsonl"
    _written(path, "r1", "r2", "r3")
    assert [run[0]["run"] for run in last_runs([read_lines(path)], count)] == runs


def test_overlapping_runs_are_told_apart(tmp_path: Path) -> None:
    """A rollback during a deployment has its own run, although the lines are mixed."""
    path = tmp_path / "j.jsonl"
    first, second = FileJournal(path), FileJournal(path)
    first.append(_started("deploy"))
    second.append(_started("rollback"))
    first.append(Noted(at_s=2.0, message="still here"))
    deploy, rollback = last_runs([read_lines(path)], 2)
    assert ([line["event"] for line in deploy], len(rollback)) == (["RunStarted", "Noted"], 1)


def test_long_journals_are_read_from_their_end(tmp_path: Path) -> None:
    """Of a journal of more than eight megabytes the end is told."""
    path = tmp_path / "j.jsonl"
    line = json.dumps({"run": "old", "event": "Noted", "message": "x" * 1000}).encode() + b"\n"
    path.write_bytes(line * 9000)
    _written(path, "new")
    lines = read_lines(path)
    assert 8000 < len(lines) < 9000
    assert lines[-1]["run"] == "new"
