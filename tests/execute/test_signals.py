"""The first signal reaches a safe stop in under seven seconds of AWS, in every stage; the same command goes on."""

from collections.abc import Mapping
from typing import Any

import pytest

from execute.disturbing import served_twice
from lives import fork, must, on, rest, state, watched
from region import Stage
from teal.model.run import Deploy, Intent, Retire, Rollback

SAFE_STOP_S = 7.0
STAGES: dict[str, tuple[Intent, str, int]] = {  # the command, and after which call of which operation
    "announced": (Deploy(), "AddTags", 1),
    "starting": (Deploy(), "UpdateService", 1),
    "shift announced": (Deploy(), "AddTags", 2),
    "one route at 10 %": (Deploy(), "ModifyRule", 1),
    "at 10 %": (Deploy(), "ModifyRule", 2),
    "one route at 50 %": (Deploy(), "ModifyRule", 3),
    "bake": (Deploy(), "ModifyRule", 6),
    "going back": (Rollback(), "ModifyRule", 1),
    "retiring": (Retire(), "UpdateService", 1),
}


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """Slot b serves 2, slot a is warm with 1; holds are shorter than on AWS, looks are as far apart."""
    return rest(served_twice(tmp_path_factory.mktemp("warm"), time_scale=0.25, bake="1m"))


@pytest.mark.parametrize("later_s", [0.0, 1.3])
@pytest.mark.parametrize("name", STAGES)
def test_a_signal_stops_safely_and_soon(warm: Stage, name: str, later_s: float) -> None:
    """At a call or in the wait after it: production is whole, nothing is split, and the command goes on."""
    intent, operation, nth = STAGES[name]
    play = on(fork(warm), "3")
    production = watched(play)
    looking = play.region.after_call
    assert looking is not None
    calls, sent = 0, list[float]()

    def after(service: str, called: str, params: Mapping[str, Any]) -> None:
        nonlocal calls
        looking(service, called, params)
        calls += called == operation
        if called == operation and calls == nth and not sent:
            sent.append(play.region.now_s + later_s)

    def tick() -> None:
        if sent and play.region.now_s >= sent[0]:
            play.region.signal = 15

    play.region.after_call = after
    play.region.each_tick.append(tick)
    ended = play.run(intent)
    finishes = isinstance(intent, Rollback)  # a way back that has begun is short, and is finished
    assert ended.exit_code == (0 if finishes else 143), ended
    assert ended.at_s - sent[0] < SAFE_STOP_S
    assert set(state(play).shares.split()) <= {"0", "100"}
    assert production.failures == ()
    play.region.signal, play.region.after_call = None, None
    play.region.each_tick.clear()
    must(play, intent)


def test_a_signal_before_the_first_write_leaves_everything(warm: Stage) -> None:
    """Nothing was begun, nothing is written."""
    play = on(fork(warm), "3")
    play.region.signal = 2
    since = len(play.region.written)
    assert (play.run(Deploy()).exit_code, len(play.region.written)) == (130, since)
