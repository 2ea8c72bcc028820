"""Views and events to the two streams, in the kind of output that was asked for."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from teal.cli.desk import Desk
from teal.cli.door import UseCases
from teal.model.decision import Decision
from teal.model.event import Event, RunEnded, RunStarted, event_json
from teal.model.run import Intent
from teal.model.snapshot import Snapshot
from teal.report.gameday import event_line, fault_lines, faults_lines
from teal.report.history import history_view
from teal.report.paint import Paint
from teal.report.story import Story
from teal.report.text import check_lines, field_lines, history_lines, plan_lines, status_lines, taste_lines
from teal.report.views import check_view, plan_view, taste_view

SCHEMA = 1

View = Mapping[str, Any]


def _same(view: View) -> View:
    return view


# Each screen: the view of its material, and the lines of its view.
SCREENS: Mapping[str, tuple[Callable[..., View], Callable[[View, Paint], list[str]]]] = {
    "status": (_same, status_lines),
    "plan": (plan_view, plan_lines),
    "check": (check_view, check_lines),
    "history": (history_view, lambda view, _: history_lines(view["runs"])),
    "taste": (taste_view, lambda view, _: taste_lines(view)),
    "fault": (_same, lambda view, _: fault_lines(view)),
    "faults": (_same, lambda view, _: faults_lines(view)),
    "event": (_same, lambda view, _: [event_line(view)]),
    "events": (_same, lambda view, _: [event_line(each) for each in view["events"]]),
    "fields": (_same, lambda view, _: field_lines(view)),
    "message": (_same, lambda view, _: [str(view["message"])]),
}


def show(desk: Desk, screen: str, *material: object) -> View:
    """Give material: as its screen, or as one versioned JSON document. Return its view."""
    to_view, to_lines = SCREENS[screen]
    view = to_view(*material)
    if desk.flags.output == "table":
        desk.data("\n".join(to_lines(view, Paint(desk.colour(err=False)))))
    else:
        document = {"schema": SCHEMA, "command": desk.command, **view}
        desk.data(_json(document, indent=2 if desk.flags.output == "json" else None))
    return view


def follow(desk: Desk, app: UseCases, intent: Intent, *, asks: bool) -> int:
    """Run an intent; tell each event as it comes. Without an end there was no success."""
    question = asks and not desk.flags.yes
    story = Story(paint=Paint(desk.colour(err=True)), planned=not question, full_dates=not desk.door.terminal_err)
    approve = _asking(desk, app) if question else _granted
    code, told, run_id = 1, list[dict[str, Any]](), ""
    for event in app.run(intent, command=desk.command, approve=approve):
        run_id = event.run_id if isinstance(event, RunStarted) else run_id
        told.append(event_json(event, run_id))
        _tell(desk, story, event, told[-1])
        code = event.exit_code if isinstance(event, RunEnded) else code
    if desk.flags.output == "json":
        document = {"schema": SCHEMA, "command": desk.command, "exit_code": code, "events": told}
        desk.data(_json(document, indent=2))
    return code


def _tell(desk: Desk, story: Story, event: Event, as_json: Mapping[str, Any]) -> None:
    if desk.flags.output == "jsonl":
        desk.data(_json(as_json))
        return
    lines = story.lines(event)
    if not lines:
        return
    if isinstance(event, RunEnded) and desk.flags.output == "table":
        desk.data("\n".join(lines))
        return
    desk.say("\n".join(lines))


def _granted(_decision: Decision, _snapshot: Snapshot) -> bool:
    return True


def _asking(desk: Desk, app: UseCases) -> Callable[[Decision, Snapshot], bool]:
    def approve(decision: Decision, snapshot: Snapshot) -> bool:
        view = plan_view(app.spec, decision, snapshot)
        desk.say("\n".join(plan_lines(view, Paint(desk.colour(err=True)))))
        return desk.door.confirm("Do this?")

    return approve


def _json(value: object, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent, default=str)
