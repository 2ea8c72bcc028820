"""Names: no drawers, and the tests of a room are found where the room is."""

from ast import get_docstring

from style.house import modules, tree

DRAWERS = {"util", "utils", "helper", "helpers", "common", "manager", "managers", "misc", "core", "shared"}


def test_no_drawers() -> None:
    """No module or package has a name that anything could be put into."""
    words = {path.as_posix(): {w for part in path.with_suffix("").parts for w in part.split("_")} for path in modules()}
    assert [path for path, parts in words.items() if parts & DRAWERS] == []


def test_modules_say_what_they_are() -> None:
    """Every module of the source begins with a docstring."""
    assert [str(path) for path in modules() if path.parts[0] == "src" and not get_docstring(tree(path))] == []
