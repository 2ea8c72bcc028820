"""Where the story of an app is kept, and who reads it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import seen
from aws.canned import Canned
from journals import MemoryJournalStore, ended, started
from locks import CALLER
from teal.app.journals import AppJournal, shared_journal
from teal.aws.call import in_turn
from teal.aws.journal_stores import DynamoJournalStore, S3JournalStore
from teal.errors import NeedsPersonError
from teal.host.journal import FileJournal, read_lines
from teal.model.event import Event, Noted
from teal.model.identity import Caller
from teal.model.spec import LockSpec, StoreKind

SPEC = replace(seen.spec(), account=None)
KEY = f"123456789012/eu-west-1/prod/{SPEC.app}"


def _told(journal: AppJournal, *events: Event) -> str:
    for event in events:
        journal.append(event)
    return journal.finish()


def _runs(journal: AppJournal, count: int = 9) -> tuple[list[str], str]:
    lines, missing = journal.history(lambda: CALLER, count)
    return [str(line["run"]) for line in lines if line["event"] == "RunStarted"], missing


@pytest.mark.parametrize(
    ("lock", "place"),
    [
        (LockSpec(kind=StoreKind.S3, place="team-state", prefix="teal"), f"teal/journal/{KEY}/"),
        (LockSpec(kind=StoreKind.S3, place="team-state"), f"journal/{KEY}/"),
        (LockSpec(kind=StoreKind.DYNAMODB, place="teal-locks"), f"journal/{KEY}"),
        (LockSpec(kind=StoreKind.FILE, place="locks"), f"locks/{KEY}.jsonl"),
    ],
)
def test_where_it_is_kept(tmp_path: Path, lock: LockSpec, place: str) -> None:
    """Each store has the journal by the name of the lock's record."""
    canned = Canned({"s3:ListObjectsV2": {}, "dynamodb:GetItem": {}})
    found = shared_journal(replace(SPEC, lock=lock), lambda _: canned, tmp_path, in_turn)
    assert found is not None
    there = found(CALLER)
    if isinstance(there, Path):
        assert there == tmp_path / place
        return
    assert isinstance(there, S3JournalStore | DynamoJournalStore)
    assert there.newest(1) == ()
    asked = canned.asked[0][1]
    assert (asked.get("Prefix") or asked["Key"]["LockID"]["S"]) == place


def test_no_store(tmp_path: Path) -> None:
    """Without a store it is this user's file; nobody is asked whose account it is."""
    assert shared_journal(SPEC, lambda _: Canned(), tmp_path, in_turn) is None
    journal = AppJournal(tmp_path / "own.jsonl")
    assert _told(journal, started("r1"), ended()) == ""
    lines, missing = journal.history(lambda: pytest.fail("asked"), 3)
    assert ([line["event"] for line in lines], missing) == (["RunStarted", "RunEnded"], "")
    assert AppJournal(None).history(lambda: pytest.fail("asked"), 3) == ([], "")


def test_in_a_directory(tmp_path: Path) -> None:
    """In a directory it is one file, to which all append, as open as the umask lets it be; own lines are told too."""
    beside = tmp_path / "locks" / "1" / "shop.jsonl"
    ann, bob = (AppJournal(tmp_path / f"{name}.jsonl", lambda _: beside) for name in ("ann", "bob"))
    FileJournal(tmp_path / "ann.jsonl").append(started("old", 0.5))
    assert _told(ann, started("r1", 1.0), ended()) == _told(bob, started("r2", 2.0), ended()) == ""
    assert [line["run"] for line in read_lines(beside)] == ["r1", "r1", "r2", "r2"]
    (tmp_path / "plain").touch()
    assert beside.stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert _runs(ann) == (["old", "r1", "r2"], "")
    assert _runs(bob) == (["r1", "r2"], "")
    assert _runs(bob, 1) == (["r2"], "")


def test_in_a_store(tmp_path: Path) -> None:
    """Lines are on this machine's disk first, then in the store, where colleagues see them; a run is told once."""
    store = MemoryJournalStore()
    store.open.clear()
    ann, bob = (AppJournal(tmp_path / f"{name}.jsonl", lambda _: store) for name in ("ann", "bob"))
    ann.append(started("r1", 1.0))
    assert [line["run"] for line in read_lines(tmp_path / "ann.jsonl")] == ["r1"]
    assert store.runs == {}
    store.open.set()
    assert _told(ann, ended()) == _told(bob, started("r2", 2.0), ended()) == ""
    assert _runs(ann) == _runs(bob) == _runs(AppJournal(None, lambda _: store)) == (["r1", "r2"], "")
    assert _runs(bob, 1) == (["r2"], "")


