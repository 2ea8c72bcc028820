"""The operators of the mutation test: what is made wrong, what is left alone, and one wrong at a time."""

import ast
from textwrap import dedent

import pytest
from benchmarks.mutants import Case, Reach
from benchmarks.mutations import Mutant, mutants, mutated


def _wrongs(source: str) -> set[str]:
    return {mutant.name for mutant in mutants(dedent(source))}


# A body of a function, and what is made of it.
WRONGS = {
    "comparison": ("return a < b", {"a < b → a <= b", "return a < b → return None"}),
    "each of a chain": ("x = 1 < a < 3", {"1 → 2", "3 → 4", "1 < a < 3 → 1 <= a < 3", "1 < a < 3 → 1 < a <= 3"}),
    "logic": ("x = a or not b", {"a or not b → a and (not b)", "not b → b"}),
    "arithmetic": ("x = a + b * c", {"a + b * c → a - b * c", "b * c → b // c"}),
    "constants": ("x = (True, 2, 0.5)", {"True → False", "2 → 3", "0.5 → 1.5"}),
    "condition": ("if a < b: go()", {"if a < b → if not", "a < b → a <= b", "go() dropped"}),
    "a negation of its own": ("if a is b: go()", {"a is b → a is not b", "go() dropped"}),
    "calls": ("x = any(a) + max(b)", {"any(a) + max(b) → any(a) - max(b)", "any(a) → all(a)", "max(b) → min(b)"}),
    "loops": ("while True: break", {"True → False", "break → continue"}),
    "statements": ("self.a = b; c += d", {"self.a = b dropped", "c += d dropped"}),
    "raise": ("raise E('of', 1)", {"raise E('of', 1) dropped"}),
    "filters": ("x = [a for a in b if a]", {"if a dropped"}),
    "cases": ("match a:\n    case b if c: pass", {"case b if not: c", "case b never"}),
    "wording": ("x = f'{1 + 2} of'; y = 'text'", set()),
    "what cannot be": ("assert_never(a)", set()),
}


@pytest.mark.parametrize(("body", "expected"), WRONGS.values(), ids=WRONGS)
def test_what_is_made_wrong(body: str, expected: set[str]) -> None:
    """Each operator makes of a body exactly the wrongs beside it."""
    source = "def f(a, b, c, d):\n" + "\n".join(f"    {line}" for line in body.splitlines())
    assert _wrongs(source) == {f"f: {what}" for what in expected}


def test_where_it_is_made_wrong() -> None:
    """Methods and constants are mutated, by their whole names; annotations, defaults, decorators and fields are not."""
    source = """
        LIMIT: Final[1] = 3
        class A:
            count: int = 1
            @cached(5)
            def of(self, a: "2" = 3) -> 4:
                return a - a
        """
    made = {"LIMIT: 3 → 4", "A.of: a - a → a + a", "A.of: return a - a → return None"}
    assert _wrongs(source) == made
    assert [mutant.constant for mutant in mutants(dedent(source))] == [True, False, False]


def test_one_name_for_each() -> None:
    """Equal wrongs in one function have different names, which do not change when lines move."""
    source = "def f(a):\n    return a + 1 + 1\n"
    names = [mutant.name for mutant in mutants(source)]
    assert "f: 1 → 2" in names
    assert "f: 1 → 2 (2)" in names
    assert names == [mutant.name for mutant in mutants("\n\n" + source)]


def test_one_wrong_at_a_time() -> None:
    """The nth mutant is the source with one thing changed, and nothing else; where it is made matters."""
    source = "def f(a, b):\n    return a < b and a + 1"
    made = {ast.unparse(mutated(source, nth)).partition("return ")[2] for nth in range(len(mutants(source)))}
    assert made == {"None", "a < b or a + 1", "a <= b and a + 1", "a < b and a - 1", "a < b and a + 2"}


def test_the_lines_that_must_be_reached() -> None:
    """A wrong in a statement of several lines is reached by each of them; one in a condition only by the condition."""
    source = "def f(a):\n    if a < 1:\n        return (\n            a + 1\n        )\n"
    lines = {mutant.name.removeprefix("f: "): mutant.lines for mutant in mutants(source)}
    assert lines["a < 1 → a <= 1"] == (2, 2)
    assert lines["if a < 1 → if not"] == (2, 2)
    assert lines["a + 1 → a - 1"] == (3, 5)


REACH = Reach(
    took_s={"long": 9.0, "slow": 2.0, "quick": 0.5, "other": 0.1, "fails": float("inf"), "gone": 0.2},
    by_line={"f.py": {"7": [0, 1, 2, 4, 5], "8": [3]}},
)


@pytest.mark.parametrize(
    ("lines", "constant", "budget_s", "tests"),
    [
        (
            (7, 7),
            False,
            99.0,
            ["quick", "slow"],
        ),  # neither long ones nor those that fail anyway
        ((7, 8), False, 99.0, ["other", "quick", "slow"]),
        ((7, 8), False, 0.7, ["other", "quick"]),
        ((7, 7), False, 0.1, ["quick"]),  # one at least
        ((9, 9), False, 99.0, []),
        ((9, 9), True, 99.0, ["other", "quick", "slow"]),  # a constant is reached by all who reach its file
    ],
)
def test_which_tests_are_run(lines: tuple[int, int], constant: bool, budget_s: float, tests: list[str]) -> None:  # noqa: FBT001 - a table's column
    """A mutant meets the tests that reach its lines, the shortest first, within its budget."""
    mutant = Mutant(name="m", where="f", constant=constant, lines=lines)
    known = REACH.took_s.keys() - {"gone"}
    assert REACH.of(Case(path="f.py", nth=0, mutant=mutant), known, 3.0, budget_s) == tests
    assert REACH.of(Case(path="g.py", nth=0, mutant=mutant), known, 3.0, budget_s) == []


def test_who_noticed_last_is_asked_first() -> None:
    """Tests that noticed another wrong of the function come before the shorter ones, where they reach it at all."""
    mutant = Mutant(name="m", where="f", constant=False, lines=(7, 8))
    case, known = Case(path="f.py", nth=0, mutant=mutant), REACH.took_s.keys() - {"gone"}
    assert REACH.of(case, known, 3.0, 99.0, ["elsewhere", "slow"]) == ["slow", "other", "quick"]
