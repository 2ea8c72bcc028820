"""How a command that cannot go on says so: what broke, the next command, AWS's request id; a traceback on request."""

import json
import traceback

from teal.cli.desk import Desk
from teal.errors import AwsError, ConfigError, TealError

UNEXPECTED = 1
INTERRUPTED = 130


def failed(desk: Desk, error: Exception) -> int:
    """Tell an error and return the exit code that says it."""
    code = error.exit_code if isinstance(error, TealError) else UNEXPECTED
    if desk.flags.output != "table":
        desk.data(json.dumps(_document(desk, error, code), ensure_ascii=False))
    for line in _lines(error):
        desk.say(line)
    if desk.flags.debug:
        desk.say("".join(traceback.format_exception(error)).rstrip())
    return code


def interrupted(desk: Desk) -> int:
    """Tell that somebody pressed Ctrl-C while nothing was under way, and return the exit code."""
    desk.say("stopped. Run the same command again to go on; `teal status` says where things stand.")
    return INTERRUPTED


def _lines(error: Exception) -> list[str]:
    if not isinstance(error, TealError):
        return [f"unexpected {type(error).__name__}: {error}; run again with --debug for the traceback"]
    lines = [error.message] if isinstance(error, ConfigError) else [f"error: {error.message}"]
    if error.hint:
        lines.append(f"hint: {error.hint}")
    if isinstance(error, AwsError) and error.request_id:
        lines.append(f"AWS request id: {error.request_id}")
    return lines


def _document(desk: Desk, error: Exception, code: int) -> dict[str, object]:
    hint = error.hint if isinstance(error, TealError) else ""
    request_id = error.request_id if isinstance(error, AwsError) else ""
    told = {"type": type(error).__name__, "message": str(error), "hint": hint, "request_id": request_id}
    return {"schema": 1, "command": desk.command, "exit_code": code, "error": told}
