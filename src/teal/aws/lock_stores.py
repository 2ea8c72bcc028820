"""The record of a lock in S3 or DynamoDB: read whole, written under a condition.

S3 compares the ETag of the object (`If-Match`), or asks that there is none (`If-None-Match: *`). DynamoDB compares the
record's nonce. Both read what was last written.
"""

from collections.abc import Mapping
from typing import Any

from teal.aws.call import Caller, ask
from teal.aws.fields import Fields
from teal.errors import AwsError, NotFoundError, UnknownAnswerError
from teal.model.lock import BY_HAND, LockRecord, lock_from, lock_text
from teal.ports import Kept

TABLE_KEY = "LockID"  # as Terraform names it, so that its lock table serves as well
_BODY, _NONCE = "Record", "Nonce"
# What S3 answers to a condition that does not hold; NoSuchKey, where the object to be replaced is gone.
_NOT_FIRST = frozenset({"PreconditionFailed", "NoSuchKey", "ConditionalCheckFailedException"})


class S3LockStore:
    """A record as an object.

    Args:
        caller: calls the account that has the bucket.
        bucket: its name.
        key: the object's key.
    """

    def __init__(self, caller: Caller, bucket: str, key: str) -> None:
        self._caller = caller
        self._at: Mapping[str, str] = {"Bucket": bucket, "Key": key}

    def read(self) -> Kept | None:
        """Return what is there now; None where there is nothing."""
        try:
            answer = ask(self._caller, "s3", "GetObject", self._at)
        except NotFoundError as error:
            if error.code == "NoSuchKey":
                return None
            raise
        return Kept(record=_record(answer.data.get("Body"), answer), version=answer.text("ETag"))

    def write(self, record: LockRecord, over: str | None) -> str | None:
        """Write if the version there is still `over`; return the new version, or None where somebody was first."""
        condition = {"IfNoneMatch": "*"} if over is None else {"IfMatch": over}
        params: dict[str, Any] = {**self._at, **condition, "ContentType": "application/json"}
        try:
            return ask(self._caller, "s3", "PutObject", {**params, "Body": lock_text(record).encode()}).text("ETag")
        except AwsError as error:
            if somebody_was_first(error):
                return None
            raise


class DynamoLockStore:
    """A record as an item of a table whose partition key is the text `LockID`.

    Args:
        caller: calls the account that has the table.
        table: its name.
        key: the item's key.
    """

    def __init__(self, caller: Caller, table: str, key: str) -> None:
        self._caller = caller
        self._table = table
        self._key = {TABLE_KEY: {"S": key}}

    def read(self) -> Kept | None:
        """Return what is there now; None where there is nothing."""
        params = {"TableName": self._table, "Key": self._key, "ConsistentRead": True}
        answer = ask(self._caller, "dynamodb", "GetItem", params)
        item: Mapping[str, Mapping[str, object]] | None = answer.data.get("Item")
        if item is None:
            return None
        record = _record(item.get(_BODY, {}).get("S"), answer)
        return Kept(record=record, version=record.nonce)

    def write(self, record: LockRecord, over: str | None) -> str | None:
        """Write if the version there is still `over`; return the new version, or None where somebody was first."""
        item = {**self._key, _BODY: {"S": lock_text(record)}, _NONCE: {"S": record.nonce}}
        params: dict[str, Any] = {"TableName": self._table, "Item": item}
        if over is None:
            params |= {"ConditionExpression": "attribute_not_exists(#key)"}
            params |= {"ExpressionAttributeNames": {"#key": TABLE_KEY}}
        else:
            params |= {"ConditionExpression": "#nonce = :over", "ExpressionAttributeNames": {"#nonce": _NONCE}}
            params |= {"ExpressionAttributeValues": {":over": {"S": over}}}
        try:
            ask(self._caller, "dynamodb", "PutItem", params)
        except AwsError as error:
            if somebody_was_first(error):
                return None
            raise
        return record.nonce


def somebody_was_first(error: AwsError) -> bool:
    """Say whether this is the answer to a condition that did not hold."""
    return error.code in _NOT_FIRST


def _record(body: object, answer: Fields) -> LockRecord:
    """Return the record of a body.

    Raises:
        UnknownAnswerError: it is none.
    """
    if not isinstance(body, str | bytes):
        raise answer.unknown("there is no record in the answer")
    try:
        return lock_from(body)
    except ValueError as error:  # msgspec's errors are ValueErrors
        message = f"the lock's record cannot be read: {error}"
        raise UnknownAnswerError(message, code="UnknownRecord", operation=answer.operation, hint=BY_HAND) from error
