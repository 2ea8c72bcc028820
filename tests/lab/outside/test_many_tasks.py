"""Many tasks at once on the few processors of this machine. How fast that goes is `make bench-lab-scale`."""

import pytest

from lab.outside.town import Town, until

pytestmark = pytest.mark.lab
NAMES = tuple(f"web-{number}" for number in range(1, 7))


def test_sixty_tasks_in_six_services(town: Town) -> None:
    """60 tasks of 6 services that are created in one go all become healthy, and every deployment completes."""
    town.build(*NAMES)
    definition = town.define({"REVISION": "one"})
    for name in NAMES:
        town.serve(name, definition, count=10)
    until(lambda: all(town.states(name).count("healthy") == 10 for name in NAMES), "60 are healthy", within_s=180)
    until(
        lambda: {town.look(name)["deployments"][0]["rolloutState"] for name in NAMES} == {"COMPLETED"},
        "all deployments are complete",
        within_s=60,
    )
    assert {town.look(name)["runningCount"] for name in NAMES} == {10}
    assert town.answers() == {(200, "one")}
