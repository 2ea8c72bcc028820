"""What a run's journal says, carried to where colleagues read it: by a thread of its own, for nobody waits for a store.

Nothing can be appended there, so the run's lines are put whole, again and again: seldom, and once more at the end. A
run that is killed leaves there what was put last. What fails is put with the next lines; only the last failure counts.
"""

from threading import Event as Signal
from threading import Thread

from teal.errors import TealError
from teal.model.event import Event, RunEnded, RunStarted, event_line
from teal.ports import JournalStore

EVERY_S = 5.0  # also the least age of a run before anything is put: a rollback's writes come before it
PATIENCE_S = 2.0
LINES_BYTES = 4 * 1024 * 1024  # of one run; its own machine has the rest


class Mirror:
    """Carries one run's lines to a store.

    Args:
        started: the run's first event.
        store: where to.
        every_s: how long it rests between two times.
    """

    def __init__(self, started: RunStarted, store: JournalStore, every_s: float = EVERY_S) -> None:
        self._started = started
        self._store = store
        self._every_s = every_s
        self._text = ""
        self._problem = ""
        self._over = Signal()
        self._thread = Thread(target=self._carry, name="journal", daemon=True)  # hanging, it keeps no process alive
        self._thread.start()

    def append(self, event: Event) -> None:
        """Take a line along the next time."""
        line = event_line(event, self._started.run_id)
        if isinstance(event, RunEnded) or len(self._text) + len(line) < LINES_BYTES:
            self._text += line  # replaced whole: the thread reads either text

    def finish(self, patience_s: float = PATIENCE_S) -> str:
        """Put what is left, waiting so long at most; return what went wrong, empty when nothing did."""
        self._over.set()
        self._thread.join(patience_s)
        return f"no answer within {patience_s:g} s" if self._thread.is_alive() else self._problem

    def _carry(self) -> None:
        there, last = "", False
        while not last:
            last = self._over.wait(self._every_s)
            text = self._text
            if text == there:
                continue
            try:
                self._store.put(self._started, text)
                there, self._problem = text, ""
            except TealError as error:
                self._problem = error.message
