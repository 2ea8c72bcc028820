"""The lock of an app: its store, opened where the configuration says, and what can be done with it outside a run."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from teal.aws.call import Caller as Aws
from teal.aws.lock_stores import DynamoLockStore, S3LockStore
from teal.errors import NeedsPersonError, TealError
from teal.host.breaking import break_lock
from teal.host.clock import SystemClock
from teal.host.heartbeat import Heartbeat
from teal.host.lock import Keeper, Who
from teal.host.lock_file import FileLockStore
from teal.host.owner import life_of, this_process
from teal.model.identity import Caller
from teal.model.spec import LockSpec, Spec, StoreKind
from teal.ports import LockStore

TOKEN_BYTES = 8
UNKNOWN_ACCOUNT = "unknown"  # what a way back goes on with when nobody says whose credentials it has


@dataclass(frozen=True, slots=True, kw_only=True)
class AppLock:
    """The lock of an app. `open_store` finds its record; `wait_s` is how long a run waits for somebody else's."""

    open_store: Callable[[Caller], LockStore]
    wait_s: float = 0.0

    def holder(self, caller: Caller) -> str:
        """Say who holds the lock; empty where it is free."""
        try:
            kept = self.open_store(caller).read()
        except TealError as error:
            return f"unknown: {error.message}"
        return str(kept.record) if kept is not None and kept.record.writers else ""

    def unlock(self, caller: Caller) -> str:
        """Break the lock; return whose it was, empty where it was free."""
        was = break_lock(self.open_store(caller), new_token())
        return str(was) if was is not None else ""


def app_lock(spec: Spec, aws: Callable[[LockSpec], Aws], directory: Path, clock: SystemClock) -> AppLock | None:
    """Return the lock that the configuration names; None where it names none."""
    lock = spec.lock
    if lock is None:
        return None
    return AppLock(
        open_store=lambda caller: opened(lock, record_key(spec, caller), lambda: aws(lock), directory, clock)
    )  # fmt: skip


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
    me = cache(lambda: this_process(environ))
    who = Who(owner=me, token=new_token(), life=lambda owner: life_of(owner, me()))
    return Keeper(open_store, clock, who, Heartbeat())


def new_token() -> str:
    """Return a text that no other process has."""
    return secrets.token_hex(TOKEN_BYTES)
