"""What a lab.yaml may say, and what the command line makes of it."""

from pathlib import Path

import pytest

from teal.errors import UsageError
from teal.lab.settings import LabFile, LabOptions, read_settings, settle, write_settings

WRONG: list[tuple[str, str]] = [
    ("colour: blue", "unknown field `colour`"),
    ("images: {web: []}", "length >= 1"),
    ("images: [a]", "Expected `object`"),
    ("time_scale: 0", "> 0"),
    ("time_scale: fast", "Expected `float`"),
    ("nodes: 0", ">= 1"),
    ("rule_delay_s: [1]", "length 2"),
    ("rule_delay_s: [2, 1]", "[shortest, longest]"),
    ("rule_delay_s: [-1, 1]", ">= 0.0"),
    ("- a", "Expected `object`"),
    ("a: [", "while parsing"),
]


@pytest.mark.parametrize(("text", "part"), WRONG)
def test_a_wrong_lab_file_is_refused(tmp_path: Path, text: str, part: str) -> None:
    """Every mistake is an error that names the file, an unknown key included."""
    path = tmp_path / "lab.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as error:
        settle(LabOptions(root=tmp_path, config=path))
    assert str(path) in error.value.message
    assert part in error.value.message


def test_a_lab_file_is_read_whole(tmp_path: Path) -> None:
    """Every key arrives, and the daemon reads what the caller wrote."""
    path = tmp_path / "lab.yaml"
    path.write_text(
        "images: {'shop/web:*': [node, server.js, '{port}']}\n"
        "time_scale: 0.01\nnodes: 3\nrule_delay_s: [0, 2.5]\nseed: 42\n"
    )
    settings = settle(LabOptions(root=tmp_path, name="one", port=0, region="us-east-1", config=path))
    assert settings.file == LabFile(
        images={"shop/web:*": ("node", "server.js", "{port}")},
        time_scale=0.01,
        nodes=3,
        rule_delay_s=(0.0, 2.5),
        seed=42,
    )
    write_settings(tmp_path, settings)
    assert read_settings(tmp_path) == settings


def test_rule_delays_are_scaled() -> None:
    """Rules take seconds, times the time scale, as every other delay of AWS."""
    assert LabFile().scaled_rule_delay_s() == (1.0, 5.0)
    assert LabFile(time_scale=0.5, rule_delay_s=(0.0, 3.0)).scaled_rule_delay_s() == (0.0, 1.5)


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}"])
def test_an_empty_lab_file_says_nothing(tmp_path: Path, text: str) -> None:
    """The defaults are those of no file at all."""
    path = tmp_path / "lab.yaml"
    path.write_text(text)
    assert settle(LabOptions(root=tmp_path, config=path)) == settle(LabOptions(root=tmp_path))


def test_the_command_line_wins(tmp_path: Path) -> None:
    """A time scale in the options replaces the file's and nothing else."""
    path = tmp_path / "lab.yaml"
    path.write_text("{time_scale: 0.5, seed: 9}")
    file = settle(LabOptions(root=tmp_path, config=path, time_scale=0.1)).file
    assert (file.time_scale, file.seed) == (0.1, 9)


@pytest.mark.parametrize(
    "options",
    [
        {"name": "../x"},
        {"name": ""},
        {"name": "A"},
        {"region": "moon"},
        {"port": 70000},
        {"port": -1},
        {"time_scale": 0.0},
    ],
)
def test_wrong_options_are_refused(tmp_path: Path, options: dict[str, str]) -> None:
    """A name is no path, a region looks like one, a port is a port."""
    with pytest.raises(UsageError):
        settle(LabOptions(root=tmp_path, **options))  # type: ignore[arg-type] # a table


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The path is in the message."""
    with pytest.raises(UsageError, match=r"nowhere\.yaml"):
        settle(LabOptions(root=tmp_path, config=tmp_path / "nowhere.yaml"))
