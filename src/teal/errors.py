"""Everything that can stop a run, and the exit code that says so.

    TealError                     1   unexpected
    ├── UsageError                2   the command line or the configuration is wrong, or a preflight check failed
    │   └── ConfigError           2   every mistake of the configuration, each with its position
    ├── CredentialError           3   no credentials, expired credentials, or not permitted
    ├── WentBackError             4   this run ended by going back; production is fine
    ├── NeedsPersonError          5   something that teal must not decide alone
    │   └── LabError              5   the lab cannot start, answer or stop
    ├── BusyError                 6   another move is under way, or the lock is held
    ├── DriftError                7   reality was changed by somebody else, or the content was rolled back before
    ├── DeadlineError           124   `--timeout` ended the run; nothing was put back
    ├── StoppedError            130   a signal; safe and resumable
    └── AwsError                      an answer of AWS that is not a result
        ├── RefusedError          5   AWS refuses, and asking again will not help
        ├── NotFoundError         5   the thing asked for is not there
        ├── TransientError        5   throttled, 5xx, timed out: asking again may help
        └── UnknownAnswerError    5   an answer without the fields it must have: unknown, never "nothing"

An error message says what broke and why. `hint` is the next command or the place to look.
"""


class TealError(Exception):
    """The root of the tree.

    Args:
        message: what broke, and why, in one or two sentences.
        hint: what to do next; empty when the message says it all.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(TealError):
    """The command line, the configuration or a preflight check is wrong; nothing was touched."""

    exit_code = 2


class ConfigError(UsageError):
    """All mistakes of the configuration at once, one `file:line:col: key.path: …` each."""

    def __init__(self, mistakes: tuple[str, ...], *, hint: str = "") -> None:
        super().__init__("\n".join(mistakes), hint=hint)
        self.mistakes = mistakes


class CredentialError(TealError):
    """No credentials, expired credentials, or AWS does not permit the call."""

    exit_code = 3


class WentBackError(TealError):
    """This run of `deploy` or `flip` ended by going back; `from` serves production."""

    exit_code = 4


class NeedsPersonError(TealError):
    """Something that teal must not decide alone."""

    exit_code = 5


class LabError(NeedsPersonError):
    """The lab cannot start, answer or stop."""


class BusyError(TealError):
    """Another move is under way."""

    exit_code = 6


class LostLockError(BusyError):
    """Somebody else has the lock that this run had."""

    def __init__(self, new_holder: str, *, seen: str = "") -> None:
        found = f"{seen}; " if seen else ""
        super().__init__(f"{found}the lock was lost to {new_holder}; nothing more is written", hint="see `teal status`")


class DriftError(TealError):
    """Somebody else changed what teal was about to write, or the content was rolled back before."""

    exit_code = 7


class DeadlineError(TealError):
    """`--timeout` ended the run; nothing was put back."""

    exit_code = 124


class StoppedError(TealError):
    """A signal ended the run in a safe, resumable state."""

    exit_code = 130


class AwsError(TealError):
    """An answer of AWS that is not a result.

    Args:
        message: AWS's message, control characters stripped.
        code: AWS's error code, e.g. `PriorityInUse`.
        operation: the operation asked for, e.g. `elbv2:ModifyRule`.
        request_id: AWS's id of the request, for support.
        hint: what to do next.
    """

    exit_code = 5

    def __init__(self, message: str, *, code: str, operation: str, request_id: str = "", hint: str = "") -> None:
        super().__init__(f"{operation}: {code}: {message}", hint=hint)
        self.code = code
        self.operation = operation
        self.request_id = request_id


class RefusedError(AwsError):
    """AWS refuses, and asking again will not help."""


class NotFoundError(AwsError):
    """The thing asked for is not there."""


class TransientError(AwsError):
    """Throttled, 5xx or timed out: asking again may help."""


class UnknownAnswerError(AwsError):
    """An answer without the fields it must have. It means *unknown*, never *there is nothing*."""
