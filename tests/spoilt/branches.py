"""Branches: a process that splits in two where a story could go on in two ways, and hears how the other way ended.

A command that is under way cannot be copied, with its generators and botocore's clients; its process can. So the calls
before the one that is spoiled are made once for all that may become of it.
"""

import json
import os
import select
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NoReturn

LONGEST_S = 300.0  # of real time, for one branch


@dataclass(slots=True, kw_only=True)
class Branches:
    """The branches of this process, so many at a time; `ended` is what each of them told."""

    at_once: int
    ended: dict[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    _living: dict[int, tuple[str, int]] = field(default_factory=dict[int, tuple[str, int]])  # by pipe: name and pid
    _pipe: int = -1

    def begin(self, name: str) -> bool:
        """Begin a branch; True in the branch, False where the story goes on."""
        while len(self._living) >= self.at_once:
            self._hear()
        theirs, ours = os.pipe()
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            os.close(theirs)
            self._living.clear()
            self._pipe = ours
            return True
        os.close(ours)
        self._living[theirs] = (name, pid)
        return False

    def tell(self, result: Mapping[str, Any]) -> NoReturn:
        """End this branch with its result; where nobody listens any more, without."""
        with suppress(BrokenPipeError), os.fdopen(self._pipe, "w") as pipe:
            pipe.write(json.dumps(result))
        os._exit(0)

    def join(self) -> None:
        """Wait for all that are under way."""
        while self._living:
            self._hear()

    def _hear(self) -> None:
        """Wait until a branch has ended; one that does not end is ended."""
        ready, _, _ = select.select(list(self._living), [], [], LONGEST_S)
        for pipe in ready or list(self._living):
            name, pid = self._living.pop(pipe)
            if not ready:
                os.kill(pid, signal.SIGKILL)
            with os.fdopen(pipe) as told:
                text = told.read()
            os.waitpid(pid, 0)
            self.ended[name] = json.loads(text) if text else {"problem": "ended without a word"}
