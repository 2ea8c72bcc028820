"""The stores of a lock, each against a server that was not written here."""

from collections.abc import Callable
from typing import Any

import pytest

from aws.canned import Canned
from locks import owner
from teal.aws.client import BotocoreCaller
from teal.aws.lock_stores import DynamoLockStore, S3LockStore
from teal.errors import NotFoundError, TransientError, UnknownAnswerError
from teal.model.lock import LockRecord, lock_text
from teal.ports import Kept, LockStore

FIRST = LockRecord(epoch=1, nonce="t.1", owner=owner("ann"))
SECOND = LockRecord(epoch=2, nonce="t.2", owner=owner("bob"))
Open = Callable[[BotocoreCaller, str], LockStore]
STORES: dict[str, Open] = {
    "s3": lambda caller, key: S3LockStore(caller, "team-state", key),
    "dynamodb": lambda caller, key: DynamoLockStore(caller, "teal-locks", key),
}


@pytest.mark.parametrize("kind", STORES)
def test_compare_and_replace(aws: BotocoreCaller, kind: str) -> None:
    """A record is written over exactly the version that was read, or over nothing; otherwise nothing changes."""
    store = STORES[kind](aws, "1/eu-west-1/prod/shop.json")
    assert store.read() is None
    version = store.write(FIRST, None)
    assert version
    assert store.write(SECOND, None) is None
    assert store.read() == Kept(record=FIRST, version=version)
    newer = store.write(SECOND, version)
    assert newer
    assert newer != version
    assert store.write(FIRST, version) is None
    assert store.read() == Kept(record=SECOND, version=newer)


@pytest.mark.parametrize("kind", STORES)
def test_the_version_of_a_record_that_is_gone(aws: BotocoreCaller, kind: str) -> None:
    """A record that somebody deleted is not written over."""
    assert STORES[kind](aws, "gone").write(SECOND, '"0123456789abcdef0123456789abcdef"') is None


@pytest.mark.parametrize("kind", STORES)
def test_no_store(aws: BotocoreCaller, kind: str) -> None:
    """A bucket or table that is not there is an error, never a free lock."""
    store: LockStore = DynamoLockStore(aws, "nobody-has-it", "k")
    if kind == "s3":
        store = S3LockStore(aws, "nobody-has-it", "k")
    with pytest.raises(NotFoundError):
        store.read()
    with pytest.raises(NotFoundError):
        store.write(FIRST, None)


ANSWERS: dict[str, tuple[str, dict[str, Any]]] = {
    "s3 without a body": ("s3:GetObject", {"ETag": "x"}),
    "s3 with another body": ("s3:GetObject", {"ETag": "x", "Body": b"<html>"}),
    "s3 without a version": ("s3:GetObject", {"Body": lock_text(FIRST).encode()}),
    "dynamodb with another item": ("dynamodb:GetItem", {"Item": {"LockID": {"S": "k"}}}),
    "dynamodb with another record": ("dynamodb:GetItem", {"Item": {"Record": {"S": "{}"}}}),
}


@pytest.mark.parametrize(("name", "answer"), ANSWERS.values(), ids=ANSWERS)
def test_what_is_no_record(name: str, answer: dict[str, Any]) -> None:
    """An answer that holds no record is unknown, never a free lock."""
    canned = Canned({name: answer})
    store = S3LockStore(canned, "b", "k") if name.startswith("s3") else DynamoLockStore(canned, "t", "k")
    with pytest.raises(UnknownAnswerError):
        store.read()


def test_an_error_is_no_condition() -> None:
    """A store that is busy has not said that somebody else was first."""
    error = TransientError("slow down", code="SlowDown", operation="any")
    canned = Canned({"s3:PutObject": error, "dynamodb:PutItem": error})
    for store in (S3LockStore(canned, "b", "k"), DynamoLockStore(canned, "t", "k")):
        with pytest.raises(TransientError):
            store.write(FIRST, None)


def test_what_was_written_last_is_read() -> None:
    """DynamoDB is asked for it: without that a read may lag, and a lock that is held would look free."""
    canned = Canned({"dynamodb:GetItem": {}})
    assert DynamoLockStore(canned, "t", "k").read() is None
    assert [params["ConsistentRead"] for params in canned.sent("dynamodb:GetItem")] == [True]
