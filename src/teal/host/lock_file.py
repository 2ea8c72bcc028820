"""The record of a lock in a file, for labs and for people who share one computer.

Two processes compare and replace one after the other, under a lock of the system's on a file beside the record. The
system gives that lock back when its process ends, however it ends. The record itself is replaced whole, by a rename.
"""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from teal.errors import TransientError, UnknownAnswerError, UsageError
from teal.model.lock import BY_HAND, LockRecord, lock_from, lock_text
from teal.ports import Clock, Kept

_PATIENCE_S = 5.0
_RETRY_S = 0.01
_OPERATION = "file:lock"


class FileLockStore:
    """A record as a file.

    Args:
        path: the file; directories above it are made.
        clock: says when patience with other processes ends.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    def read(self) -> Kept | None:
        """Return what is there now; None where there is nothing."""
        with _told(self._path):
            try:
                body = self._path.read_bytes()
            except FileNotFoundError:
                return None
        try:
            record = lock_from(body)
        except ValueError as error:  # msgspec's errors are ValueErrors
            message = f"{self._path} cannot be read: {error}"
            raise UnknownAnswerError(message, code="UnknownRecord", operation=_OPERATION, hint=BY_HAND) from error
        return Kept(record=record, version=record.nonce)

    def write(self, record: LockRecord, over: str | None) -> str | None:
        """Write if the version there is still `over`; return the new version, or None where somebody was first."""
        with _told(self._path), self._alone():
            there = self.read()
            if (there.version if there is not None else None) != over:
                return None
            draft = self._path.with_name(f"{self._path.name}.{os.getpid()}")
            with draft.open("wb") as file:
                file.write(lock_text(record).encode())
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        return record.nonce

    @contextmanager
    def _alone(self) -> Generator[None]:
        """Keep other processes out.

        Raises:
            TransientError: another one does not get ready.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        until_s = self._clock.now_s() + _PATIENCE_S
        with self._path.with_name(f"{self._path.name}.guard").open("ab") as guard:
            while not _locked(guard.fileno()):
                if self._clock.now_s() > until_s:
                    raise TransientError(f"{self._path} is in use", code="InUse", operation=_OPERATION)
                self._clock.sleep(_RETRY_S)
            yield


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _told(path: Path) -> Generator[None]:
    """Tell what the system has against a file in words of ours."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"the lock file {path}: {error.strerror or error}", hint="see `lock:` in teal.yaml") from error
