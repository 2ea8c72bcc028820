"""Journal lines, folded to one record per run."""

from collections.abc import Iterable, Mapping
from typing import Any

from teal.report.wording import duration, instant

_OPEN = "killed, or still under way"


def history_view(lines: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return one record per run, in the order of the journal.

    A line belongs to the run that it names, and to the run that started last where it names none.
    """
    runs: dict[str, dict[str, Any]] = {}
    latest = ""
    for line in lines:
        if line.get("event") == "RunStarted":
            latest = str(line.get("run_id", len(runs)))
            runs[latest] = _begun(line)
        run = runs.get(str(line.get("run") or line.get("run_id") or latest))
        if run is not None:
            _tell(run, line)
    return {"runs": list(runs.values())}


def _begun(line: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "run_id": line.get("run_id", ""),
        "started_at": instant(line.get("at_s", 0.0)),
        "command": line.get("command", ""),
        "caller": line.get("caller", ""),
        "exit_code": None,
        "outcome": "not ended",
        "message": _OPEN,
        "took": "",
        "serving": "",
        "steps": 0,
    }


def _tell(run: dict[str, Any], line: Mapping[str, Any]) -> None:
    if line.get("event") == "StepBegan" and run["exit_code"] is None:
        run["message"] = f"{_OPEN}, at: {line.get('step', {}).get('sentence', 'a step')}"
    if line.get("event") == "StepEnded":
        run["steps"] += 1
    if line.get("event") == "RunEnded":
        run["exit_code"] = line.get("exit_code")
        run["outcome"] = str(line.get("exit_code"))
        run["message"] = line.get("message", "")
        run["took"] = duration(line.get("took_s", 0.0))
        run["serving"] = line.get("serving", "")
