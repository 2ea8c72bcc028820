"""What goes wrong in a lab on purpose, and what happened there, as lines."""

from collections.abc import Mapping
from typing import Any

from teal.model.text import clean
from teal.report.wording import table

View = Mapping[str, Any]

_COMMON = frozenset({"number", "kind", "seed", "hits", "began_at", "ends_at"})
_LONGEST = (8, 16, 60, 12, 20, 24)
_SUBJECT = 28


def fault_lines(view: View) -> list[str]:
    """Return a fault that has just begun, and how it ends."""
    until = "until mended" if view["ends_at"] is None else f"until {view['ends_at']}"
    about = _about(view)
    return [
        f"fault {view['number']}: {view['kind']}{f' {about}' if about else ''}, seed {view['seed']}, {until}",
        f"`teal lab mend {view['number']}` ends it",
    ]


def faults_lines(view: View) -> list[str]:
    """Return the faults at work, or those that have just ended, a line for each."""
    if not view["faults"]:
        return ["no fault was at work" if view.get("ended") else "no fault is at work"]
    rows = [
        (
            str(each["number"]),
            each["kind"],
            _about(each) or "everything",
            f"seed {each['seed']}",
            each["ends_at"] or "until mended",
            "" if each["hits"] is None else f"{each['hits']} hits",
        )
        for each in view["faults"]
    ]
    return [*(["ended:"] if view.get("ended") else []), *table(rows, _LONGEST)]


def event_line(event: View) -> str:
    """Return one event: number, time of day, who tells it, about what, and what happened."""
    where = f"{event['number']:>6} {event['at'][11:23]} {event['source']:<7} {event['subject']:<{_SUBJECT}}"
    return clean(f"{where} {event['message']}".rstrip())


def _about(fault: View) -> str:
    """Return what a fault is about: whatever is neither common to all nor the usual."""
    own = {key: value for key, value in fault.items() if key not in _COMMON and value not in {None, "*", False}}
    return " ".join(f"{_word(key)}={_plain(value)}" for key, value in own.items())


def _word(key: str) -> str:
    return key.removesuffix("_s").removesuffix("_percent")


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
