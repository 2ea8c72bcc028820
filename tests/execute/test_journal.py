"""The journal of whole runs: intent before, outcome after each write; and nothing depends on it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from execute.disturbing import served_twice
from lives import adopted, app, fork, killed, must, on, rest, state
from region import Killed, Stage
from region_fakes import Story
from teal.host.journal import FileJournal, last_runs, read_lines
from teal.model.event import EVENT_SCHEMA, Event, StepBegan, StepEnded, StepFailed
from teal.model.run import Abort, Deploy, Flip, Intent, Retire, Rollback
from teal.report.history import history_view

READS = ("Describe", "List", "Get")
OLD = Path(__file__).parents[1] / "host" / "journal_of_schema_1.jsonl"


@dataclass(slots=True)
class Paper(Story):
    """A journal on the disk."""

    paper: FileJournal = field(default_factory=lambda: FileJournal(Path("/dev/null/none")))
    before: Callable[[Path], object] = lambda _: None  # what happens to the file before each line

    def append(self, event: Event) -> None:
        """Keep an event, in memory and on the disk."""
        self.events.append(event)
        self.before(self.paper.path)
        self.paper.append(event)


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """Slot b serves 2, slot a is warm with 1."""
    return rest(served_twice(tmp_path_factory.mktemp("warm")))


COMMANDS: list[tuple[str, str, Intent]] = [
    ("deploy", "3", Deploy()),
    ("failed deploy", "crash", Deploy()),
    ("rollback", "2", Rollback()),
    ("retire", "2", Retire()),
]


@pytest.mark.parametrize(("name", "image", "intent"), COMMANDS, ids=[name for name, _, _ in COMMANDS])
def test_every_write_has_its_intent_before_and_its_outcome_after(
    warm: Stage, name: str, image: str, intent: Intent
) -> None:
    """At each write the last thing on record is the step that names it; afterwards each step has an outcome."""
    play = on(fork(warm), image)
    writes: list[str] = []

    def before(service: str, operation: str, _: Mapping[str, Any]) -> None:
        if operation.startswith(READS):
            return
        last = play.story.events[-1]
        assert isinstance(last, StepBegan), (operation, last)
        assert f"{service}:{operation}" in last.step.calls, (operation, last.step)
        writes.append(operation)

    play.region.before_call = before
    play.run(intent)
    assert writes, name
    begun: StepBegan | None = None
    for event in play.story.events:
        if isinstance(event, StepBegan):
            assert begun is None, begun
            begun = event
        if isinstance(event, StepEnded | StepFailed):
            assert begun is not None
            assert begun.step == event.step
            begun = None


def test_a_killed_run_leaves_its_intent(warm: Stage, tmp_path: Path) -> None:
    """A process that dies at a write has said which; `history` tells it."""
    play = replace(on(fork(warm), "3"), story=Paper(paper=FileJournal(tmp_path / "j.jsonl")))
    killed(play, Deploy(), ("ModifyRule", 2))
    lines = read_lines(tmp_path / "j.jsonl")
    assert (lines[-1]["event"], lines[-1]["step"]["kind"]) == ("StepBegan", "WriteRoute")
    told = history_view(lines)["runs"][0]
    assert told["message"].startswith("killed, or still under way, at: send 90 % → slot b"), told


def test_journal_and_jsonl_are_one_schema(warm: Stage, tmp_path: Path) -> None:
    """Every line names the schema, its run and its event."""
    play = replace(fork(warm), story=Paper(paper=FileJournal(tmp_path / "j.jsonl")))
    must(play, Rollback())
    for line in (tmp_path / "j.jsonl").read_text().splitlines():
        assert list(json.loads(line))[:3] == ["schema", "run", "event"]
        assert (json.loads(line)["schema"], bool(json.loads(line)["run"])) == (EVENT_SCHEMA, True)


def test_a_journal_of_an_earlier_schema_is_readable(warm: Stage, tmp_path: Path) -> None:
    """Runs of version 1 are told, a killed one among them; a run of today is appended to the same file."""
    path = tmp_path / "j.jsonl"
    path.write_bytes(OLD.read_bytes())
    assert {line["schema"] for line in read_lines(path)} == {1}
    must(replace(fork(warm), story=Paper(paper=FileJournal(path))), Rollback())
    runs = history_view(line for lines in last_runs([read_lines(path)], 9) for line in lines)["runs"]
    assert [(run["command"], run["outcome"]) for run in runs] == [
        ("deploy", "0"), ("flip", "not ended"), ("rollback", "0"), ("rollback", "0"),
    ]  # fmt: skip
    assert "send 100 % → slot b" in runs[1]["message"]


def gone(path: Path) -> None:
    """Somebody deletes the journal."""
    path.unlink(missing_ok=True)


def full(_: Path) -> None:
    """The disk is full."""
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("trouble", [gone, full])
def test_no_command_depends_on_the_journal(tmp_path: Path, trouble: Callable[[Path], object]) -> None:
    """Deleted before each line, or on a full disk: a whole life, with a killed run in it, ends as it would with one."""
    ends: list[list[tuple[int, str]]] = []
    for story in (Story(), Paper(paper=FileJournal(tmp_path / "j.jsonl"), before=trouble)):
        play = adopted(on(app(tmp_path, shift="all_at_once", bake="2m"), "1"))
        play = replace(play, story=story)
        end: list[tuple[int, str]] = []
        lives: list[tuple[str, Intent]] = [
            ("2", Deploy()), ("3", Deploy(hold=True)), ("3", Flip()), ("3", Rollback()), ("3", Retire()),
            ("4", Deploy(hold=True)), ("4", Abort()),
        ]  # fmt: skip
        for image, intent in lives:
            died(on(play, image), intent)
            ended = rest(on(play, image)).run(intent)
            rest(play)
            end.append((ended.exit_code, str(state(play))))
        ends.append(end)
    assert ends[0] == ends[1]


def died(play: Stage, intent: Intent) -> None:
    """Let a run die right after its second write, if it comes that far."""
    left = [2]

    def after(_: str, operation: str, __: Mapping[str, Any]) -> None:
        left[0] -= not operation.startswith(READS)
        if left[0] == 0:
            raise Killed

    play.region.after_call = after
    try:
        play.run(intent)
    except Killed:
        pass
    finally:
        play.region.after_call = None


def test_a_journal_that_cannot_be_written_is_told(warm: Stage, tmp_path: Path) -> None:
    """A rollback with a file where the directory should be, or on a full device, succeeds and says so."""
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "journal" / "j.jsonl", Path("/dev/full")):
        play = replace(fork(warm), story=Paper(paper=FileJournal(path)))
        ended = play.run(Rollback())
        assert (ended.exit_code, state(play).serves) == (0, "a")
        assert "the journal could not be written" in ended.hint
