"""The labs of this machine, through their thin module."""

from pathlib import Path

import pytest

from teal.app.labs import LocalLabs
from teal.errors import LabError, UsageError


def test_without_a_lab_everything_says_so(tmp_path: Path) -> None:
    """No state, no lab: status is None, ending it is fine, the rest names `teal lab up`."""
    labs = LocalLabs({"XDG_STATE_HOME": str(tmp_path)})
    assert labs.root == tmp_path / "teal" / "labs"
    assert (labs.status("lab"), labs.down("lab")) == (None, False)
    for ask in (lambda: labs.environment("lab"), lambda: labs.url("lab", None)):
        with pytest.raises(LabError) as caught:
            ask()
        assert "teal lab up" in caught.value.hint


def _break_and_keep(labs: LocalLabs, place: Path) -> None:
    """Let a fault begin and end, tell it, and write the region down and back."""
    fault = labs.break_("climy", {"kind": "kill-task"}, seed=7, for_s=300.0)
    assert fault["ends_at"] > fault["began_at"]
    assert [each["seed"] for each in labs.faults("climy")] == [7]
    file, other = place / "x.lab", place / "notes.txt"
    for _ in range(2):  # the second one over the first
        assert labs.snapshot("climy", file) == file.stat().st_size
    assert file.stat().st_mode & 0o777 == 0o600
    other.write_text("precious")
    for refuse in (lambda: labs.snapshot("climy", other), lambda: labs.restore("climy", other)):
        with pytest.raises(UsageError, match=r"notes\.txt"):
            refuse()
    assert other.read_text() == "precious"
    for missing in (lambda: labs.restore("climy", place / "no"), lambda: labs.snapshot("climy", place / "no" / "x")):
        with pytest.raises(UsageError, match="cannot be"):
            missing()
    labs.restore("climy", file)
    assert labs.mend("climy", ()) == []  # the restore has ended it
    ((missed, told), (_, rest)) = labs.events("climy", 1, follow=False)
    assert (missed, rest) == (0, [])
    assert [each["number"] for each in told] == [1, 2, 3]
    assert "restored from a snapshot" in [each["message"] for each in told]
    assert labs.event_at("climy", 3600.0) == 0
    assert labs.event_at("climy", -3600.0) == 4


def test_load_goes_to_http_only(tmp_path: Path) -> None:
    """What is no http:// URL is refused before anything starts."""
    with pytest.raises(UsageError):
        LocalLabs({"HOME": str(tmp_path)}).load("https://x/", rate_per_s=1, duration_s=1, headers=())


@pytest.mark.lab
def test_a_lab_comes_up_tells_of_itself_and_ends(tmp_path: Path) -> None:
    """Up, status, environment, no listener yet, down, gone."""
    labs = LocalLabs({"XDG_STATE_HOME": str(tmp_path)})
    try:
        view = labs.up("climy", port=0, time_scale=0.01, config=None)
        assert view["api"] == labs.environment("climy")["AWS_ENDPOINT_URL"]
        seen = labs.status("climy") or {}
        assert (seen["name"], seen["network"] in range(7, 100)) == ("climy", True)
        with pytest.raises(LabError, match="no listener on port 80"):
            labs.url("climy", 80)
        _break_and_keep(labs, tmp_path)
    finally:
        assert labs.down("climy")
    assert labs.status("climy") is None
