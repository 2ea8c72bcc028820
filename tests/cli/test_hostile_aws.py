"""Whatever stands in a text of AWS's answers, a person's terminal, a runner and a shell are safe from it.

Every text of every answer that a deployment, its failure and its rollback read is spoiled in turn: it is given a tail
that would move the cursor, reverse the reading direction, set the clipboard, command the runner, and leave a string of
shell. Then commands are run through the real command line; what they print is looked at, character by character.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli_stage import told
from lives import app, fork, must, on, rest
from region import Params, Reach, Stage
from teal.app.facade import App
from teal.app.journals import AppJournal
from teal.model.run import Deploy
from teal.ports import CommandResult, Reply, Request

TAIL = (
    "\x1b[2J\x1b]52;c;ZXZpbA==\x07\x9b31m\u202egnp\u2066\r\n::error::hostile\n##[error]hostile\n"
    "[link=https://evil.example]x[/link]</script>$(touch hostile)`touch hostile`"
)
HARMFUL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
COMMANDED = re.compile(r"^\s*(::|##\[)", re.MULTILINE)
COMMANDS = ("status", "plan", "check", "deploy --yes", "rollback", "status -o json")
Leaf = tuple[str, str]  # operation, path of the text in its answer


def leaves_of(operation: str, value: object, path: str = "") -> Iterator[Leaf]:
    """Yield the path of every text of an answer; the items of a list are one."""
    if isinstance(value, str):
        yield operation, path
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if name != "ResponseMetadata":
                yield from leaves_of(operation, inner, f"{path}.{name}")
    elif isinstance(value, list):
        for item in value:
            yield from leaves_of(operation, item, f"{path}[]")


def spoiled(value: object, wanted: str, path: str = "") -> object:
    """Return a copy of an answer in which the texts at a path have the tail."""
    if isinstance(value, str):
        return value + TAIL if path == wanted else value
    if isinstance(value, Mapping):
        return {name: spoiled(inner, wanted, f"{path}.{name}") for name, inner in value.items()}
    if isinstance(value, list):
        return [spoiled(item, wanted, f"{path}[]") for item in value]
    return value


def spoil(leaf: Leaf) -> Callable[[str, Params, Reach], dict[str, Any]]:
    """Return an AWS that spoils one text."""
    operation, path = leaf

    def between(called: str, params: Params, reach: Reach) -> dict[str, Any]:
        answer = reach(params)
        return dict(spoiled(answer, path)) if called == operation else answer  # type: ignore[call-overload]  # a mapping

    return between


def said(play: Stage, words: str, journal: Path, runner: str) -> tuple[int, str]:
    """Run a command line on a region; return its exit code and all that it printed."""
    opened = App(play.spec, play.ports(), timeout_s=None, calls={}, journal=AppJournal(journal))
    return told(opened, words, {"GITHUB_ACTIONS": "true"} if runner else {})


@pytest.fixture(name="resting", scope="module")
def two_revisions(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """At rest: 2 serves, 1 is warm; what is configured is a third, which cannot start."""
    play = app(tmp_path_factory.mktemp("app"), shift="all_at_once", bake="0s")
    return rest(on(must(on(must(on(play, "1"), Deploy()), "2"), Deploy()), "3crash"))


@pytest.fixture(name="texts", scope="module")
def every_text(resting: Stage, tmp_path_factory: pytest.TempPathFactory) -> list[Leaf]:
    """Every text that the commands read."""
    found: dict[Leaf, None] = {}
    play = fork(resting)

    def between(called: str, params: Params, reach: Reach) -> dict[str, Any]:
        answer = reach(params)
        found.update(dict.fromkeys(leaves_of(called, answer)))
        return answer

    play.region.between = between
    for words in COMMANDS:
        said(play, words, tmp_path_factory.mktemp("journal") / "j", "")
    return list(found)


def test_no_text_of_aws_reaches_the_terminal_raw(
    resting: Stage, texts: list[Leaf], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing printed moves a cursor, turns the reading direction, commands a runner or was executed; no traceback."""
    monkeypatch.chdir(tmp_path)
    assert len(texts) > 100
    wrong: list[str] = []
    for leaf in texts:
        play = fork(resting)
        play.region.between = spoil(leaf)
        for words in COMMANDS:
            code, text = said(play, words, tmp_path / "journal", "GitHub")
            harm = [*HARMFUL.findall(text), *COMMANDED.findall(text), *re.findall("Traceback", text)]
            if harm or code == 1:
                wrong.append(f"{leaf}, `teal {words}` ({code}): {harm}: {text[-300:]!r}")
    assert not wrong, "\n".join(wrong[:20])
    assert not list(tmp_path.glob("hostile"))


class HostileShell:
    """A gate command that fails, and says what it was told to say."""

    def run(self, command: str, environment: Mapping[str, str], timeout_s: float) -> CommandResult:
        """Fail."""
        assert command
        assert environment
        assert timeout_s
        return CommandResult(exit_code=1, output=f"first line{TAIL}")


def test_what_a_gate_command_prints_is_shown_line_by_line_and_harmless(tmp_path: Path) -> None:
    """The output of a failing gate reaches the terminal without control characters and without runner commands."""
    play = app(tmp_path, shift="all_at_once", bake="0s\n  gates: {taste: [{run: ./smoke.sh}]}")
    code, text = said(replace(play, shell=HostileShell()), "deploy --yes", tmp_path / "journal", "GitHub")  # type: ignore[arg-type]  # another shell
    assert code == 4, text
    assert "first line" in text
    assert not [*HARMFUL.findall(text), *COMMANDED.findall(text)]


def test_what_an_app_says_it_is_is_shown_harmless(tmp_path: Path) -> None:
    """An app that answers with a hostile identity is refused, and its word is shown without control characters."""
    play = on(app(tmp_path, shift="all_at_once", bake="0s"), "1")
    ports = replace(play.ports(), prober=HostileProber())
    opened = App(play.spec, ports, timeout_s=None, calls={}, journal=AppJournal(tmp_path / "journal"))
    code, text = told(opened, "deploy --yes", {"GITHUB_ACTIONS": "true"})
    assert code == 4, text
    assert "says X-Revision: 1" in text
    assert not [*HARMFUL.findall(text), *COMMANDED.findall(text)]


class HostileProber:
    """An app that says something else than who it is."""

    def addresses(self, dns_name: str) -> tuple[str, ...]:
        """The name is the address."""
        return (dns_name,)

    def ask(self, request: Request) -> Reply:
        """Answer."""
        assert request.method == "GET"
        return Reply(status=200, headers={"x-revision": f"1{TAIL}"}, body="")
