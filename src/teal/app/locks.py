"""The lock of an app: its store, opened where the configuration says, and what can be done with it outside a run."""

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from teal.aws.call import Caller as Aws
from teal.aws.lock_stores import DynamoLockStore, S3LockStore
from teal.errors import NeedsPersonError
from teal.host.clock import SystemClock
from teal.host.lock import Heartbeat, Keeper, Who
from teal.host.lock_file import FileLockStore
from teal.host.owner import life_of, this_process
from teal.model.identity import Caller
from teal.model.spec import LockSpec, Spec, StoreKind
from teal.ports import LockStore

TOKEN_BYTES = 8
UNKNOWN_ACCOUNT = "unknown"  # what a way back goes on with when nobody says whose credentials it has


def record_key(spec: Spec, caller: Caller) -> str:
    """Return the name of an app's record, which no other app of any account, region or cluster has.

    Raises:
        NeedsPersonError: the account is not known.
    """
    account = caller.account if caller.account != UNKNOWN_ACCOUNT else spec.account
    if not account:
        raise NeedsPersonError("it is not known in which account the lock is", hint="set `account:` in teal.yaml")
    return "/".join((account, caller.region, spec.cluster.rpartition("/")[2], spec.app))


def opened(lock: LockSpec, key: str, aws: Callable[[], Aws], directory: Path, clock: SystemClock) -> LockStore:
    """Return the record `key` of a store.

    Args:
        lock: what the configuration says of the store.
        key: the name of the record.
        aws: returns what calls the account that has the bucket or the table.
        directory: what the path of a file is relative to.
        clock: the clock of this computer.
    """
    match lock.kind:
        case StoreKind.S3:
            return S3LockStore(aws(), lock.place, "/".join(filter(None, (lock.prefix, f"{key}.json"))))
        case StoreKind.DYNAMODB:
            return DynamoLockStore(aws(), lock.place, key)
        case StoreKind.FILE:
            return FileLockStore(directory / lock.place / f"{key}.json", clock)


def keeper(open_store: Callable[[Caller], LockStore], clock: SystemClock, environ: Mapping[str, str]) -> Keeper:
    """Return the lock of one run of this process."""
    me = this_process(environ)
    who = Who(owner=me, token=new_token(), life=lambda owner: life_of(owner, me))
    return Keeper(open_store, clock, who, Heartbeat())


def new_token() -> str:
    """Return a text that no other process has."""
    return secrets.token_hex(TOKEN_BYTES)
