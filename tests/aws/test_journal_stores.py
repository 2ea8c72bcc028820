"""The stores of journals, each against a server that was not written here."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from aws.canned import Canned
from teal.aws.call import Caller, in_turn
from teal.aws.client import BotocoreCaller
from teal.aws.journal_stores import KEPT_DAYS, PIECE_BYTES, RUNS_MOST, DynamoJournalStore, S3JournalStore
from teal.errors import BusyError, NotFoundError, RefusedError, UnknownAnswerError
from teal.model.event import RunStarted
from teal.ports import JournalStore

Open = Callable[[Caller, str], JournalStore]
STORES: dict[str, Open] = {
    "s3": lambda caller, folder: S3JournalStore(caller, "team-state", folder, in_turn),
    "dynamodb": lambda caller, folder: DynamoJournalStore(caller, "teal-locks", folder, in_turn),
}
BEGAN_S = 1_800_000_000.0


def _run(number: int) -> RunStarted:
    return RunStarted(
        at_s=BEGAN_S + number, command="deploy", app="shop", account="1", region="r", caller="arn", run_id=f"d{number}"
    )


@dataclass(slots=True)
class Heard:
    """A caller whose calls are counted, and kept."""

    caller: BotocoreCaller
    counts: Counter[str] = field(default_factory=Counter[str])
    last: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def call(self, service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Count, and call."""
        self.counts[operation] += 1
        self.last = params
        return self.caller.call(service, operation, params)


@pytest.mark.parametrize("kind", STORES)
def test_the_newest_runs(aws: BotocoreCaller, kind: str) -> None:
    """Of many runs those that began last are read, each as it was put last, and nobody else's."""
    assert STORES[kind](aws, "journal/1").newest(3) == ()
    for number in range(12):
        store = STORES[kind](aws, "journal/1")
        store.put(_run(number), f"{number} begins\n")
        store.put(_run(number), f"{number} begins\n{number} ends\n")
    STORES[kind](aws, "journal/10").put(_run(99), "another app\n")
    found = STORES[kind](aws, "journal/1").newest(3)
    assert sorted(found) == [b"10 begins\n10 ends\n", b"11 begins\n11 ends\n", b"9 begins\n9 ends\n"]
    assert len(STORES[kind](aws, "journal/1").newest(50)) == 12


@pytest.mark.parametrize(("kind", "most"), [("s3", RUNS_MOST + 1), ("dynamodb", RUNS_MOST + 1)])
def test_the_requests_of_a_reader_are_bounded(aws: BotocoreCaller, kind: str, most: int) -> None:
    """However many runs there are and are asked for: one request for which, and one for each of a hundred at most."""
    for number in range(RUNS_MOST + 5):
        STORES[kind](aws, "journal/many").put(_run(number), f"{number}\n")
    heard = Heard(caller=aws)
    found = STORES[kind](heard, "journal/many").newest(10**6)
    assert (len(found), heard.counts.total()) == (RUNS_MOST, most)
    assert {int(lines) for lines in found} == set(range(5, RUNS_MOST + 5))


