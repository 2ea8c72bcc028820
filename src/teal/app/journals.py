"""Where the story of an app is kept: beside the lock's record where a store is configured, else with this user.

A directory is appended to. To a bucket or a table a run's lines are carried by a mirror; before that they are on this
machine's disk, as without a store, so that no run waits for one.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from teal.app.locks import record_key
from teal.aws.call import Caller as Aws
from teal.aws.journal_stores import DynamoJournalStore, S3JournalStore
from teal.errors import TealError
from teal.host.journal import FileJournal, Line, NoJournal, last_runs, parsed, read_lines
from teal.host.mirror import Mirror
from teal.model.event import Event, RunStarted
from teal.model.identity import Caller
from teal.model.spec import LockSpec, Spec, StoreKind
from teal.ports import Gather, Journal, JournalStore

Place = Path | JournalStore
PlaceOf = Callable[[Caller], Place]


def shared_journal(
    spec: Spec, aws: Callable[[LockSpec], Aws], directory: Path, gather: Gather
) -> PlaceOf | None:  # fmt: skip
    """Return what finds the journal beside the lock's record; None where no store is configured.

    Args:
        spec: what is configured.
        aws: returns what calls the account that has the bucket or the table.
        directory: what the path of a file is relative to.
        gather: makes several reads at once.
    """
    lock = spec.lock
    if lock is None:
        return None

    def place(caller: Caller) -> Place:
        key = record_key(spec, caller)
        match lock.kind:
            case StoreKind.S3:
                # All journals of a bucket under one prefix, for one lifecycle rule that spares the records of locks.
                folder = "/".join(filter(None, (lock.prefix, "journal", key)))
                return S3JournalStore(aws(lock), lock.place, folder, gather)
            case StoreKind.DYNAMODB:
                return DynamoJournalStore(aws(lock), lock.place, f"journal/{key}", gather)
            case StoreKind.FILE:
                return directory / lock.place / f"{key}.jsonl"

    return place


class AppJournal:
    """The journal of an app, as one process writes and reads it.

    Args:
        own: this user's file; None where nobody has a home.
        shared: finds the journal beside the lock's record, once it is known whose account it is.
    """

    def __init__(self, own: Path | None, shared: PlaceOf | None = None) -> None:
        self._own = own
        self._shared = shared
        self._file: Journal = NoJournal()
        self._mirror: Mirror | None = None
        self._problem = ""

    def append(self, event: Event) -> None:
        """Write an event durably on this machine, and let it be carried to the store."""
        if isinstance(event, RunStarted):
            self._open(event)
        if self._mirror is not None:
            self._mirror.append(event)
        self._file.append(event)

    def finish(self) -> str:
        """Wait a little for the store; return why others may not read of this run, empty when they can."""
        problem = self._mirror.finish() if self._mirror is not None else self._problem
        return f"the journal was kept on this machine only: {problem}" if problem else ""

    def history(self, caller: Callable[[], Caller], runs: int) -> tuple[list[dict[str, Any]], str]:
        """Return the lines of the last runs, oldest first, and why those of other machines are missing.

        Args:
            caller: says whose account it is; asked where the journal is shared.
            runs: how many.
        """
        tellings = [read_lines(self._own)] if self._own is not None else []
        problem = ""
        if self._shared is not None:
            try:
                tellings += _read(self._shared(caller()), runs)
            except (TealError, OSError) as error:
                problem = f"only what this machine knows; the shared journal cannot be read: {error}"
        return [dict(line) for run in last_runs(tellings, runs) for line in run], problem

    def _open(self, started: RunStarted) -> None:
        self._file = FileJournal(self._own) if self._own is not None else NoJournal()
        self._mirror, self._problem = None, ""
        if self._shared is None:
            return
        try:
            place = self._shared(Caller(account=started.account, arn=started.caller, region=started.region))
        except TealError as error:
            self._problem = error.message
            return
        if isinstance(place, Path):
            self._file = FileJournal(place, shared=True)
        else:
            self._mirror = Mirror(started, place)


def _read(place: Place, runs: int) -> Sequence[tuple[Line, ...]]:
    if isinstance(place, Path):
        return [read_lines(place)]
    return [parsed(lines) for lines in place.newest(runs)]
