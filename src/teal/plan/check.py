"""The answer to one preflight question."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question, its answer, and what to do about it.

    `bad` stops a deployment before anything is touched; `exit_code` is the process's then.
    """

    name: str
    state: Literal["ok", "note", "bad"]
    message: str
    hint: str = ""
    exit_code: int = 2