@pytest.mark.parametrize("kind", STORES)
def test_a_long_run(aws: BotocoreCaller, kind: str) -> None:
    """A run of more than an item of DynamoDB can hold is read whole."""
    lines = "".join(f"line {number}\n" for number in range(3 * PIECE_BYTES // 10))
    store = STORES[kind](aws, "journal/long")
    for end in (10, PIECE_BYTES, PIECE_BYTES + 1, len(lines)):
        store.put(_run(1), lines[:end])
        assert STORES[kind](aws, "journal/long").newest(1) == (lines[:end].encode(),)


def test_what_is_there_is_not_put_again(aws: BotocoreCaller) -> None:
    """Of a long run in DynamoDB only the pieces that changed are put; they say when they may go."""
    heard = Heard(caller=aws)
    store = STORES["dynamodb"](heard, "journal/pieces")
    store.put(_run(1), "x" * (2 * PIECE_BYTES + 1))
    heard.counts.clear()
    store.put(_run(1), "x" * (2 * PIECE_BYTES + 9))
    assert heard.counts == {"PutItem": 1}
    assert heard.last["Item"]["Expires"] == {"N": str(int(BEGAN_S) + 1 + KEPT_DAYS * 86400)}


def test_a_run_that_is_cut_short(aws: BotocoreCaller) -> None:
    """A run whose later piece is not there yet is read as far as it goes, and so is one whose counter alone is."""
    store = STORES["dynamodb"](aws, "journal/cut")
    store.put(_run(1), "x" * (2 * PIECE_BYTES))
    aws.call("dynamodb", "DeleteItem", {"TableName": "teal-locks", "Key": {"LockID": {"S": "journal/cut/1/1"}}})
    assert store.newest(1) == (b"x" * PIECE_BYTES,)
    aws.call("dynamodb", "DeleteItem", {"TableName": "teal-locks", "Key": {"LockID": {"S": "journal/cut/1"}}})
    assert store.newest(1) == (b"",)


def test_an_object_whose_time_is_over() -> None:
    """An object that is gone between the list and the read hides no other."""

    def read(params: Mapping[str, Any]) -> dict[str, Any]:
        if params["Key"] == "gone":
            raise NotFoundError("no such key", code="NoSuchKey", operation="s3:GetObject")
        return {"Body": b"there\n"}

    canned = Canned({"s3:ListObjectsV2": {"Contents": [{"Key": "gone"}, {"Key": "there"}]}, "s3:GetObject": read})
    assert STORES["s3"](canned, "journal/1").newest(2) == (b"", b"there\n")


def _first(taken: int) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Return a table in which somebody else is first so often."""
    left = [taken]

    def put(params: Mapping[str, Any]) -> dict[str, Any]:
        left[0] -= "ConditionExpression" in params
        if left[0] >= 0 and "ConditionExpression" in params:
            raise RefusedError("no", code="ConditionalCheckFailedException", operation="dynamodb:PutItem")
        return {}

    return put


def test_numbers_are_raced_for() -> None:
    """Who loses a race for a number takes another one; who loses five gives up, and nothing is put."""
    count = {"Item": {"Runs": {"N": "7"}}}
    canned = Canned({"dynamodb:GetItem": count, "dynamodb:PutItem": _first(4)})
    STORES["dynamodb"](canned, "j").put(_run(1), "x\n")
    assert canned.sent("dynamodb:PutItem")[-1]["Item"]["LockID"] == {"S": "j/8"}
    canned = replace(canned, answers={**canned.answers, "dynamodb:PutItem": _first(5)}, asked=[])
    with pytest.raises(BusyError):
        STORES["dynamodb"](canned, "j").put(_run(1), "x\n")
    assert len(canned.sent("dynamodb:PutItem")) == 5


def test_an_error_is_no_race() -> None:
    """A table that refuses has not said that somebody else was first."""
    error = RefusedError("no", code="ResourceInUse", operation="dynamodb:PutItem")
    canned = Canned({"dynamodb:GetItem": {}, "dynamodb:PutItem": error})
    with pytest.raises(RefusedError):
        STORES["dynamodb"](canned, "j").put(_run(1), "x\n")
    assert len(canned.sent("dynamodb:PutItem")) == 1


@pytest.mark.parametrize("kind", STORES)
def test_no_store(aws: BotocoreCaller, kind: str) -> None:
    """A bucket or table that is not there is an error, never an empty journal."""
    store: JournalStore = DynamoJournalStore(aws, "nobody-has-it", "k", in_turn)
    if kind == "s3":
        store = S3JournalStore(aws, "nobody-has-it", "k", in_turn)
    with pytest.raises(NotFoundError):
        store.newest(1)
    with pytest.raises(NotFoundError):
        store.put(_run(1), "x\n")


ANSWERS: dict[str, tuple[str, dict[str, Any]]] = {
    "an object without a body": ("s3", {"s3:ListObjectsV2": {"Contents": [{"Key": "k"}]}, "s3:GetObject": {}}),
    "an object without a key": ("s3", {"s3:ListObjectsV2": {"Contents": [{}]}}),
    "a counter that does not count": ("dynamodb", {"dynamodb:GetItem": {"Item": {"Runs": {"N": "many"}}}}),
    "an item without lines": ("dynamodb", {"dynamodb:GetItem": {"Item": {"Runs": {"N": "1"}}}}),
}


@pytest.mark.parametrize(("kind", "answers"), ANSWERS.values(), ids=ANSWERS)
def test_what_is_no_journal(kind: str, answers: dict[str, Any]) -> None:
    """An answer without the fields it must have is unknown, never an empty journal."""
    with pytest.raises(UnknownAnswerError):
        STORES[kind](Canned(answers), "j").newest(1)
