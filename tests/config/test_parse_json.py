"""JSON, against the standard library."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from teal.config.parse_json import parse_json
from teal.config.tree import Kind, Mistake, Node, Scalar, Table

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


def plain(node: Node | None) -> Any:  # noqa: ANN401 - JSON
    """Return the value of a tree."""
    match node:
        case None:
            raise AssertionError
        case Table():
            return {key: plain(value) for key, value in node.entries.items()}
        case Scalar(kind=Kind.TEXT):
            return node.text
        case Scalar():
            return json.loads(node.text)
        case _:
            return [plain(item) for item in node.items]


@settings(max_examples=150, deadline=None)
@given(VALUES, st.sampled_from([None, 1]), st.booleans())
def test_valid_json_is_read_as_the_library_reads_it(value: object, indent: int | None, escape: bool) -> None:  # noqa: FBT001 - drawn
    """Whatever the library writes is read back equal, without a mistake."""
    mistakes: list[Mistake] = []
    tree = parse_json(json.dumps(value, indent=indent, ensure_ascii=escape), "f", mistakes)
    assert (plain(tree), mistakes) == (value, [])


@settings(max_examples=300, deadline=None)
@given(st.text('{}[]":,0123456789.eE+-truefalsn\\u \n', max_size=40))
def test_what_the_library_refuses_is_refused(text: str) -> None:
    """Nothing is read that the library would not read."""
    mistakes: list[Mistake] = []
    tree = parse_json(text, "f", mistakes)
    try:
        json.loads(text)
    except ValueError:
        assert tree is None
        assert len(mistakes) >= 1
