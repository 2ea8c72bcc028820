"""YAML: bounds, anchors, places."""

from config_folder import GOOD, Folder
from teal.config.parse import parse_yaml
from teal.config.tree import Listing, Mistake, Scalar, Table


def said(text: str) -> list[str]:
    """Return the mistakes in a text."""
    mistakes: list[Mistake] = []
    parse_yaml(text, "f", mistakes)
    return [str(mistake) for mistake in mistakes]


def test_anchors_are_understood(folder: Folder) -> None:
    """A value may be written once and used again, also for a number."""
    text = GOOD.replace("port: 8080}]}\n  b", "port: &p 8080}]}\n  b").replace("8080}]}\nroutes", "*p }]}\nroutes")
    folder.write(text=text)
    assert folder.load().slots == folder_slots(folder)


def folder_slots(folder: Folder) -> object:
    """Return the slots of the good file."""
    folder.write()
    return folder.load().slots


def test_depth_is_bounded() -> None:
    """A hundred thousand brackets are one sentence, not a crash."""
    assert said("[" * 100_000) == ["f:1:34: nested more than 32 levels deep"]


def test_aliases_cannot_make_a_small_text_enormous() -> None:
    """Aliases of aliases count in full."""
    text = (
        "- &a [" + "x, " * 100 + "]\n" + "".join(f"- &{b} [" + f"*{a}, " * 100 + "]\n" for a, b in ("ab", "bc", "cd"))
    )
    assert said(text) == ["f:3:7: more than 20000 values, aliases counted in full"]


def test_many_values_are_bounded() -> None:
    """A list of twenty thousand is refused where it becomes too long."""
    assert said("- 1\n" * 20_001) == ["f:20000:3: more than 20000 values, aliases counted in full"]


def test_places_are_those_of_the_characters() -> None:
    """Lines and columns count characters from 1, whatever bytes they have."""
    tree = parse_yaml("ä: [ö, {ü: 'x'}]\n", "f", [])
    assert isinstance(tree, Table)
    listing = tree.entries["ä"]
    assert isinstance(listing, Listing)
    inner = listing.items[1]
    assert isinstance(inner, Table)
    scalar = inner.entries["ü"]
    assert isinstance(scalar, Scalar)
    assert [str(node.where) for node in (tree, listing, inner, scalar)] == ["f:1:1", "f:1:4", "f:1:8", "f:1:12"]


def test_a_syntax_error_at_the_end_has_a_place() -> None:
    """What is missing at the end of the text is missing there."""
    assert said("a: [") == ["f:2:1: not YAML: while parsing a flow node, did not find expected node content"]
    assert said("a: b: c") == ["f:1:5: not YAML: mapping values are not allowed in this context"]
