"""The commands over a door made of values: what they ask for, what they print, how they end."""

import json

import click
import pytest

import seen
from cli_stage import SECRET, FakeApp, Stage
from teal.cli.main import ENTRIES, teal
from teal.cli.options import VerbCommand
from teal.errors import (
    BusyError,
    ConfigError,
    CredentialError,
    DeadlineError,
    DriftError,
    LabError,
    NeedsPersonError,
    RefusedError,
    StoppedError,
    TealError,
    TransientError,
    UsageError,
    WentBackError,
)
from teal.model.decision import Finished, Refused
from teal.model.identity import Slot
from teal.model.run import Abort, Deploy, Flip, Intent, Retire, Rollback
from teal.plan.check import Check


def leaves() -> list[tuple[str, VerbCommand]]:
    """Return every command with its words."""
    context = click.Context(teal, info_name="teal")
    found: list[tuple[str, VerbCommand]] = []
    for name in teal.list_commands(context):
        command = teal.get_command(context, name)
        if isinstance(command, click.Group):
            inner = [(sub, command.get_command(context, sub)) for sub in command.list_commands(context)]
            found += [(f"{name} {sub}", each) for sub, each in inner if isinstance(each, VerbCommand)]
        elif isinstance(command, VerbCommand):
            found.append((name, command))
    return found


LEAVES = leaves()


@pytest.mark.parametrize(("words", "command"), LEAVES, ids=[words for words, _ in LEAVES])
def test_help_begins_with_examples(words: str, command: VerbCommand) -> None:
    """Every command's help begins with examples that use that command, and says what it is for."""
    text = Stage().play(*words.split(), "--help").stdout
    assert text.startswith("Examples:\n")
    assert all(f"teal {words}" in example for example in command.examples)
    assert command.help


@pytest.mark.parametrize(("words", "command"), LEAVES, ids=[words for words, _ in LEAVES])
def test_every_flag_is_a_variable(words: str, command: VerbCommand) -> None:
    """`--to-slot` is TEAL_TO_SLOT, for every flag of every command."""
    context = command.make_context(words.rsplit(maxsplit=1)[-1], [], resilient_parsing=True)
    assert context.auto_envvar_prefix == "TEAL"
    for option in (each for each in command.params if isinstance(each, click.Option)):
        longest = max(option.opts, key=len)
        assert str(option.name) == longest.lstrip("-").replace("-", "_")
        assert option.help


def test_the_table_and_the_commands_agree() -> None:
    """Every name in the table is a command of that name."""
    assert {words.split()[0] for words, _ in LEAVES} == set(ENTRIES)
    assert all(command.name == words.split()[-1] for words, command in LEAVES)


@pytest.mark.parametrize(
    ("words", "intent"),
    [
        ("deploy --yes", Deploy()),
        ("deploy --yes --hold --replace --again --restart", Deploy(hold=True, replace=True, again=True, restart=True)),
        ("flip --yes", Flip()),
        ("promote --yes --again", Flip(again=True)),
        ("rollback", Rollback()),
        ("rollback --to-slot a --force", Rollback(to_slot=Slot.A, force=True)),
        ("abort", Abort()),
        ("retire --yes", Retire()),
        ("retire --yes --if-due", Retire(if_due=True)),
        ("plan", Deploy()),
        ("plan --restart", Deploy(restart=True)),
        ("plan rollback", Rollback()),
        ("plan flip", Flip()),
        ("plan abort", Abort()),
        ("plan retire", Retire()),
    ],
)
def test_words_become_an_intent(words: str, intent: Intent) -> None:
    """Each command asks for exactly one thing."""
    play = Stage()
    assert play.play(*words.split()).exit_code == 0
    assert play.app.asked == [intent]


ERRORS: list[tuple[BaseException, int]] = [
    (TealError("x"), 1), (RuntimeError("x"), 1), (UsageError("x"), 2), (ConfigError(("x",)), 2),
    (CredentialError("x"), 3), (WentBackError("x"), 4), (NeedsPersonError("x"), 5), (LabError("x"), 5),
    (BusyError("x"), 6), (DriftError("x"), 7), (DeadlineError("x"), 124), (StoppedError("x"), 130),
    (RefusedError("x", code="C", operation="o"), 5), (TransientError("x", code="C", operation="o"), 5),
    (KeyboardInterrupt(), 130), (click.Abort(), 130),
]  # fmt: skip


