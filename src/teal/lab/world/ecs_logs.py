"""CloudWatch Logs, as far as the awslogs driver of ECS fills it.

A group begins to exist when it is made or a task with it is launched, a stream with the first line. Lines are numbered
from the first one on; a page token is such a number, so that a reader who comes back gets exactly what is new. A stream
keeps its last lines only, and all of them together keep `KEPT_BYTES`: then the stream that was written to longest ago
loses its oldest lines, and is gone with the last one.
"""

import re
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from teal.lab.world.ecs_model import EcsState, Json
from teal.lab.world.ground import Ground, Params
from teal.lab.world.wires import AwsRefusal, LogLines, not_simulated

LINES_KEPT = 10_000
KEPT_BYTES = 32 << 20
LINE_BYTES = 300  # what a line takes besides its text, about
STREAM_BYTES = 1000
PAGE_MOST = 10_000
STREAMS_MOST = 50
TERM = re.compile(r'([-?]?)(?:"((?:[^"\\]|\\.)*)"|(\S+))')


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a log."""

    number: int
    at_ms: int
    text: str
    event_id: str  # unique in the region: clients tell events apart by it


@dataclass(slots=True, kw_only=True)
class Stream:
    """One log stream."""

    name: str
    created_ms: int
    count: int = 0
    lines: deque[Line] = field(default_factory=deque[Line])


@dataclass(slots=True, kw_only=True)
class Group:
    """One log group."""

    created_ms: int
    streams: dict[str, Stream] = field(default_factory=dict[str, Stream])


@dataclass(slots=True, kw_only=True)
class Logs:
    """All log groups. A copy of the region shares them, for they may be large and nothing is ever changed in them."""

    ground: Ground
    groups: dict[str, Group] = field(default_factory=dict[str, Group])
    lines: int = 0  # written so far, to whatever stream
    kept_bytes: int = 0
    recent: dict[tuple[str, str], Stream] = field(default_factory=dict[tuple[str, str], Stream])  # by last write

    def __deepcopy__(self, _memo: object) -> "Logs":
        return self

    def take(self, state: EcsState, seen: LogLines, now_s: float) -> None:
        """Keep what a container wrote, if its log driver is awslogs."""
        task = state.task(seen.task_id)
        found = next((each for each in task.containers if each.name == seen.container), None) if task else None
        if found is None or found.log is None:
            return
        at_ms = int(now_s * 1000)
        stream = self._stream(found.log, at_ms)
        for text in seen.lines:
            self.lines += 1
            stream.lines.append(Line(stream.count, at_ms, text, f"{self.lines:056d}"))
            stream.count += 1
            self.kept_bytes += LINE_BYTES + len(text)
            if len(stream.lines) > LINES_KEPT:
                self._drop_line(stream)
        self._make_room()

    def _stream(self, where: tuple[str, str], at_ms: int) -> Stream:
        """Return a stream that is about to be written to."""
        stream = self.recent.pop(where, None)
        if stream is None:
            group, name = where
            stream = Stream(name=name, created_ms=at_ms)
            self.groups.setdefault(group, Group(created_ms=at_ms)).streams[name] = stream
            self.kept_bytes += STREAM_BYTES
        self.recent[where] = stream
        return stream

    def _make_room(self) -> None:
        while self.kept_bytes > KEPT_BYTES:
            (group, name), stream = next(iter(self.recent.items()))
            if stream.lines:
                self._drop_line(stream)
                continue
            del self.recent[group, name], self.groups[group].streams[name]
            self.kept_bytes -= STREAM_BYTES

    def _drop_line(self, stream: Stream) -> None:
        self.kept_bytes -= LINE_BYTES + len(stream.lines.popleft().text)

    def call(self, operation: str, params: Params, now_s: float) -> Json:
        """Answer one operation of the service `logs`."""
        match operation:
            case "CreateLogGroup":
                return self._create(params, now_s)
            case "GetLogEvents":
                return self._get(params)
            case "FilterLogEvents":
                return self._filter(params)
            case "DescribeLogGroups":
                return self._describe_groups(params)
            case "DescribeLogStreams":
                return self._describe_streams(params)
            case _:
                raise not_simulated(f"logs {operation}")

    def _create(self, params: Params, now_s: float) -> Json:
        name = str(params["logGroupName"])
        if name in self.groups:
            raise AwsRefusal("ResourceAlreadyExistsException", "The specified log group already exists")
        self.groups[name] = Group(created_ms=int(now_s * 1000))
        self.ground.tell(now_s, "logs", name, "log group created")
        return {}

    def _group(self, params: Params) -> tuple[str, dict[str, Stream]]:
        identifier = str(params.get("logGroupName") or params.get("logGroupIdentifier") or "")
        name = identifier.removeprefix(self.ground.arn("logs", "log-group:")).removesuffix(":*")
        if name not in self.groups:
            raise AwsRefusal("ResourceNotFoundException", "The specified log group does not exist.")
        return name, self.groups[name].streams

    def _get(self, params: Params) -> Json:
        _, streams = self._group(params)
        stream = streams.get(str(params["logStreamName"]))
        if stream is None:
            raise AwsRefusal("ResourceNotFoundException", "The specified log stream does not exist.")
        limit = _limit(params)
        lines = [line for line in stream.lines if _within(line, params)]
        token = str(params.get("nextToken") or "")
        if token.startswith("f/"):
            lines = [line for line in lines if line.number >= _number(token)][:limit]
        elif token.startswith("b/"):
            lines = [line for line in lines if line.number < _number(token)][-limit:]
        elif token:
            raise AwsRefusal("InvalidParameterException", "The specified nextToken is invalid.")
        else:
            lines = lines[:limit] if params.get("startFromHead") else lines[-limit:]
        here = _number(token) if token else stream.count
        first, beyond = (lines[0].number, lines[-1].number + 1) if lines else (here, here)
        return {
            "events": [{"timestamp": each.at_ms, "message": each.text, "ingestionTime": each.at_ms} for each in lines],
            "nextForwardToken": f"f/{beyond:020d}",
            "nextBackwardToken": f"b/{first:020d}",
        }

    def _filter(self, params: Params) -> Json:
        _, streams = self._group(params)
        named, prefix = params.get("logStreamNames"), params.get("logStreamNamePrefix")
        if named is not None and prefix is not None:
            message = "logStreamNames and logStreamNamePrefix can not be specified together."
            raise AwsRefusal("InvalidParameterException", message)
        chosen = [
            each
            for each in streams.values()
            if each.name.startswith(str(prefix or "")) and (named is None or each.name in named)
        ]
        matches = Pattern.read(str(params.get("filterPattern", "")))
        end_ms = params.get("endTime")
        query = {"startTime": params.get("startTime")} | ({} if end_ms is None else {"endTime": end_ms + 1})
        found = sorted(
            (
                (line.at_ms, line.event_id, stream.name, line.text)
                for stream in chosen
                for line in stream.lines
                if _within(line, query) and matches.fits(line.text)  # unlike GetLogEvents, endTime is included here
            ),
            reverse=not params.get("startFromHead", True),
        )
        start = _number(str(params.get("nextToken") or "n/0"))
        limit = _limit(params)
        events = [
            {"logStreamName": name, "timestamp": at, "message": text, "ingestionTime": at, "eventId": event_id}
            for at, event_id, name, text in found[start : start + limit]
        ]
        more = {"nextToken": f"n/{start + limit}"} if len(found) > start + limit else {}
        return {"events": events, "searchedLogStreams": []} | more

    def _describe_groups(self, params: Params) -> Json:
        prefix, pattern = str(params.get("logGroupNamePrefix", "")), str(params.get("logGroupNamePattern", ""))
        names = [name for name in sorted(self.groups) if name.startswith(prefix) and pattern in name]
        names, more = _slice(names, params)
        groups = [
            {
                "logGroupName": name,
                "creationTime": self.groups[name].created_ms,
                "metricFilterCount": 0,
                "arn": self.ground.arn("logs", f"log-group:{name}:*"),
                "logGroupArn": self.ground.arn("logs", f"log-group:{name}"),
                "storedBytes": 0,
                "logGroupClass": "STANDARD",
            }
            for name in names
        ]
        return {"logGroups": groups} | more

    def _describe_streams(self, params: Params) -> Json:
        group, streams = self._group(params)
        prefix = str(params.get("logStreamNamePrefix", ""))
        chosen = sorted((each for each in streams.values() if each.name.startswith(prefix)), key=lambda each: each.name)
        if params.get("orderBy") == "LastEventTime":
            chosen.sort(key=lambda each: each.lines[-1].at_ms if each.lines else 0)
        if params.get("descending"):
            chosen.reverse()
        names, more = _slice([each.name for each in chosen], params)
        arn = self.ground.arn("logs", f"log-group:{group}:log-stream:")
        return {"logStreams": [_show_stream(streams[name], arn) for name in names]} | more


@dataclass(frozen=True, slots=True)
class Pattern:
    """A filter pattern of words: all of `must`, one of `may` if there are any, none of `never`."""

    must: tuple[str, ...]
    may: tuple[str, ...]
    never: tuple[str, ...]

    @classmethod
    def read(cls, text: str) -> "Pattern":
        """Read a pattern; patterns over JSON, columns and regular expressions are beyond the lab."""
        if text.strip()[:1] in {"{", "[", "%"}:
            raise not_simulated("filter patterns other than words")
        words: dict[str, list[str]] = {"": [], "?": [], "-": []}
        for sign, quoted, bare in TERM.findall(text):
            words[sign].append(quoted.replace('\\"', '"') if quoted else bare)
        return cls(tuple(words[""]), tuple(words["?"]), tuple(words["-"]))

    def fits(self, text: str) -> bool:
        """Say whether a line matches."""
        if any(word in text for word in self.never):
            return False
        # As in CloudWatch, optional words are ignored when there are words that must be.
        if self.must:
            return all(word in text for word in self.must)
        return not self.may or any(word in text for word in self.may)


def _show_stream(stream: Stream, arn: str) -> Json:
    view: Json = {"logStreamName": stream.name, "creationTime": stream.created_ms, "arn": arn + stream.name}
    if stream.lines:
        first, last = stream.lines[0].at_ms, stream.lines[-1].at_ms
        view |= {"firstEventTimestamp": first, "lastEventTimestamp": last, "lastIngestionTime": last}
    return view | {"storedBytes": 0}


def _within(line: Line, params: Params) -> bool:
    return int(params.get("startTime") or 0) <= line.at_ms and (
        "endTime" not in params or line.at_ms < params["endTime"]
    )


def _limit(params: Params) -> int:
    limit = int(params.get("limit") or PAGE_MOST)
    if not 1 <= limit <= PAGE_MOST:
        raise AwsRefusal("InvalidParameterException", "limit must be between 1 and 10000.")
    return limit


def _number(token: str) -> int:
    digits = token.partition("/")[2]
    if not digits.isdigit():
        raise AwsRefusal("InvalidParameterException", "The specified nextToken is invalid.")
    return int(digits)


def _slice(names: Sequence[str], params: Params) -> tuple[list[str], Json]:
    start = _number(str(params.get("nextToken") or "n/0"))
    end = start + min(int(params.get("limit") or STREAMS_MOST), STREAMS_MOST)
    return list(names[start:end]), {"nextToken": f"n/{end}"} if len(names) > end else {}


def open_groups(logs: Logs, groups: Iterable[str], now_s: float) -> None:
    """Make log groups exist before the first line is written."""
    for group in groups:
        logs.groups.setdefault(group, Group(created_ms=int(now_s * 1000)))
