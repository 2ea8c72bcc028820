"""Which record is an app's lock, and in which store."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import seen
from aws.canned import Canned
from locks import CALLER, MemoryStore, owner
from teal.app.locks import UNKNOWN_ACCOUNT, app_lock, keeper, record_key
from teal.errors import NeedsPersonError
from teal.host.clock import SystemClock
from teal.model.lock import LockRecord, lock_text
from teal.model.spec import LockSpec, StoreKind

HELD = LockRecord(epoch=3, nonce="t.1", owner=owner("ann"), command="deploy")
SPEC = replace(seen.spec(), account=None)
KEY = f"123456789012/eu-west-1/prod/{SPEC.app}"


@pytest.fixture
def clock() -> SystemClock:
    """The clock of this computer."""
    return SystemClock()


class Users(dict[str, str]):
    """An environment that notes when it is asked who this is."""

    asked = False

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 - what a mapping returns
        """Answer."""
        self.asked = True
        return super().get(key, default)


def test_nobody_looks_up_who_this_is_before_it_is_written(clock: SystemClock) -> None:
    """A directory of users may take long to answer: the lock asks when it is taken, and a way back writes before it."""
    environ, store = Users(GITHUB_ACTOR="ann"), MemoryStore()
    lock = keeper(lambda _: store, clock, environ)
    lock.begin(CALLER, "rollback")
    lock.excuse(excused=True)
    with lock.writing():
        lock.may_send()
    assert not environ.asked
    lock.preempt()
    assert environ.asked
    assert "ann on " in str(store.record)
    lock.release()


def test_the_name_of_a_record() -> None:
    """Account, region, cluster and app make the name; a cluster's ARN counts as its name."""
    assert record_key(SPEC, CALLER) == KEY
    assert record_key(replace(SPEC, cluster="arn:aws:ecs:eu-west-1:123456789012:cluster/prod"), CALLER) == KEY
    nobody = replace(CALLER, account=UNKNOWN_ACCOUNT)
    assert record_key(replace(SPEC, account="123456789012"), nobody) == KEY
    with pytest.raises(NeedsPersonError, match="account"):
        record_key(SPEC, nobody)


def test_where_it_is_kept(tmp_path: Path, clock: SystemClock) -> None:
    """Each kind of store is asked for the record by that name."""
    canned = Canned({
        "s3:GetObject": {"ETag": "x", "Body": lock_text(HELD).encode()},
        "dynamodb:GetItem": {"Item": {"Record": {"S": lock_text(HELD)}}},
    })  # fmt: skip
    stores = (
        LockSpec(kind=StoreKind.S3, place="team-state", prefix="teal"),
        LockSpec(kind=StoreKind.S3, place="team-state"),
        LockSpec(kind=StoreKind.DYNAMODB, place="teal-locks"),
    )
    for store in stores:
        lock = app_lock(replace(SPEC, lock=store), lambda _: canned, tmp_path, clock)
        assert lock is not None
        assert "ann on host-of-ann" in lock.holder(CALLER)
    assert [params["Key"] for _, params in canned.asked] == [
        f"teal/{KEY}.json",
        f"{KEY}.json",
        {"LockID": {"S": KEY}},
    ]
    assert app_lock(SPEC, lambda _: canned, tmp_path, clock) is None


def test_a_lock_in_a_directory(tmp_path: Path, clock: SystemClock) -> None:
    """A directory is meant beside the configuration; breaking a lock there names whose it was, once."""
    spec = replace(SPEC, lock=LockSpec(kind=StoreKind.FILE, place="locks"))
    lock = app_lock(spec, lambda _: Canned(), tmp_path, clock)
    assert lock is not None
    assert lock.holder(CALLER) == ""
    assert lock.open_store(CALLER).write(HELD, None)
    assert (tmp_path / "locks" / f"{KEY}.json").exists()
    assert "ann on host-of-ann" in lock.holder(CALLER)
    assert "ann on host-of-ann" in lock.unlock(CALLER)
    assert lock.holder(CALLER) == lock.unlock(CALLER) == ""


def test_a_store_that_cannot_be_read(tmp_path: Path, clock: SystemClock) -> None:
    """A status screen does not fail for want of the lock: the holder is unknown, and why."""
    spec = replace(SPEC, lock=LockSpec(kind=StoreKind.FILE, place="locks"))
    (tmp_path / "locks").write_text("no directory")
    lock = app_lock(spec, lambda _: Canned(), tmp_path, clock)
    assert lock is not None
    assert lock.holder(CALLER).startswith("unknown: the lock file ")
