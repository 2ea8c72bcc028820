"""What the runs of an app told, in S3 or DynamoDB, for colleagues on other machines. A run is put whole, and anew.

S3 lists names in ascending order. To have the newest first, a name begins with the seconds that are left until the year
2286. A table for locks has no sort key; so the runs of an app are numbered by a counter beside them, which is raised
under a condition as a lock's record is replaced. An item holds 400 KB at most: a longer story goes on in further ones.

Nothing is deleted here. A lifecycle rule of the bucket, and the table's time to live, do that.
"""

from datetime import UTC, datetime
from functools import partial
from typing import Any

from teal.aws.call import Caller, ask
from teal.aws.fields import Fields
from teal.aws.lock_stores import TABLE_KEY, somebody_was_first
from teal.errors import AwsError, BusyError, NotFoundError
from teal.model.event import RunStarted
from teal.ports import Gather

RUNS_MOST = 100  # are read at once
KEPT_DAYS = 90
PIECE_BYTES = 300_000
PIECES_MOST = 32
_RACES_MOST = 5
_FAR_S = 10**10
_RUNS, _LINES, _MORE, _EXPIRES = "Runs", "Lines", "More", "Expires"


class S3JournalStore:
    """Runs as objects.

    Args:
        caller: calls the account that has the bucket.
        bucket: its name.
        folder: what the keys of the app's runs begin with.
        gather: makes several reads at once.
    """

    def __init__(self, caller: Caller, bucket: str, folder: str, gather: Gather) -> None:
        self._caller = caller
        self._bucket = bucket
        self._folder = folder
        self._gather = gather

    def put(self, started: RunStarted, lines: str) -> None:
        """Put all lines that a run has told so far."""
        began = datetime.fromtimestamp(started.at_s, UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
        key = f"{self._folder}/{_FAR_S - int(started.at_s):010d}-{began}-{started.run_id}.jsonl"
        params = {"Bucket": self._bucket, "Key": key, "Body": lines.encode(), "ContentType": "application/x-ndjson"}
        ask(self._caller, "s3", "PutObject", params)

    def newest(self, runs: int) -> tuple[bytes, ...]:
        """Return the lines of each of the newest runs."""
        params = {"Bucket": self._bucket, "Prefix": f"{self._folder}/", "MaxKeys": min(runs, RUNS_MOST)}
        found = ask(self._caller, "s3", "ListObjectsV2", params).parts_or_none("Contents")
        return tuple(self._gather([partial(self._lines, each.text("Key")) for each in found]))

    def _lines(self, key: str) -> bytes:
        try:
            answer = ask(self._caller, "s3", "GetObject", {"Bucket": self._bucket, "Key": key})
        except NotFoundError:
            return b""  # its time was over between the two calls
        return _bytes(answer, answer.data.get("Body"))


class DynamoJournalStore:
    """Runs as items of a table whose partition key is the text `LockID`. An instance puts one run.

    Args:
        caller: calls the account that has the table.
        table: its name.
        folder: what the keys of the app's runs begin with; under it is the counter.
        gather: makes several reads at once.
    """

    def __init__(self, caller: Caller, table: str, folder: str, gather: Gather) -> None:
        self._caller = caller
        self._table = table
        self._folder = folder
        self._gather = gather
        self._number = 0
        self._full = 0  # so many pieces do not change any more

    def put(self, started: RunStarted, lines: str) -> None:
        """Put all lines that a run has told so far; of one that is too long the beginning."""
        self._number = self._number or self._next()
        pieces = [lines[at : at + PIECE_BYTES] for at in range(0, len(lines), PIECE_BYTES)][:PIECES_MOST]
        expires = {_EXPIRES: {"N": str(int(started.at_s) + KEPT_DAYS * 86400)}}
        for index in range(self._full, len(pieces)):
            more = {_MORE: {"BOOL": index + 1 < len(pieces)}}
            self._put(self._key(self._number, index), {_LINES: {"S": pieces[index]}, **more, **expires})
            self._full = index

    def newest(self, runs: int) -> tuple[bytes, ...]:
        """Return the lines of each of the newest runs."""
        last = self._count()
        first = max(1, last + 1 - min(runs, RUNS_MOST))
        return tuple(self._gather([partial(self._lines, number) for number in range(first, last + 1)]))

    def _lines(self, number: int) -> bytes:
        found = b""
        for index in range(PIECES_MOST):
            piece = self._item(self._key(number, index))
            if piece is None:
                break
            found += _bytes(piece, piece.part(_LINES).data.get("S"))
            if not piece.part_or_empty(_MORE).flag("BOOL"):
                break
        return found

    def _next(self) -> int:
        """Return a number that no other run has.

        Raises:
            BusyError: too many runs ask for one.
        """
        for _ in range(_RACES_MOST):
            was = self._count()
            condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(#runs)"}
            if was:
                condition = {"ConditionExpression": "#runs = :was"}
                condition |= {"ExpressionAttributeValues": {":was": {"N": str(was)}}}
            try:
                self._put(
                    self._folder, {_RUNS: {"N": str(was + 1)}}, ExpressionAttributeNames={"#runs": _RUNS}, **condition
                )
            except AwsError as error:
                if not somebody_was_first(error):
                    raise
            else:
                return was + 1
        raise BusyError("too many runs begin at once to be numbered")

    def _count(self) -> int:
        item = self._item(self._folder)
        text = item.part(_RUNS).text("N") if item is not None else "0"
        if item is not None and not text.isdecimal():
            raise item.unknown(f"{text!r} is no number of runs")
        return int(text)

    def _item(self, key: str) -> Fields | None:
        params = {"TableName": self._table, "Key": {TABLE_KEY: {"S": key}}, "ConsistentRead": True}
        answer = ask(self._caller, "dynamodb", "GetItem", params)
        return answer.part("Item") if answer.has("Item") else None

    def _put(self, key: str, fields: dict[str, Any], **condition: object) -> None:
        item = {TABLE_KEY: {"S": key}, **fields}
        ask(self._caller, "dynamodb", "PutItem", {"TableName": self._table, "Item": item, **condition})

    def _key(self, number: int, piece: int) -> str:
        return f"{self._folder}/{number}" + (f"/{piece}" if piece else "")


def _bytes(answer: Fields, body: object) -> bytes:
    """Return the body of an answer.

    Raises:
        UnknownAnswerError: there is none.
    """
    if isinstance(body, str):
        return body.encode()
    if not isinstance(body, bytes):
        raise answer.unknown("there are no lines in the answer")
    return body
