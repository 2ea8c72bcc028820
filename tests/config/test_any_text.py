"""Whatever the files say, the answer is a configuration or a sentence."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from config_folder import GOOD, TASK, Folder
from teal.errors import UsageError

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
    try:
        folder.load(environ={"X": "\udcff"}, sets=sets, images=images)
    except UsageError as error:
        assert str(error)
        assert all("\n" not in line for line in getattr(error, "mistakes", ()))


def fresh() -> Folder:
    """Return a good folder."""
    folder = Folder(path=Path(tempfile.mkdtemp()))
    folder.write()
    return folder


FOLDER = fresh()


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=100))
def test_any_bytes_are_a_mistake_or_fine(raw: bytes) -> None:
    """Arbitrary bytes in any of the files end in sentences, never in anything else."""
    for name in ("teal.yaml", "taskdef.json", "service.json"):
        FOLDER.write()
        (FOLDER.path / name).write_bytes(raw)
        load(FOLDER)


@settings(max_examples=200, deadline=None)
@given(SPOILED)
def test_a_good_file_spoiled_anywhere_is_a_mistake_or_fine(spoiled: tuple[int, int, str]) -> None:
    """A good file with some text put in anywhere ends in a configuration or in sentences."""
    at, dropped, text = spoiled
    FOLDER.write(text=GOOD[:at] + text.encode("utf-8", "replace").decode() + GOOD[at + dropped :])
    load(FOLDER)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*TASK, "name", "tags"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(JSON, st.sampled_from(["containerDefinitions", "family", "tags", "taskDefinition", "deploymentController"]))
def test_any_json_is_a_mistake_or_fine(value: object, key: str) -> None:
    """Arbitrary JSON where the bodies have something else ends in a configuration or in sentences."""
    FOLDER.write(task={**TASK, key: value}, service={key: value})
    load(FOLDER)


@settings(max_examples=150, deadline=None)
@given(TEXTS, TEXTS, st.sampled_from(["", "deploy.", "routes[0].", "task_definition.", "service.", "tags"]))
def test_any_flag_is_a_mistake_or_fine(path: str, value: str, root: str) -> None:
    """Arbitrary flags end in a configuration or in sentences."""
    FOLDER.write()
    load(FOLDER, sets=((root + path, value),))
    load(FOLDER, images={path: value})