def test_the_longest_telling_counts(tmp_path: Path) -> None:
    """Of a run that is known here and there the longer telling is told, whichever it is."""
    store = MemoryJournalStore()
    journal = AppJournal(tmp_path / "own.jsonl", lambda _: store)
    assert _told(journal, started("r1"), Noted(at_s=2.0, message="on"), ended()) == ""
    whole = journal.history(lambda: CALLER, 1)
    assert len(whole[0]) == 3
    store.runs["r1"] = store.runs["r1"].splitlines(keepends=True)[0]
    assert journal.history(lambda: CALLER, 1) == whole
    (tmp_path / "own.jsonl").write_bytes(b"".join((tmp_path / "own.jsonl").read_bytes().splitlines(keepends=True)[:2]))
    assert len(journal.history(lambda: CALLER, 1)[0]) == 2


def test_cut_at_every_byte() -> None:
    """Of a run whose lines in the store end anywhere, the whole lines are told."""
    store = MemoryJournalStore()
    journal = AppJournal(None, lambda _: store)
    assert _told(journal, started("r1"), ended()) == ""
    whole = store.runs["r1"]
    first = whole.index("\n")
    for cut in range(len(whole) + 1):
        store.runs["r1"] = whole[:cut]
        lines, missing = journal.history(lambda: CALLER, 1)
        assert (len(lines), missing) == ((cut >= first) + (cut >= len(whole) - 1), ""), cut


def _nobody(_: Caller) -> Path:
    raise NeedsPersonError("it is not known in which account the lock is")


def test_what_fails_is_told_once(tmp_path: Path) -> None:
    """A store that is down, or that nobody can name, leaves the lines on this machine, for a run and for a reader."""
    store = MemoryJournalStore(down=True)
    places: list[tuple[Callable[[Caller], MemoryJournalStore | Path], str]] = [
        (lambda _: store, "nobody answers"), (_nobody, "which account"),
    ]  # fmt: skip
    for number, (place, why) in enumerate(places):
        journal = AppJournal(tmp_path / f"{number}.jsonl", place)
        told = _told(journal, started("r1"), ended())
        assert told.startswith("the journal was kept on this machine only: ")
        assert why in told
        runs, missing = _runs(journal)
        assert runs == ["r1"]
        assert why in missing


def test_a_full_disk_does_not_keep_it_from_the_store(tmp_path: Path) -> None:
    """What this machine cannot keep is carried all the same."""
    (tmp_path / "file").write_text("")
    store = MemoryJournalStore()
    journal = AppJournal(tmp_path / "file" / "own.jsonl", lambda _: store)
    for event in (started("r1"), ended()):
        with pytest.raises(OSError, match="file"):
            journal.append(event)
    assert journal.finish() == ""
    assert store.runs["r1"].count("\n") == 2


def test_each_run_is_carried_for_itself(tmp_path: Path) -> None:
    """A process that runs two commands carries two runs."""
    store = MemoryJournalStore()
    journal = AppJournal(tmp_path / "own.jsonl", lambda _: store)
    assert _told(journal, started("r1", 1.0), ended()) == _told(journal, started("r2", 2.0), ended()) == ""
    assert [run.count("\n") for run in store.runs.values()] == [2, 2]


def test_a_run_is_not_carried_where_another_one_was(tmp_path: Path) -> None:
    """Of two runs of a process the one whose place is not known stays on this machine, and only that one says so."""
    store = MemoryJournalStore()
    journal = AppJournal(tmp_path / "own.jsonl", lambda caller: store if caller.account == "1" else _nobody(caller))
    assert _told(journal, started("r1"), ended()) == ""
    assert "which account" in _told(journal, replace(started("r2"), account="unknown"), ended())
    assert list(store.runs) == ["r1"]
    assert store.runs["r1"].count("\n") == 2
    beside = tmp_path / "beside.jsonl"
    journal = AppJournal(None, lambda caller: beside if caller.account == "1" else _nobody(caller))
    assert "which account" in _told(journal, replace(started("r2"), account="unknown"), ended())
    assert _told(journal, started("r3"), ended()) == ""
    assert {line["run"] for line in read_lines(beside)} == {"r3"}
