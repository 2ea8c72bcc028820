"""Durations (`90s`, `2m`, `1h30m`, `24h`, `0s`) and shift steps (`5% for 2m`, `100%`)."""

import re
from itertools import pairwise

from teal.model.spec import ShiftStep

DURATION = r"(?=[0-9])(?:[0-9]{1,5}h)?(?:[0-9]{1,5}m)?(?:[0-9]{1,6}s)?"
STEP = r"[0-9]{1,3}%(?: +for +" + DURATION + ")?"

_DURATION = re.compile(r"(?=[0-9])(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?")
_STEP = re.compile(r"([0-9]+)%(?: +for +(.+))?")
_WHOLE_PERCENT = 100


def duration_s(text: str) -> float:
    """Return the seconds that a duration of the form `DURATION` says."""
    match = _DURATION.fullmatch(text)
    if not match:
        raise ValueError(text)
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return float(hours * 3600 + minutes * 60 + seconds)


def duration_text(seconds: float) -> str:
    """Return the shortest duration text of whole `seconds`."""
    hours, rest = divmod(int(seconds), 3600)
    minutes, left = divmod(rest, 60)
    parts = ((hours, "h"), (minutes, "m"), (left, "s"))
    return "".join(f"{count}{unit}" for count, unit in parts if count) or "0s"


def shift_steps(texts: list[str]) -> tuple[ShiftStep, ...] | str:
    """Return the steps, each of the form `STEP`, or what is wrong with them together."""
    steps = tuple(_shift_step(text) for text in texts)
    percents = [step.percent for step in steps]
    if percents[-1:] != [_WHOLE_PERCENT]:
        return "the last step must be 100%"
    if percents[0] == 0 or any(after <= before for before, after in pairwise(percents)):
        return "each step must be more than the one before, the first at least 1%"
    if steps[-1].hold_s:
        return "the last step, 100%, takes no 'for'; `bake` says how long to watch it"
    if any(not step.hold_s for step in steps[:-1]):
        return "each step before 100% needs 'for' and a duration, e.g. 5% for 2m"
    return steps


def _shift_step(text: str) -> ShiftStep:
    match = _STEP.fullmatch(text)
    if not match:
        raise ValueError(text)
    return ShiftStep(percent=int(match[1]), hold_s=duration_s(match[2]) if match[2] else 0.0)
