"""What a plan comes to: steps, nothing to do, or a refusal with its reason."""

from dataclasses import dataclass

from teal.model.step import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """Do these, the first now; the rest is what will follow if nothing changes.

    `ends` is what is true, in one sentence, when all are done; `warnings` name what the plan costs, e.g. the rollback
    that it ends.
    """

    steps: tuple[Step, ...]
    ends: str
    exit_code: int = 0
    warnings: tuple[str, ...] = ()
    settles: bool = False  # finishes what was interrupted, before what is asked now is decided


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """Nothing (more) to do."""

    message: str
    exit_code: int = 0
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Not done, and why. `exit_code` is the process's."""

    exit_code: int
    message: str
    hint: str = ""


Decision = Steps | Finished | Refused
