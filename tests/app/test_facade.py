"""The façade: how an app opens, and what it adds to a run."""

from dataclasses import replace
from pathlib import Path

import pytest

from execute.disturbing import served_twice
from journals import MemoryJournalStore
from region_files import SERVICE, TASKDEF, TEAL_YAML
from teal.app.facade import App, Options, open_app
from teal.app.journals import AppJournal
from teal.host.clock import SystemClock
from teal.model.event import Noted, RunEnded
from teal.model.run import Rollback


def test_an_app_opens_where_nobody_has_a_home(tmp_path: Path) -> None:
    """Without HOME and XDG_STATE_HOME there is no journal, and everything else: a rollback needs neither."""
    route = "  - {load_balancer: shop, listener: 80, priority: 20}"
    (tmp_path / "teal.yaml").write_text(TEAL_YAML % (route, "all_at_once", "10m"))
    (tmp_path / "taskdef.json").write_text(TASKDEF)
    (tmp_path / "service.json").write_text(SERVICE)
    app = open_app(Options(config=tmp_path / "teal.yaml"), {}, clock=SystemClock())
    assert (app.spec.app, app.history(3)) == ("shop", ([], ""))


@pytest.mark.parametrize("down", [False, True])
def test_what_the_store_has_against_the_journal(tmp_path: Path, *, down: bool) -> None:
    """A rollback is right without the journal's store; the note of it comes once, before the end, which stays last."""
    play = served_twice(tmp_path)
    store = MemoryJournalStore(down=down)
    journal = AppJournal(tmp_path / "own.jsonl", lambda _: store)
    app = App(play.spec, replace(play.ports(), journal=journal), timeout_s=None, calls={}, journal=journal)
    events = list(app.run(Rollback(), command="rollback", approve=lambda _plan, _seen: False))
    assert isinstance(events[-1], RunEnded)
    assert (events[-1].exit_code, events[-1].hint) == (0, "")
    notes = [event.message for event in events if isinstance(event, Noted) and "journal" in event.message]
    assert (len(notes), len(store.runs)) == ((1, 0) if down else (0, 1))
    assert isinstance(events[-2], Noted) is down
    lines, missing = app.history(1)
    assert (lines[-1]["event"], bool(missing)) == ("RunEnded", down)
