"""The page `docs/lab-refusals.md`: the table, what the lab makes of each row, and what moto makes of it.

`make lab-refusals` writes it and says on the way where the two differ.
"""

import re
import sys
from collections import Counter
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from lab.conformance.region import ACCEPTED, BREAKS, NO_SCENE, Outcome, lab_region, moto_region, tried
from lab.conformance.row import Row
from lab.conformance.table import ROWS, TABLE

PAGE = Path(__file__).resolve().parents[3] / "docs" / "lab-refusals.md"
SAME = "same code"
_WORDS = {ACCEPTED: "accepts it", BREAKS: "breaks", NO_SCENE: "cannot set the scene"}
_HEAD = """# What the lab refuses

Each row is an input that AWS refuses. A test sends it to the lab's API and expects AWS's code, AWS's words where they
are known, and that nothing has changed; it also sends the same put right and expects that to be accepted. moto {moto},
in server mode, is the second opinion. `make lab-refusals` writes this page. Nothing in it was tried on AWS itself.

How sure a row is of its code:

- **stated**: AWS's reference ties the code to the input.
- **seen**: people have shown this answer of AWS in public, mostly in issues and in notes on failed deployments.
- **assumed**: AWS states the rule. The code is what the service has for such inputs; AWS may answer with another one.

{summary}
"""


def cell(row: Row, outcome: Outcome) -> str:
    """Return what a region made of the bad input of a row, in a word or two."""
    if outcome.code == row.claim.code:
        return SAME
    return _WORDS.get(outcome.code, f"`{outcome.code}`")


def rendered(lab: Mapping[str, str], moto: Mapping[str, str], moto_version: str) -> str:
    """Return the page.

    Args:
        lab: what the lab made of each row, by its name.
        moto: likewise, moto.
        moto_version: e.g. `5.2.5`.
    """
    parts = [_HEAD.format(moto=moto_version, summary=_summary(lab, moto, moto_version))]
    for heading, rows in TABLE.items():
        lines = "\n".join(_line(row, lab[row.what], moto[row.what]) for row in rows)
        parts.append(
            f"## {heading}\n\n| Input | Call | AWS | How sure | Lab | moto |\n|---|---|---|---|---|---|\n{lines}\n"
        )
    return "\n".join(parts)


def told(page: str) -> dict[str, str]:
    """Return what a page says of moto, by the name of the row."""
    return dict(re.findall(r"^\| (.+?) \| `.*\| (.+?) \|$", page, flags=re.MULTILINE))


def _summary(lab: Mapping[str, str], moto: Mapping[str, str], moto_version: str) -> str:
    sure = Counter(row.claim.sure for row in ROWS)
    of_lab, of_moto = (Counter(side.values()) for side in (lab, moto))
    refused = len(ROWS) - sum(of_moto[words] for words in _WORDS.values())
    told_of_lab = f"The lab refuses {of_lab[SAME]} of them with the code of this table."
    told_of_moto = f"moto {moto_version} refuses {refused}, {of_moto[SAME]} of them with the same code; it accepts"
    return (
        f"{len(ROWS)} inputs: {sure['stated']} stated, {sure['seen']} seen, {sure['assumed']} assumed. {told_of_lab}\n"
        f"{told_of_moto} {of_moto[_WORDS[ACCEPTED]]} and breaks, with HTTP status 500, at {of_moto[_WORDS[BREAKS]]}."
    )


def _line(row: Row, lab: str, moto: str) -> str:
    claim = row.claim
    aws = f"`{claim.code}`" + (f": {claim.says}" if claim.says else "")
    cells = (row.what, f"`{row.call.split()[1]}`", aws, f"{claim.sure}; {claim.source}", lab, moto)
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Run the table against both, say where they differ, and write the page."""
    with lab_region() as region:
        lab = {row.what: cell(row, tried(region, row, spoiled=True)) for row in ROWS}
    with moto_region() as region:
        moto = {row.what: cell(row, tried(region, row, spoiled=True)) for row in ROWS}
    for what, words in lab.items():
        if moto[what] != words:
            sys.stdout.write(f"{what}: the lab {words}, moto {moto[what]}\n")
    PAGE.write_text(rendered(lab, moto, version("moto")), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name}: {len(ROWS)} inputs, {sum(moto[what] != lab[what] for what in lab)} differences\n")


if __name__ == "__main__":
    main()
