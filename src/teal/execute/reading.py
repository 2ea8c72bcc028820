"""Reading, tried again while AWS is busy: for a minute forward, on a way back for longer, or not for long at all."""

from teal.errors import TransientError, UnknownAnswerError
from teal.model.snapshot import Snapshot
from teal.observe.observer import Observer
from teal.ports import Clock

READ_DEADLINE_S = 60.0
GLANCE_PATIENCE_S = 2.0
FIRST_RETRY_S = 0.2
OLD_LOOK_S = 30.0  # a machine may have slept over what began so long ago, and others gone on
SLEPT_S = 120.0  # a lean look may take long only because AWS does; then a way back shall not wait for another


def read_all(observer: Observer, clock: Clock, *, lean: bool, going_back: bool) -> Snapshot:
    """Return a full look; of one over which the machine slept, the one after it: only once, for it may take as long.

    Raises:
        AwsError: AWS did not answer for a minute, or on a way back for ten.
    """
    started_s, retry_s, first = clock.now_s(), FIRST_RETRY_S, None
    while True:
        try:
            found = observer.full(lean=lean)
            if first is not None or clock.now_s() - found.taken_at_s <= (SLEPT_S if lean else OLD_LOOK_S):
                return found
            first = found
            continue
        except (TransientError, UnknownAnswerError):
            if first is not None:
                return first  # better than none
            if clock.now_s() - started_s > READ_DEADLINE_S * (10 if going_back else 1):
                raise
        clock.sleep(retry_s)
        retry_s = min(2 * retry_s, 5.0)


def read_routes(observer: Observer, clock: Clock, before: Snapshot, *, going_back: bool) -> Snapshot | None:
    """Return a glance at the routes; None where a way back has waited long enough for it.

    Raises:
        AwsError: AWS did not answer for a minute.
    """
    started_s = clock.now_s()
    while True:
        try:
            return observer.glance(before, hurried=going_back)
        except (TransientError, UnknownAnswerError):
            waited_s = clock.now_s() - started_s
            if going_back and waited_s > GLANCE_PATIENCE_S:
                return None
            if waited_s > READ_DEADLINE_S:
                raise
        clock.sleep(FIRST_RETRY_S)
