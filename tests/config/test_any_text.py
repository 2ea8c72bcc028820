"""Whatever the files say, the answer is a configuration or a sentence."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config_folder import GOOD, TASK, Folder
from teal.errors import ConfigError

BITS = st.sampled_from(
    [
        "app",
        ":",
        " ",
        "\n",
        "- ",
        "{",
        "}",
        "[",
        "]",
        ",",
        "&a",
        "*a",
        "<<",
        "!x",
        "${X}",
        "${",
        "'",
        '"',
        "|",
        "yes",
        "1",
        "~",
    ]
)
TEXTS = st.text(max_size=80) | st.lists(BITS, max_size=30).map("".join)
SPOILED = st.tuples(st.integers(0, len(GOOD)), st.integers(0, 8), TEXTS)


def load(folder: Folder, *, sets: tuple[tuple[str, str], ...] = (), images: dict[str, str] | None = None) -> None:
    """Load; a mistake is as good as a configuration, anything else is not."""
    lines = outcome(folder, sets, images or {})
    assert lines
    assert all(line and "\n" not in line for line in lines)


def outcome(folder: Folder, sets: tuple[tuple[str, str], ...], images: dict[str, str]) -> tuple[str, ...]:
    """Return the mistakes, or the name of the app."""
    try:
        return (folder.load(environ={"X": "\udcff"}, sets=sets, images=images).app,)
    except ConfigError as error:
        return error.mistakes


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Return a folder that all examples share."""
    return Folder(path=tmp_path_factory.mktemp("any"))


@settings(max_examples=60, deadline=None)
@given(raw=st.binary(max_size=100))
def test_any_bytes_are_a_mistake_or_fine(scratch: Folder, raw: bytes) -> None:
    """Arbitrary bytes in any of the files end in sentences, never in anything else."""
    for name in ("teal.yaml", "taskdef.json", "service.json"):
        scratch.write()
        (scratch.path / name).write_bytes(raw)
        load(scratch)


@settings(max_examples=100, deadline=None)
@given(spoiled=SPOILED)
def test_a_good_file_spoiled_anywhere_is_a_mistake_or_fine(scratch: Folder, spoiled: tuple[int, int, str]) -> None:
    """A good file with some text put in anywhere ends in a configuration or in sentences."""
    at, dropped, text = spoiled
    scratch.write(text=GOOD[:at] + text.encode("utf-8", "replace").decode() + GOOD[at + dropped :])
    load(scratch)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*TASK, "name", "tags"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(
    value=JSON,
    key=st.sampled_from(["containerDefinitions", "family", "tags", "taskDefinition", "deploymentController"]),
)
def test_any_json_is_a_mistake_or_fine(scratch: Folder, value: object, key: str) -> None:
    """Arbitrary JSON where the bodies have something else ends in a configuration or in sentences."""
    scratch.write(task={**TASK, key: value}, service={key: value})
    load(scratch)


@settings(max_examples=60, deadline=None)
@given(
    path=TEXTS, value=TEXTS, root=st.sampled_from(["", "deploy.", "routes[0].", "task_definition.", "service.", "tags"])
)
def test_any_flag_is_a_mistake_or_fine(scratch: Folder, path: str, value: str, root: str) -> None:
    """Arbitrary flags end in a configuration or in sentences."""
    scratch.write()
    load(scratch, sets=((root + path, value),))
    load(scratch, images={path: value})