@pytest.mark.parametrize(
    "words", ["status", "check", "plan", "taste", "history", "deploy --yes", "flip --yes", "rollback"]
)
@pytest.mark.parametrize(("error", "code"), ERRORS, ids=[type(error).__name__ for error, _ in ERRORS])
def test_an_error_is_its_exit_code(words: str, error: BaseException, code: int) -> None:
    """Whatever command meets it, an error ends in its own exit code, told on stderr, without a traceback."""
    done = Stage(app=FakeApp(error=error)).play(*words.split())
    assert (done.exit_code, done.stdout) == (code, "")
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") >= 2


def test_an_error_says_what_why_and_what_next() -> None:
    """Message, hint and AWS's request id, a line each; in JSON a document on stdout as well."""
    error = RefusedError("no", code="AccessDenied", operation="ecs:UpdateService", request_id="r-1", hint="ask Ana")
    play = Stage(app=FakeApp(error=error))
    assert play.play("status").stderr.splitlines()[1:] == [
        "error: ecs:UpdateService: AccessDenied: no",
        "hint: ask Ana",
        "AWS request id: r-1",
    ]
    assert play.document("status") == {
        "schema": 1,
        "command": "status",
        "exit_code": 5,
        "error": {
            "type": "RefusedError",
            "message": "ecs:UpdateService: AccessDenied: no",
            "hint": "ask Ana",
            "request_id": "r-1",
        },
    }


def test_all_mistakes_of_the_configuration_are_lines() -> None:
    """A line per mistake that begins with its position, so that editors can jump there."""
    error = ConfigError(("teal.yaml:1:1: app: missing", "teal.yaml:2:1: x: unknown"))
    lines = Stage(app=FakeApp(error=error)).play("check").stderr.splitlines()
    assert lines[1:] == list(error.mistakes)


def test_a_traceback_only_on_request() -> None:
    """`--debug` tells what led there; without it one line offers that."""
    play = Stage(app=FakeApp(error=RuntimeError("boom")))
    assert play.play("status").stderr.endswith(
        "unexpected RuntimeError: boom; run again with --debug for the traceback\n"
    )
    assert "Traceback (most recent call last)" in play.play("status", "--debug").stderr


@pytest.mark.parametrize(
    ("command", "saying"),
    [("deploy --yes", "deploying"), ("rollback", "rolling back"), ("status", "looking at"), ("plan", "planning")],
)
def test_the_first_line_comes_before_the_door_opens(command: str, saying: str) -> None:
    """Something is said on stderr before anything is loaded or asked."""
    done = Stage(app=FakeApp(error=RuntimeError())).play(*command.split(), "-c", "shop.yaml")
    assert done.stderr.splitlines()[0] == f"{saying} the app of shop.yaml …"


@pytest.mark.parametrize("command", ["deploy", "flip"])
def test_forward_asks_with_the_plan_before_it(command: str) -> None:
    """A person sees account, slots and steps, and is asked once; what they answer is what counts."""
    for answer in (True, False):
        play = Stage(person=True, answer=answer)
        done = play.play(command)
        assert play.questions == ["Do this?"]
        assert play.app.approved == [answer]
        assert "  1. register a new revision of task definition web" in done.stderr
        assert "plan: 1 step" not in done.stderr


@pytest.mark.parametrize("command", ["rollback", "abort", "deploy --yes", "flip --yes"])
def test_back_never_asks_and_neither_does_yes(command: str) -> None:
    """Going back asks nothing, with or without a person."""
    for person in (True, False):
        play = Stage(person=person)
        assert play.play(*command.split()).exit_code == 0
        assert (play.questions, play.app.approved) == ([], [True])


@pytest.mark.parametrize("command", ["deploy", "flip"])
def test_without_a_person_forward_needs_yes(command: str) -> None:
    """Exit 2, naming the flag, before anything is opened; the variable does as well as the flag."""
    play = Stage()
    done = play.play(command)
    assert (done.exit_code, play.flags) == (2, [])
    assert "--yes (or TEAL_YES=1)" in done.stderr
    assert Stage(environ={"TEAL_YES": "1"}).play(command).exit_code == 0


