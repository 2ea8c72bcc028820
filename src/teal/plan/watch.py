"""What is asked at every look while something is waited for or green has weight.

A wait is judged against a look: done, not yet (and when to look again), or failed. While green has weight its targets
are the fastest witness: fewer than half of them healthy sends production back.
"""

from dataclasses import dataclass
from typing import assert_never

from teal.model.run import Run, TurnBack
from teal.model.snapshot import Snapshot
from teal.model.spec import Spec
from teal.model.step import AwaitWhole, Hold, Wait
from teal.model.step_retire import AwaitDrained, AwaitStill
from teal.plan.facts import Facts
from teal.plan.retiring import empty, retired
from teal.plan.situation import Row, share_of
from teal.plan.whole import alone, holds, progress, whole

HEALTH_POLL_S = 4.0  # on AWS; ten minutes of waiting make 150 of these


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The wait is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotYet:
    """Look again after a while."""

    retry_after_s: float
    progress: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """It will not come."""

    reason: str
    deadline: bool = False


Answer = Done | NotYet | Failed


def check(step: Wait, spec: Spec, snapshot: Snapshot, run: Run, now_s: float) -> Answer:
    """Judge a wait against a look."""
    match step:
        case AwaitWhole():
            return _await_whole(step, spec, snapshot, run, now_s)
        case Hold():
            return _hold(step, snapshot, now_s)
        case AwaitStill():
            return _await_still(step, snapshot, now_s)
        case AwaitDrained():
            return _await_drained(step, snapshot, now_s)
        case _:
            assert_never(step)


def _poll_s(snapshot: Snapshot) -> float:
    return max(HEALTH_POLL_S * min(snapshot.caller.time_scale * 4, 1.0), 0.25)


def _await_whole(step: AwaitWhole, spec: Spec, snapshot: Snapshot, run: Run, now_s: float) -> Answer:
    state = snapshot.slot(step.slot)
    revision = step.revision or 0
    steady_s = now_s - run.whole_since_s if run.whole_since_s is not None else -1.0
    ready = holds(spec, state, revision) if step.putting_back else whole(spec, state, revision, step.count)
    if ready and (step.putting_back or steady_s >= step.healthy_for_s):
        return Done()
    if now_s >= step.deadline_at_s:
        return Failed(
            reason=f"slot {step.slot} did not become whole in time: {progress(state, step.count)}", deadline=True
        )
    poll_s = _poll_s(snapshot)
    if ready:
        poll_s = min(poll_s, max(step.healthy_for_s - steady_s, 0.05))
        return NotYet(
            retry_after_s=poll_s, progress=f"{progress(state, step.count)}; steady for {max(steady_s, 0):.0f} s"
        )
    return NotYet(retry_after_s=poll_s, progress=progress(state, step.count))


def _hold(step: Hold, snapshot: Snapshot, now_s: float) -> Answer:
    until_s = step.until_s if step.until_s is not None else now_s
    if now_s >= until_s:
        return Done()
    left_s = until_s - now_s
    state = snapshot.slot(step.slot)
    return NotYet(
        retry_after_s=min(_poll_s(snapshot), left_s),
        progress=f"{step.percent} % on slot {step.slot}, {left_s:.0f} s left; {state.healthy} healthy",
    )


def _await_still(step: AwaitStill, snapshot: Snapshot, now_s: float) -> Answer:
    left_s = step.until_s - now_s
    if left_s <= 0:
        return Done()
    return NotYet(retry_after_s=min(_poll_s(snapshot), left_s), progress=f"another look in {left_s:.0f} s")


def _await_drained(step: AwaitDrained, snapshot: Snapshot, now_s: float) -> Answer:
    state = snapshot.slot(step.slot)
    if empty(state) or not retired(state):
        return Done()
    if now_s >= step.deadline_at_s:
        return Failed(reason=f"slot {step.slot} is scaled to 0 and not empty yet: {progress(state, 0)}", deadline=True)
    return NotYet(retry_after_s=_poll_s(snapshot), progress=progress(state, 0))


def harm(facts: Facts) -> TurnBack | None:
    """Return the verdict to go back that a green with weight gives; None while all is well."""
    move, tag = facts.situation.move, facts.situation.deployment
    if facts.situation.row not in {Row.STEP, Row.WRITING, Row.BAKING} or move is None or tag is None:
        return None
    if move.origin is None:
        return None
    if not alone(facts.spec, facts.target, tag.revision):
        reason = f"slot {facts.to} does not hold revision {tag.revision} alone: somebody else updated its service"
        return TurnBack(reason=reason, judged=False, exit_code=7)
    for route in facts.snapshot.routes:
        if share_of(facts.snapshot, route, facts.to):
            reason = _sick(facts, route.spec.group_key)
            if reason:
                return TurnBack(reason=reason)
    return None


def _sick(facts: Facts, key: str) -> str:
    """Say whether fewer than half of the tasks that are wanted behind a group are healthy targets of it.

    Of a green that this run is giving more tasks, the newcomers are not counted before they are whole.
    """
    group, service = facts.target.group(key), facts.target.service
    before = facts.run.raised_from
    idle = {"draining"} if before is None else {"draining", "initial"}
    serving = [target for target in group.targets or () if target.state not in idle]
    desired = before if before is not None else service.desired if service is not None else 0
    wanted = max(len(serving), desired, 1)
    if group.targets is None or 2 * group.healthy >= wanted:
        return ""
    return f"{group.healthy} of {wanted} targets of {group.spec.name} are healthy"
