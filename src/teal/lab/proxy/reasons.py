"""Why a target is unhealthy. Envoy says only that it is, so the lab asks the target once per interval itself.

The questions are asked on threads of their own: whoever wants a reason gets the last one known, at once.
"""

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException

from teal.lab.proxy.verdict import Key
from teal.lab.world.wires import HealthCheck

_AT_ONCE = 4
FAILED = ("Target.FailedHealthChecks", "Health checks failed")
TIMED_OUT = ("Target.Timeout", "Request timed out")
Reason = tuple[str, str]


def ask(dial: tuple[str, int], check: HealthCheck) -> Reason:
    """Do one health check and return what is wrong with the target."""
    host, port = dial
    connection = HTTPConnection(host, check.port or port, timeout=check.timeout_s)
    try:
        connection.request("GET", check.path, headers={"User-Agent": "ELB-HealthChecker/2.0"})
        status = connection.getresponse().status
    except TimeoutError:
        return TIMED_OUT
    except (OSError, HTTPException):
        return FAILED
    finally:
        connection.close()
    if any(first <= status <= last for first, last in check.codes):
        return FAILED  # it recovers, yet has not passed often enough
    return "Target.ResponseCodeMismatch", f"Health checks failed with these codes: [{status}]"


@dataclass(slots=True)
class _Asked:
    at_s: float
    answer: Future[Reason]
    last: Reason = FAILED


@dataclass(slots=True)
class Reasons:
    """The last known reason of every unhealthy target."""

    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_AT_ONCE, "lab-reasons"))
    _asked: dict[Key, _Asked] = field(default_factory=dict[Key, _Asked])

    def of(self, key: Key, check: HealthCheck, dial: tuple[str, int], now_s: float) -> Reason:
        """Return why a target is unhealthy, and ask again when the last answer is an interval old."""
        asked = self._asked.get(key)
        if asked is None:
            asked = self._asked[key] = _Asked(now_s, self._threads.submit(ask, dial, check))
        if asked.answer.done():
            asked.last = asked.answer.result()
            if now_s >= asked.at_s + check.interval_s:
                asked.at_s, asked.answer = now_s, self._threads.submit(ask, dial, check)
        return asked.last

    def keep_only(self, keys: Iterable[Key]) -> None:
        """Forget the reasons of all other targets."""
        kept = set(keys)
        self._asked = {key: asked for key, asked in self._asked.items() if key in kept}

    def close(self) -> None:
        """Ask nothing any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)
