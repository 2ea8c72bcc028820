"""The mirror: what a run told is carried to a store, and nobody waits for it."""

from journals import SOON_S, MemoryJournalStore, ended, started
from teal.host.journal import parsed
from teal.host.mirror import LINES_BYTES, Mirror
from teal.model.event import Noted

NEVER_S = 3600.0
AT_ONCE_S = 0.0001


def _names(store: MemoryJournalStore, run: str) -> list[str]:
    return [line["event"] for line in parsed(store.runs[run].encode())]


def test_a_whole_run() -> None:
    """A run that ends soon is put once, whole, with its end."""
    store = MemoryJournalStore()
    mirror = Mirror(store=store, started=started("r1"), every_s=NEVER_S)
    for event in (started("r1"), Noted(at_s=2.0, message="on"), ended()):
        mirror.append(event)
    assert mirror.finish(SOON_S) == ""
    assert (_names(store, "r1"), store.puts) == (["RunStarted", "Noted", "RunEnded"], 1)
    assert {line["run"] for line in parsed(store.runs["r1"].encode())} == {"r1"}


def test_a_killed_run() -> None:
    """Of a run that never ends there is what was put last; without news nothing is put again."""
    store = MemoryJournalStore()
    mirror = Mirror(store=store, started=started("r1"), every_s=AT_ONCE_S)
    mirror.append(started("r1"))
    assert store.was_put.wait(SOON_S)
    assert _names(store, "r1") == ["RunStarted"]
    assert mirror.finish(SOON_S) == ""
    assert store.puts == 1


def test_a_store_that_fails() -> None:
    """A store that failed last is told; what it missed is put with the next lines, and then nothing is told."""
    store = MemoryJournalStore(down=True)
    mirror = Mirror(store=store, started=started("r1"), every_s=NEVER_S)
    mirror.append(ended())
    assert "nobody answers" in mirror.finish(SOON_S)
    store = MemoryJournalStore(down=True)
    mirror = Mirror(store=store, started=started("r1"), every_s=AT_ONCE_S)
    mirror.append(started("r1"))
    assert store.has_failed.wait(SOON_S)
    store.down = False
    mirror.append(ended())
    assert mirror.finish(SOON_S) == ""
    assert _names(store, "r1") == ["RunStarted", "RunEnded"]


def test_a_store_that_hangs() -> None:
    """A store that does not answer is left to itself, and that is told."""
    store = MemoryJournalStore()
    store.open.clear()
    mirror = Mirror(store=store, started=started("r1"), every_s=NEVER_S)
    mirror.append(ended())
    assert "no answer within 0.01 s" in mirror.finish(0.01)
    store.open.set()
    assert mirror.finish(SOON_S) == ""


def test_an_endless_run() -> None:
    """Of a run that tells too much the beginning is carried, and its end."""
    store = MemoryJournalStore()
    mirror = Mirror(store=store, started=started("r1"), every_s=NEVER_S)
    mirror.append(started("r1"))
    for halvings in range(24):
        mirror.append(Noted(at_s=2.0, message="x" * (LINES_BYTES >> halvings)))
    mirror.append(ended())
    assert mirror.finish(SOON_S) == ""
    assert LINES_BYTES - 100 < len(store.runs["r1"]) < LINES_BYTES + 1000
    names = _names(store, "r1")
    assert (names[0], names[-1]) == ("RunStarted", "RunEnded")
