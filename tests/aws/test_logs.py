"""The last lines of a log stream, and silence where there are none."""

from typing import Any

import pytest

from aws.canned import Canned
from teal.aws.logs import CloudWatchLogs
from teal.errors import CredentialError, NotFoundError, TransientError

ANSWERS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "lines": (
        {"events": [{"message": "one\n"}, {"message": "\x1b[31mtwo"}, {"message": "three"}]},
        ("[31mtwo", "three"),
    ),
    "no lines": ({"events": []}, ()),
    "garbled": ({}, ()),
    "no stream": (NotFoundError("x", code="ResourceNotFoundException", operation="logs:GetLogEvents"), ()),
    "throttled": (TransientError("x", code="ThrottlingException", operation="logs:GetLogEvents"), ()),
    "not permitted": (CredentialError("no"), ()),
}


@pytest.mark.parametrize(("answer", "lines"), ANSWERS.values(), ids=ANSWERS)
def test_last_lines(answer: Any, lines: tuple[str, ...]) -> None:  # noqa: ANN401 - a canned answer
    """Lines are cleaned, the last come last; whatever goes wrong means no lines."""
    assert CloudWatchLogs(Canned({"logs:GetLogEvents": answer})).last_lines("/ecs/web", "web/web/1", 2) == lines
