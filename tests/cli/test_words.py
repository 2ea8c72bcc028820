"""Where the number of a deployment comes from, and other words of a deployment."""

import pytest

from cli_stage import Stage
from teal.model.run import Deploy, Flip


@pytest.mark.parametrize(
    ("words", "environ", "seq"),
    [
        ("deploy --yes", {}, None),
        ("deploy --yes --seq 7", {}, 7),
        ("deploy --yes", {"TEAL_DEPLOY_SEQ": "1", "TEAL_SEQ": "6"}, 6),
        ("deploy --yes", {"GITHUB_RUN_NUMBER": "812"}, 812),
        ("deploy --yes", {"CI_PIPELINE_IID": "31"}, 31),
        ("deploy --yes", {"BUILD_NUMBER": "5"}, 5),
        ("deploy --yes", {"BUILD_NUMBER": "2026.11"}, None),
        ("deploy --yes", {"GITHUB_RUN_NUMBER": "812", "TEAL_SEQ": "9"}, 9),
        ("deploy --yes --seq 7", {"GITHUB_RUN_NUMBER": "812"}, 7),
        ("plan", {"GITHUB_RUN_NUMBER": "812"}, 812),
        ("plan --seq 0", {"GITHUB_RUN_NUMBER": "812"}, 0),
    ],
)
def test_the_number_is_the_flags_or_the_ci_runs(words: str, environ: dict[str, str], seq: int | None) -> None:
    """The flag, then TEAL_SEQ, then the run number of a known CI system; what is no number is none."""
    play = Stage(environ=environ)
    assert play.play(*words.split()).exit_code == 0
    assert play.app.asked == [Deploy(seq=seq)]


def test_older_is_allowed_by_word_alone() -> None:
    """`--allow-older` reaches the intent; a negative number is a mistake of the command line."""
    play = Stage()
    play.play("deploy", "--yes", "--seq", "3", "--allow-older")
    assert play.app.asked == [Deploy(seq=3, allow_older=True)]
    assert Stage().play("deploy", "--yes", "--seq", "-3").exit_code == 2


@pytest.mark.parametrize(
    ("words", "intent"),
    [("deploy --yes --adopt", Deploy(adopt=True)), ("flip --yes --adopt", Flip(adopt=True))],
)
def test_adopting_is_asked_for_by_word(words: str, intent: Deploy | Flip) -> None:
    """`--adopt` reaches the intent."""
    play = Stage()
    play.play(*words.split())
    assert play.app.asked == [intent]
