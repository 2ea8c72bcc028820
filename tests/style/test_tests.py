"""Tests are sentences, and they use fakes, not patches."""

import ast
from pathlib import Path

from style.house import functions, modules, tree

_TESTS = tuple(path for path in modules() if path.parts[0] == "tests")


def test_every_test_states_its_claim() -> None:
    """Every test function has a docstring whose first line is its claim, a whole sentence."""
    tests = [f for f in functions() if f.where.startswith("tests/") and f.node.name.startswith("test_")]
    claims = {f.where: (ast.get_docstring(f.node) or "").partition("\n")[0] for f in tests}
    assert tests
    assert [where for where, claim in claims.items() if not claim.endswith((".", "?", "!"))] == []


def test_nothing_is_mocked() -> None:
    """No test imports a mocking library."""
    assert [str(path) for path in _TESTS if _imports(path) & {"unittest.mock", "mock", "pytest_mock"}] == []


def test_nothing_is_patched() -> None:
    """No test replaces an attribute of a module or object; setting an environment variable is no patch."""
    assert [str(path) for path in _TESTS if _patches(path)] == []


def _imports(path: Path) -> set[str]:
    found = set[str]()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def _patches(path: Path) -> bool:
    return any(
        isinstance(node, ast.Attribute)
        and node.attr in {"setattr", "delattr"}
        and isinstance(node.value, ast.Name)
        and node.value.id == "monkeypatch"
        for node in ast.walk(tree(path))
    )
