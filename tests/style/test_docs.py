"""The pages keep their word: links lead somewhere, commands exist, every public noun is explained."""

import re
from pathlib import Path

import pytest

from style.house import ROOT, files, pages, prose
from teal import errors

WORDS = (
    *("app", "slot", "move", "blue", "green", "route", "taste route", "weight", "split", "stage", "gate", "evidence"),
    *("verdict", "flip", "roll back", "retire", "bake", "hold", "drain", "deregistration delay", "drift", "journal"),
    *("lock", "lease", "epoch"),
)
# Of the signals only these two, which are no class of their own: SIGINT and SIGTERM.
SIGNAL_CODES = {130, 143}
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@pytest.mark.parametrize("page", pages(), ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    """Every link to a place in the repository names a file, and a heading where it names one."""
    assert [target for target in _LINK.findall(prose(page)) if not _resolves(page, target)] == []


def test_make_targets_exist() -> None:
    """Every `make …` that a page tells people to run is a target of the Makefile; the README has its two."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    told = {page: set(re.findall(r"(?:^|`)make ([a-z-]+)", _text(page), flags=re.MULTILINE)) for page in pages()}
    assert {str(page): words - targets for page, words in told.items() if words - targets} == {}
    assert told[Path("README.md")] >= {"demo", "test"}


def test_glossary_explains_every_word() -> None:
    """The glossary has a row for each word that teal uses in its own sense."""
    cells = re.findall(r"^\| (\*\*.+?) \|", _text(Path("docs/glossary.md")), flags=re.MULTILINE)
    explained = {word for cell in cells for word in re.findall(r"\*\*(.+?)\*\*", cell)}
    assert set(WORDS) - explained == set()


def test_readme_lists_every_exit_code() -> None:
    """The README explains each exit code that an error of teal can have."""
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", _text(Path("README.md")), flags=re.MULTILINE)}
    known = {error.exit_code for error in vars(errors).values() if _is_error(error)}
    assert known | SIGNAL_CODES | {0} <= told


def test_readme_quotes_the_guarantees() -> None:
    """Each large figure with which the README says how far teal is tested stands on the page of guarantees."""
    told = _text(Path("README.md")).partition("## How far it is tested")[2].partition("\n## ")[0]
    figures = set(re.findall(r"\d+(?:,\d{3})+|\b\d{2,}\b", told))
    assert len(figures) > 5
    assert figures - set(re.findall(r"\d+(?:,\d{3})+|\b\d{2,}\b", _text(Path("docs/guarantees.md")))) == set()


def test_decision_table_is_complete() -> None:
    """The specification has the rows 1 to 23 of the decision table, each once and in order."""
    rows = re.findall(r"^\| (\d+) \|", _text(Path("docs/how-it-works.md")), flags=re.MULTILINE)
    assert [int(row) for row in rows] == list(range(1, 24))


def _is_error(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, errors.TealError)


def _text(page: Path) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def _resolves(page: Path, target: str) -> bool:
    if target.startswith(("https://", "http://", "mailto:")):
        return True
    name, _, anchor = target.partition("#")
    path = (ROOT / page.parent / name).resolve().relative_to(ROOT) if name else page
    if path not in files() and not (ROOT / path).is_dir():
        return False
    return not anchor or anchor in _anchors(path)


def _anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", prose(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
