"""Breaking a lock by hand: for whoever knows that its holder is gone."""

from teal.errors import BusyError
from teal.model.lock import LockRecord
from teal.plan.lease import broken
from teal.ports import LockStore

RACES_MOST = 5


def break_lock(store: LockStore, nonce: str) -> LockRecord | None:
    """Free a lock whoever holds it; return its record as it was, or None where it was free.

    Raises:
        BusyError: it changes hands too fast.
    """
    for _ in range(RACES_MOST):
        kept = store.read()
        if kept is None or not kept.record.writers:
            return None
        if store.write(broken(kept.record, nonce), kept.version) is not None:
            return kept.record
    raise BusyError("the lock changes hands faster than it can be broken", hint="run the command again")
