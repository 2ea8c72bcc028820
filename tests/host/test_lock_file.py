"""A lock's record in a file."""

import fcntl
from pathlib import Path

import pytest

from aws.canned import VirtualClock
from locks import owner
from teal.errors import TransientError, UnknownAnswerError, UsageError
from teal.host.lock_file import FileLockStore
from teal.model.lock import LockRecord
from teal.ports import Kept

FIRST = LockRecord(epoch=1, nonce="t.1", owner=owner("ann"))
SECOND = LockRecord(epoch=2, nonce="t.2", owner=owner("bob"))


def test_compare_and_replace(tmp_path: Path) -> None:
    """A record is written over exactly the version that was read, or over nothing; otherwise nothing changes."""
    store = FileLockStore(tmp_path / "of" / "an" / "app.json", VirtualClock())
    assert store.read() is None
    assert store.write(SECOND, "t.1") is None
    assert store.write(FIRST, None) == "t.1"
    assert store.write(SECOND, None) is None
    assert store.write(SECOND, "other") is None
    assert store.read() == Kept(record=FIRST, version="t.1")
    assert store.write(SECOND, "t.1") == "t.2"
    assert store.read() == Kept(record=SECOND, version="t.2")
    assert sorted(path.name for path in (tmp_path / "of" / "an").iterdir()) == ["app.json", "app.json.guard"]


def test_another_process_is_at_it(tmp_path: Path) -> None:
    """While another process compares and replaces, a write waits, and gives up after some seconds."""
    clock = VirtualClock()
    store = FileLockStore(tmp_path / "app.json", clock)
    store.write(FIRST, None)
    with (tmp_path / "app.json.guard").open("ab") as guard:
        fcntl.flock(guard.fileno(), fcntl.LOCK_EX)
        with pytest.raises(TransientError, match="in use"):
            store.write(SECOND, "t.1")
        assert sum(clock.naps) == pytest.approx(5.0, abs=0.1)
        assert max(clock.naps) <= 0.05, "the other one needs no longer than to write a file"
        assert store.read() == Kept(record=FIRST, version="t.1")
    assert store.write(SECOND, "t.1") == "t.2"


def test_what_is_no_record(tmp_path: Path) -> None:
    """A file that is no record is unknown, never a free lock; a bad place is a mistake of the user."""
    path = tmp_path / "app.json"
    path.write_text("{}")
    with pytest.raises(UnknownAnswerError, match=r"app\.json cannot be read") as caught:
        FileLockStore(path, VirtualClock()).read()
    assert "delete it by hand" in caught.value.hint
    with pytest.raises(UsageError, match=r"the lock file .*File exists"):
        FileLockStore(path / "below.json", VirtualClock()).write(FIRST, None)
