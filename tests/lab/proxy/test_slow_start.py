"""Which share a target gets while it starts slowly, and how often a new one is checked from the beginning."""

from dataclasses import replace

import pytest

from lab.proxy.stage import CHECK, Stage, forward, group, host, target, until
from teal.lab.proxy.slow_start import SlowStarts
from teal.lab.proxy.standing import Standing, Standings
from teal.lab.proxy.verdict import Key, State
from teal.lab.world.wires import ProxyTarget

OLD, NEW, OTHER = (("g", f"10.0.0.{i}", 80) for i in (1, 2, 3))
DIAL = ("127.0.0.1", 8080)
Look = tuple[float, dict[Key, State]]


@pytest.mark.parametrize(
    ("looks", "weights"),
    [
        pytest.param([(0, {OLD: "healthy", NEW: "healthy"})], {OLD: 100, NEW: 100}, id="together"),
        pytest.param([(0, {OLD: "initial"})], {OLD: 100}, id="the first"),
        pytest.param([(0, {OLD: "healthy"}), (1, {OLD: "healthy", NEW: "initial"})], {OLD: 100, NEW: 1}, id="coming"),
        pytest.param([(0, {OLD: "healthy"}), (1, {OLD: "healthy", NEW: "healthy"})], {OLD: 100, NEW: 1}, id="begins"),
        pytest.param(
            [(0, {OLD: "healthy"}), (1, {OLD: "healthy", NEW: "healthy"}), (6, {OLD: "healthy", NEW: "healthy"})],
            {OLD: 100, NEW: 50},
            id="half",
        ),
        pytest.param(
            [(0, {OLD: "healthy"}), (1, {OLD: "healthy", NEW: "healthy"}), (11, {OLD: "healthy", NEW: "healthy"})],
            {OLD: 100, NEW: 100},
            id="over",
        ),
        pytest.param(
            [
                (0, {OLD: "healthy"}),
                (1, {OLD: "healthy", NEW: "healthy"}),
                (5, {OLD: "healthy", NEW: "unhealthy"}),
                (6, {OLD: "healthy", NEW: "healthy"}),
            ],
            {OLD: 100, NEW: 1},
            id="again",
        ),
        pytest.param(
            [
                (0, {OLD: "healthy"}),
                (1, {OLD: "healthy", NEW: "healthy"}),
                (2, {OLD: "unhealthy", NEW: "healthy", OTHER: "healthy"}),
            ],
            {OLD: 100, NEW: 10, OTHER: 100},
            id="nobody has a full share",
        ),
    ],
)
def test_shares(looks: list[Look], weights: dict[Key, int]) -> None:
    """A target that becomes healthy beside one of full share begins at nothing and has its own after 10 s."""
    starts = SlowStarts()
    assert [starts.weights(states, 10.0, now_s) for now_s, states in looks][-1] == weights


def test_slow_start_is_switched() -> None:
    """Switched on it leaves the healthy alone, switched off it ends for all; who comes back is new."""
    starts = SlowStarts()
    both: dict[Key, State] = {OLD: "healthy", NEW: "healthy"}
    assert starts.weights(both, 0.0, 0.0) == {OLD: 100, NEW: 100}
    assert starts.weights(both, 10.0, 1.0) == {OLD: 100, NEW: 100}
    starts.keep_only({OLD})
    assert starts.weights(both, 10.0, 2.0) == {OLD: 100, NEW: 1}
    assert starts.weights(both, 0.0, 3.0) == {OLD: 100, NEW: 100}


def test_a_first_check_begins_again_once_per_interval() -> None:
    """A new target gets another first check when its next one is due, not sooner; its share stays."""
    standings = Standings()
    standings.weigh("g", {DIAL: 40})
    begun = [standings.begin_again("g", DIAL, 5.0, now_s) for now_s in (0.0, 4.9, 5.0, 9.9, 10.0)]
    assert begun == [False, False, True, False, True]
    assert standings.of("g", DIAL) == Standing(attempt=2, weight=40)
    standings.keep_only(set())
    assert standings.of("g", DIAL) == Standing()


@pytest.mark.lab
def test_one_passed_check_will_do(stage: Stage) -> None:
    """A target that fails its first checks is healthy at the first one it passes; later it takes the threshold."""
    check = replace(CHECK, interval_s=0.5, timeout_s=0.4, healthy_count=1000, unhealthy_count=40)
    stage.app(host(1), HEALTH_AFTER_SECONDS="2")
    stage.show((group("blue", target("t", host(1), 8080), check=check),), forward(("blue", 1)))
    until(lambda: stage.all_states("initial") and stage.settled("/health", status=500), "it fails")
    until(lambda: stage.all_states("healthy"), "one passed check")


@pytest.mark.lab
def test_slow_start(stage: Stage) -> None:
    """A target that joins others gets few requests at first, and its full share in the end."""
    for i in (1, 2):
        stage.app(host(i), REVISION=str(i))
    old, new = (target(name, host(i), 8080) for i, name in enumerate("ab", 1))

    def slow(*targets: ProxyTarget, slow_start_s: float) -> None:
        stage.show((replace(group("blue", *targets), slow_start_s=slow_start_s),), forward(("blue", 1)))

    def share() -> int:
        return sum(stage.ask().headers["x-revision"] == "2" for _ in range(60))

    slow(old, slow_start_s=3600.0)
    until(lambda: stage.all_states("healthy") and stage.settled(status=200), "the first is healthy")
    slow(old, new, slow_start_s=3600.0)
    until(lambda: stage.all_states("healthy", "healthy"), "the second is healthy")
    assert share() <= 6
    slow(old, new, slow_start_s=0.0)
    until(lambda: share() >= 24, "its full share")
