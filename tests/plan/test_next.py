"""`status` says what is unfinished and what to type next; and what it says to type works."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from lives import on, state
from plan.test_command_table import SCENES, scene
from region import Stage
from teal.model.run import Abort, Deploy, Flip, Intent, Rollback
from teal.plan.readiness import readiness
from teal.plan.situation import classify
from teal.report.paint import Paint
from teal.report.text import status_lines
from teal.report.views import status_view

TYPED: Mapping[str, Intent] = {
    "teal deploy": Deploy(),
    "teal deploy --again": Deploy(again=True),
    "teal flip": Flip(),
    "teal flip --again": Flip(again=True),
    "teal rollback": Rollback(),
    "teal abort": Abort(),
}
HERE = [name for name in SCENES if name != "bare"]


def status(play: Stage) -> Mapping[str, Any]:
    """Return where an app stands, as `status -o json` says it."""
    found = play.look()
    situation = classify(play.spec, found)
    ready = readiness(play.spec, found, situation.live) if situation.live else None
    view: Mapping[str, Any] = json.loads(json.dumps(status_view(play.spec, found, situation, ready, play.region.now_s)))
    return view


@pytest.mark.parametrize("name", HERE)
def test_status_says_what_is_unfinished_and_what_comes_next(name: str) -> None:
    """Text and JSON say the same: what is pending, unless the app is at rest, and the next command with its effect."""
    view = status(scene(name))
    text = " ".join(" ".join(status_lines(view, Paint())).split())
    assert bool(view["unfinished"]) is (view["row"] not in {1, 18, 20})
    assert f"next {' or '.join(view['next']['commands'])}: {view['next']['does']}" in text
    assert (f"pending {view['unfinished']}" in text) is bool(view["unfinished"])


@pytest.mark.parametrize("name", HERE)
def test_what_status_says_to_type_works(name: str) -> None:
    """Each command that is named comes to a good end: exit 0, at rest."""
    for command in status(scene(name))["next"]["commands"]:
        here = on(scene(name), "3")
        ended = here.run(TYPED[command])
        assert (ended.exit_code, state(here).row in {1, 18, 20}) == (0, True), (command, ended)


def test_a_retired_slot_is_said_to_need_a_deployment() -> None:
    """After `retire`, status says that the way back is gone and what brings it again."""
    view = status(scene("retired"))
    text = " ".join(" ".join(status_lines(view, Paint())).split())
    assert "retire slot a is retired: a rollback to it needs a deployment" in text
    assert "rollback not ready" in text
    assert (view["retire"]["retired"], view["rollback"]["ready"], view["attention"]) == (True, False, 5)