def test_a_run_talks_on_stderr_and_ends_on_stdout() -> None:
    """Progress is talk; what serves now is data."""
    done = Stage().play("deploy", "--yes")
    assert done.stdout.splitlines()[1:] == [
        "serving: web:42 in slot b",
        "seen:    held",
        "took:    1.0 s",
    ]
    assert "deploy shop-web: account 123, eu-west-1, as arn:ci, run r" in done.stderr


def test_jsonl_is_one_event_per_line() -> None:
    """Every event, as the journal has it, and nothing else on stdout."""
    lines = [json.loads(line) for line in Stage().play("rollback", "-o", "jsonl").stdout.splitlines()]
    assert [line["event"] for line in lines] == ["RunStarted", "Planned", "RunEnded"]
    assert {(line["schema"], line["run"]) for line in lines} == {(2, "r")}


def test_json_is_one_document_per_run() -> None:
    """The events and the exit code, once the run has ended."""
    document = Stage(app=FakeApp(exit_code=4)).document("deploy", "--yes")
    assert (document["schema"], document["command"], document["exit_code"]) == (1, "deploy", 4)
    assert [event["event"] for event in document["events"]] == ["RunStarted", "Planned", "RunEnded"]


@pytest.mark.parametrize("code", [0, 1, 4, 5, 6, 7, 124, 130, 143])
def test_a_run_ends_with_its_own_code(code: int) -> None:
    """The exit code of the run is that of the process."""
    assert Stage(app=FakeApp(exit_code=code)).play("rollback").exit_code == code


def test_a_run_without_an_end_was_no_success() -> None:
    """Events that just stop are exit 1."""
    assert Stage(app=FakeApp(ends=False)).play("rollback").exit_code == 1


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        (["status"], {"app", "slots", "routes", "rollback", "next_command"}),
        (["check"], {"checks", "exit_code"}),
        (["plan"], {"app", "steps", "warnings", "task_definition", "decision"}),
        (["taste"], {"slots"}),
        (["history"], {"runs"}),
        (["lab", "status"], {"name", "api"}),
        (["lab", "up"], {"name", "api"}),
        (["lab", "down"], {"ended"}),
        (["lab", "url"], {"url"}),
        (["lab", "env"], {"environment", "unset"}),
        (["lab", "break", "kill-task"], {"number", "kind", "seed", "hits"}),
        (["lab", "break", "--list"], {"faults"}),
        (["lab", "mend", "all"], {"faults"}),
        (["lab", "snapshot", "x.lab"], {"file", "bytes"}),
        (["lab", "restore", "x.lab"], {"file", "taken_at"}),
    ],
)
def test_json_is_one_versioned_document(words: list[str], keys: set[str]) -> None:
    """`-o json` is schema, command and the view; `-o jsonl` the same on one line."""
    document = Stage().document(*words)
    assert document.keys() >= {"schema", "command", *keys}
    assert (document["schema"], document["command"]) == (1, " ".join(words[: 2 if words[0] == "lab" else 1]))
    if words != ["history"]:
        line = Stage().play(*words, "-o", "jsonl").stdout
        assert line.count("\n") == 1
        assert json.loads(line) == document


@pytest.mark.parametrize(
    ("app", "words", "code"),
    [
        (FakeApp(), "status --exit-code", 0),
        (FakeApp(), "plan --detailed-exitcode", 10),
        (FakeApp(), "plan", 0),
        (FakeApp(decision=Finished(message="nothing to do")), "plan --detailed-exitcode", 0),
        (FakeApp(decision=Refused(exit_code=7, message="no")), "plan", 7),
        (FakeApp(checks=(Check(name="x", state="bad", message="y", exit_code=3),)), "check", 3),
        (FakeApp(found=seen.at_rest(blue=seen.slot_state(Slot.A, None))), "status --exit-code", 5),
        (FakeApp(found=seen.at_rest(blue=seen.slot_state(Slot.A, None))), "status", 0),
    ],
)
def test_looking_has_exit_codes_too(app: FakeApp, words: str, code: int) -> None:
    """A bad check, a refused plan and, on request, steps to take and a missing way back."""
    assert Stage(app=app).play(*words.split()).exit_code == code


