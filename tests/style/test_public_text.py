"""What is published names no machine, no registry and no place of work."""

import re

import pytest

from style.house import ROOT, files

# Written in pieces, so that this file is not its own finding.
FORBIDDEN = {
    "a package registry": r"pypi" + r"\.org|pythonhosted" + r"\.org|registry\.npm" + r"js|registry\.yarn" + r"pkg",
    "where packages come from": r"(?<!emit-)index" + r"-url",
    "a path of one machine": r"(?<![\w.$}~-])/(work|root|home|Users)" + r"/(?!<)[\w.]",
}
_BINARY = {".png", ".gif", ".ico", ".woff2"}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_names(what: str) -> None:
    """No file of the repository names a registry's host or an absolute path of a person's machine."""
    found = list[str]()
    for path in files():
        if path.suffix in _BINARY:
            continue
        for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), start=1):
            if re.search(FORBIDDEN[what], line):
                found.append(f"{path}:{number}: {line.strip()[:100]}")
    assert found == []
