"""The last lines of a container, as `teal.ports.Logs`. They help to say why green did not come up; never more."""

from teal.aws.call import Caller, ask
from teal.errors import AwsError, CredentialError


class CloudWatchLogs:
    """CloudWatch Logs through a caller."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def last_lines(self, group: str, stream: str, count: int) -> tuple[str, ...]:
        """Return the last lines of a log stream, oldest first; empty where there is none or it may not be read."""
        params = {"logGroupName": group, "logStreamName": stream, "limit": count, "startFromHead": False}
        try:
            answer = ask(self._caller, "logs", "GetLogEvents", params)
            return tuple(event.text_or("message").rstrip() for event in answer.parts("events"))[-count:]
        except (AwsError, CredentialError):
            return ()