def test_flags_reach_the_door() -> None:
    """Common flags arrive parsed."""
    play = Stage()
    play.play(
        "status", "-c", "s.yaml", "--image", "web=w:1", "--image", "log=l:2", "--set", "a.b=c=d", "--profile", "p",
        "--region", "r", "--endpoint-url", "u",
    )  # fmt: skip
    flags = play.flags[0]
    assert (str(flags.config), flags.images, flags.sets) == ("s.yaml", ("web=w:1", "log=l:2"), (("a.b", "c=d"),))
    assert (flags.profile, flags.region, flags.endpoint_url) == ("p", "r", "u")


def test_a_flag_wins_over_its_variable() -> None:
    """Flag over environment."""
    play = Stage(environ={"TEAL_REGION": "from-env", "TEAL_IMAGE": "web=w:1 log=l:2", "TEAL_TIMEOUT": "90s"})
    play.play("rollback", "--region", "from-flag")
    assert (play.flags[0].region, play.flags[0].images) == ("from-flag", ("web=w:1", "log=l:2"))
    assert play.flags[0].timeout_s == 90


@pytest.mark.parametrize(
    "words",
    ["rollback --timeout soon", "status --set nothing", "status -o xml", "history -n 0", "taste --slot c", "plan undo"],
)
def test_a_bad_flag_is_exit_2(words: str) -> None:
    """What cannot be meant is refused before anything is opened."""
    play = Stage()
    done = play.play(*words.split())
    assert (done.exit_code, done.stdout, play.flags) == (2, "", [])


def test_the_secret_is_shown_on_request_only() -> None:
    """`taste` hides the secret in every output; `--show-secret` shows it, for one slot where asked."""
    for output in ("table", "json", "jsonl"):
        assert SECRET not in Stage().play("taste", "-o", output).output
    shown = Stage().play("taste", "--slot", "b", "--show-secret").stdout
    assert shown == f"slot b  curl -H 'X-Teal-Taste: {SECRET}' https://shop.example/\n"


def test_github_sees_no_commands_in_our_text() -> None:
    """On a GitHub runner a line of ours that would be taken for a command is broken up."""
    done = Stage(environ={"GITHUB_ACTIONS": "true"}).play("rollback")
    assert done.stdout.startswith(": :set-output name=x::y\n")
    assert Stage().play("rollback").stdout.startswith("::set-output")


@pytest.mark.parametrize(
    ("terminal", "environ", "flags", "coloured"),
    [
        (True, {}, (), True),
        (False, {}, (), False),
        (True, {"NO_COLOR": "1"}, (), False),
        (True, {"TERM": "dumb"}, (), False),
        (True, {}, ("--no-color",), False),
        (True, {"TEAL_NO_COLOR": "1"}, (), False),
    ],
)
def test_colour_is_for_terminals(
    *, terminal: bool, environ: dict[str, str], flags: tuple[str, ...], coloured: bool
) -> None:
    """Colour only on a terminal, and not where the environment or a flag asks for none."""
    done = Stage(terminal=terminal, environ=environ).play("status", *flags)
    assert ("\x1b[" in done.stdout) is coloured


def test_debug_counts_calls() -> None:
    """`--debug` says how often AWS was asked."""
    assert "AWS calls: elbv2:DescribeRules 3" in Stage().play("rollback", "--debug").stderr


def test_history_is_raw_in_jsonl() -> None:
    """`-o jsonl` gives the journal's own lines."""
    lines = Stage().play("history", "-n", "2", "-o", "jsonl").stdout.splitlines()
    assert [json.loads(line)["run_id"] for line in lines] == ["0", "1"]


def test_history_says_what_is_missing() -> None:
    """Where the shared journal cannot be read, this machine's runs are told, and on stderr why it is only they."""
    done = Stage(app=FakeApp(missing="only what this machine knows")).play("history", "-n", "2", "-o", "jsonl")
    assert (done.exit_code, len(done.stdout.splitlines())) == (0, 2)
    assert "only what this machine knows" in done.stderr
    assert "only" not in Stage().play("history").stderr
