"""The screens: views in, lines out, at most 80 columns wide where the content allows it.

Whatever a view holds is text to show, never markup; colour is put around whole words after they have been measured.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from teal.report.paint import Paint
from teal.report.wording import WIDTH, ago, clip, duration, pad, plural, table, width, wrapped

View = Mapping[str, Any]

_ROLE_COLOURS = {"blue": "blue", "green": "green", "live": "bold"}
_SLOT_INDENT = 8
_LONGEST_IMAGE = 26


def status_lines(view: View, paint: Paint) -> list[str]:
    """Return where things stand, in one screen."""
    return [
        *_place_lines(view, paint),
        "",
        *(line for slot in view["slots"] for line in _slot_lines(slot, paint)),
        "",
        *_route_lines(view["routes"]),
        "",
        *wrapped("stage", _stage(view)),
        *_rollback_lines(view, paint),
        *_retire_lines(view["retire"]),
        *(wrapped("lock", f"held by {view['lock']}") if view.get("lock") else []),
        *(wrapped("pending", view["unfinished"]) if view["unfinished"] else ()),
        *wrapped("next", f"{view['next_command']}: {view['next']['does']}"),
    ]


def plan_lines(view: View, paint: Paint) -> list[str]:
    """Return what would be done, for a person to approve."""
    return [
        *_place_lines(view, paint),
        f"by {view['caller']}",
        "",
        *(line for slot in view["slots"] for line in _slot_lines(slot, paint)),
        "",
        *_route_lines(view["routes"]),
        *wrapped("now", view["meaning"]),
        *_difference_lines(view["task_definition"], paint),
        "",
        *_decision_lines(view, paint),
    ]


def check_lines(view: View, paint: Paint) -> list[str]:
    """Return the answers of the preflight, and their sum."""
    marks = {"ok": paint("green", "ok  "), "note": paint("yellow", "note"), "bad": paint("red", "bad ")}
    lines: list[str] = []
    for check in view["checks"]:
        lines.append(f"{marks[check['state']]}  {check['name']}: {check['message']}")
        if check["hint"]:
            lines.append(f"      hint: {check['hint']}")
    bad = sum(check["state"] == "bad" for check in view["checks"])
    total = plural(len(view["checks"]), "check")
    return [*lines, f"{total}, {bad} bad: a deployment would not start" if bad else f"{total}, none bad"]


def taste_lines(view: View) -> list[str]:
    """Return how each slot is tasted: a request to copy."""
    lines: list[str] = []
    for slot in view["slots"]:
        header = f" -H '{slot['header']}: {slot['secret']}'" if slot["header"] else ""
        lines.append(f"slot {slot['slot']}  curl{header} {slot['url']}")
    return lines or ["no taste route: `teal deploy` makes them"]


def history_lines(runs: Sequence[View]) -> list[str]:
    """Return one line per run, newest last."""
    rows = [
        (
            run["started_at"],
            run["command"],
            run["outcome"],
            run["took"],
            run["caller"].rpartition("/")[2],
            run["message"],
        )
        for run in runs
    ]
    if not rows:
        return ["no runs on record on this machine"]
    return table([("started", "command", "exit", "took", "by", "outcome"), *rows], (20, 24, 11, 14, 16, 100))


def field_lines(view: View) -> list[str]:
    """Return one line per field; a list takes a line per item."""
    lines: list[str] = []
    for name, value in view.items():
        items = list(cast("Sequence[Any]", value)) if isinstance(value, list) else [value]
        lines += [pad(name if not index else "", 12) + str(item) for index, item in enumerate(items) if item != {}]
    return lines


def _place_lines(view: View, paint: Paint) -> list[str]:
    where = f"{view['account']} · {view['region']} · cluster {view['cluster']}" + (" · lab" if view["lab"] else "")
    name = view["app"]
    return [f"{paint('bold', name)}  {clip(where, WIDTH - width(name) - 2)}", f"as of {view['taken_at']}"]


def _slot_lines(slot: View, paint: Paint) -> list[str]:
    roles = slot["roles"] or ["-"]
    shown = ", ".join(paint(_ROLE_COLOURS[role], role) if role in _ROLE_COLOURS else role for role in roles)
    gap = " " * max(1, 14 - len(", ".join(roles)))
    outcome = _outcome(slot["deployment"])
    room = WIDTH - _SLOT_INDENT - 14 - len(outcome) - 2
    first = f"slot {slot['slot']}  {shown}{gap}{pad(slot['service'], room)}  {outcome}".rstrip()
    return [first, " " * _SLOT_INDENT + clip(_content(slot), WIDTH - _SLOT_INDENT)]


def _outcome(deployment: View | None) -> str:
    if deployment is None:
        return ""
    return {"served": "served", "back": "taken back"}.get(deployment["outcome"], "in progress")


def _content(slot: View) -> str:
    if not slot["exists"]:
        return "no service yet"
    parts = [
        ", ".join(slot["revisions"]),
        ", ".join(short_image(image) for image in slot["images"]),
        f"tasks {slot['tasks_running']}/{slot['tasks_desired']}",
        f"healthy {slot['targets_healthy']}/{slot['targets_total']}",
    ]
    return " · ".join(part for part in parts if part)


def short_image(image: str) -> str:
    """Return an image without its registry, a digest by its first 8 digits."""
    name, _, digest = image.rpartition("/")[2].partition("@")
    return clip(name, _LONGEST_IMAGE) + (f"@{digest.partition(':')[2][:8]}" if digest else "")


def _route_lines(routes: Sequence[View]) -> list[str]:
    rows = [(pad(clip(f"route {route['route']}", 48), 48), _weights(route)) for route in routes]
    lines = table(rows, (48, WIDTH - 50)) if rows else []
    drifts = [line for route in routes if route["drift"] for line in wrapped("", f"drift: {route['drift']}", indent=2)]
    return [*lines, *drifts]


def _weights(route: View) -> str:
    if route["weights"] is None:
        return "no rule yet"
    return ", ".join(f"{weight} % → slot {slot}" for slot, weight in route["weights"].items() if weight) or "no slot"


def _stage(view: View) -> str:
    move = view["move"]
    if move is None:
        return str(view["meaning"])
    way = f"{move['from'] or 'nothing'} → {move['to']}"
    return f"{move['stage']}, {ago(move['age_s'])} (move {way}): {view['meaning']}"


def _rollback_lines(view: View, paint: Paint) -> list[str]:
    rollback = view["rollback"]
    if rollback is None and not any(route["weights"] for route in view["routes"]):
        return wrapped("rollback", "nothing to go back to: no production rule yet")
    if rollback is None:
        return wrapped(
            "rollback", "unknown: no slot has all the traffic; `teal rollback` goes where the move came from"
        )
    counted = f"{rollback['healthy']} of {rollback['wanted']} healthy"
    if rollback["ready"]:
        return wrapped(
            "rollback", f"{paint('green', 'ready')}: slot {rollback['to']}, {rollback['revision']}, {counted}"
        )
    target = f" (slot {rollback['to']}, {rollback['revision']}, {counted})" if rollback["revision"] else ""
    return wrapped("rollback", f"{paint('yellow', 'not ready')}{target}: {'; '.join(rollback['reasons'])}")


def _retire_lines(retire: View | None) -> list[str]:
    if retire is None:
        return []
    if retire["retired"]:
        return wrapped("retire", f"slot {retire['slot']} is retired: a rollback to it needs a deployment")
    due = f"due since {retire['due_at']}" if retire["due"] else f"due in {duration(retire['in_s'])}"
    return wrapped("retire", f"slot {retire['slot']}: {due} (keep_warm); nothing happens by itself")


def _difference_lines(difference: View | None, paint: Paint) -> list[str]:
    if difference is None or difference["serving"] is None:
        return []
    lines = [f"task definition {difference['family']}, compared with {difference['serving']}:"]
    for change in difference["changes"]:
        path, before, after = change["path"], change["before"], change["after"]
        if before is None:
            lines.append(paint("green", f"  + {path}: {after}"))
        elif after is None:
            lines.append(paint("red", f"  - {path}: {before}"))
        else:
            lines.append(paint("yellow", f"  ~ {path}: {before} → {after}"))
    return ["", *lines] if difference["changes"] else ["", f"{lines[0]} nothing changes"]


def _decision_lines(view: View, paint: Paint) -> list[str]:
    if view["decision"] != "steps":
        verb = "refused: " if view["decision"] == "refused" else ""
        return [f"{verb}{view['message']}", *([f"hint: {view['hint']}"] if view["hint"] else [])]
    return [
        *(paint("yellow", f"warning: {warning}") for warning in view["warnings"]),
        f"{plural(len(view['steps']), 'step')}:",
        *(f"{step['number']:>3}. {step['sentence']}" for step in view["steps"]),
        f"then: {view['message']}",
    ]
