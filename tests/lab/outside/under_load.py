"""Requests to a town while something happens in it, counted by the load client as a process of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lab.outside.town import PORT, Town

Counts = dict[str, Any]
_LONGEST_S = 180
_FINISH_S = 60.0


@contextmanager
def load(town: Town, *words: str) -> Iterator[Counts]:
    """Send requests while the body runs; at its end the counts are there."""
    counts: Counts = {}
    url = f"http://{town.host}:{PORT}/"
    command = [sys.executable, "-m", "teal.lab.load", url, "--duration", str(_LONGEST_S), *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sender:
        try:
            assert sender.stdout is not None
            sender.stdout.readline()  # the first count: requests are on their way
            yield counts
            sender.terminate()
            told, _ = sender.communicate(timeout=_FINISH_S)
        finally:
            sender.kill()
    last = json.loads(told.splitlines()[-1])
    assert last["final"]
    counts.update(last)
