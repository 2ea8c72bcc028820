"""The page in docs says what is so."""

from importlib.metadata import version

from lab.conformance.page import PAGE, SAME, cell, rendered, told
from lab.conformance.region import lab_region, moto_region, tried
from lab.conformance.table import ROWS

_SAMPLE = 15  # one row out of so many; moto takes its time


def test_the_page_is_what_table_and_lab_say() -> None:
    """The committed page is the table of today with what the lab answers today; `make lab-refusals` renews it."""
    page = PAGE.read_text(encoding="utf-8")
    moto = told(page)
    with lab_region() as region:
        lab = {row.what: cell(row, tried(region, row, spoiled=True)) for row in ROWS}
    assert set(lab.values()) == {SAME}
    assert moto.keys() == lab.keys()
    assert page == rendered(lab, moto, version("moto"))


def test_the_page_tells_the_truth_about_moto() -> None:
    """A sample of the rows, sent to moto as a server, is answered as the page says."""
    moto = told(PAGE.read_text(encoding="utf-8"))
    rows = ROWS[::_SAMPLE]
    with moto_region() as region:
        answered = {row.what: cell(row, tried(region, row, spoiled=True)) for row in rows}
    assert answered == {row.what: moto[row.what] for row in rows}
