"""Snapshots as tables want them: one line per scene, everything else as it is in a healthy app of `n` routes."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import seen
from teal.model.decision import Decision, Steps
from teal.model.identity import LabFacts, Slot
from teal.model.run import Intent, Run
from teal.model.snapshot import RouteState, Snapshot
from teal.model.spec import DeploySpec, RouteCreate, RouteSpec, ShiftStep, Spec
from teal.model.tags import MOVE
from teal.model.traffic import Forward, Rule
from teal.model.workload import Service
from teal.plan.facts import Facts
from teal.plan.planner import plan

NOW_S = seen.NOW_S
LONG_AGO = int(NOW_S) - 4000
SHIFT = (
    ShiftStep(percent=10, hold_s=120.0),
    ShiftStep(percent=50, hold_s=60.0),
    ShiftStep(percent=100, hold_s=0.0),
)


def routes(count: int, *, create: bool = False) -> tuple[RouteSpec, ...]:
    """Return the configuration of `count` routes."""
    return tuple(
        replace(
            seen.ROUTE,
            priority=None if create else 20 + index,
            create=RouteCreate(priority=20 + index, conditions=()) if create else None,
        )
        for index in range(count)
    )


def spec(
    count: int = 1, *, create: bool = False, deploy: DeploySpec | None = None, image: str = "shop/web:1.42"
) -> Spec:
    """Return the configuration; its content is that of revision 42."""
    wanted = seen.body(image)
    return replace(
        seen.spec(wanted=wanted),
        routes=routes(count, create=create),
        deploy=deploy or DeploySpec(shift=SHIFT, bake_s=300.0),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is there: the move tag, slot b's share per route (None: no rule), and the tags of both services.

    A tag of None means that there is no service; an empty one that it is not tagged.
    """

    move: str | None = None
    shares: Sequence[Fraction | int | None] = (0,)
    a: str | None = "d1.41.served"
    b: str | None = "d2.42"
    before: str = ""
    create: bool = False
    moves: tuple[str | None, ...] = ()  # per route, where they differ
    healthy: dict[Slot, int] = field(default_factory=dict[Slot, int])

    def seen(self) -> Snapshot:
        """Return the snapshot."""
        states = [
            seen.slot_state(slot, self._service(slot, tag), healthy=self.healthy.get(slot, 2) if tag is not None else 0)
            for slot, tag in ((Slot.A, self.a), (Slot.B, self.b))
        ]
        return replace(seen.snapshot(*states), routes=self.routes_seen())

    def routes_seen(self) -> tuple[RouteState, ...]:
        """Return the routes alone."""
        return tuple(self._route(*each) for each in enumerate(routes(len(self.shares), create=self.create)))

    def _service(self, slot: Slot, tag: str | None) -> Service | None:
        if tag is None:
            return None
        revision = int(tag.split(".")[1]) if tag else 40 + (slot is Slot.B)
        tags = {"deployment": tag} if tag else {}
        if slot is Slot.B and self.before:
            tags["before"] = self.before
        service = seen.service(slot, revision, **tags)  # type: ignore[arg-type]  # a row of tags
        return replace(service, breaker_enabled=True)

    def _route(self, index: int, route: RouteSpec) -> RouteState:
        share = self.shares[index]
        if share is None:
            return RouteState(spec=route, listener=seen.LISTENER, rule=None)
        part = Fraction(share)
        weights = ((Slot.A, int(100 * (1 - part))), (Slot.B, int(100 * part)))
        forward = Forward(shares=tuple((f"tg/{slot}", weight) for slot, weight in weights if weight))
        move = self.moves[index] if self.moves else self.move
        rule = Rule(
            arn=f"rule/{20 + index}",
            listener_arn=seen.LISTENER.arn,
            priority=20 + index,
            conditions=(),
            forward=forward,
            tags={MOVE: move} if move else {},
        )
        return RouteState(spec=route, listener=seen.LISTENER, rule=rule, matches=1)


def in_lab(found: Snapshot, time_scale: float) -> Snapshot:
    """Return the app in a lab that is so much faster than AWS."""
    return replace(found, caller=replace(found.caller, lab=LabFacts(time_scale=time_scale, low_port_offset=0)))


def run(**known: object) -> Run:
    """Return what a run knows at its beginning, and what a test adds."""
    known = {"started_at_s": NOW_S, **known}
    return Run(id="d9", secrets={slot: f"secret-{slot}" for slot in Slot}, **known)  # type: ignore[arg-type]  # fields of Run


def facts(found: Snapshot, run_knows: Run | None = None, now_s: float = NOW_S) -> Facts:
    """Return what a run has to decide from."""
    return Facts.of(spec(), found, run_knows or run(), now_s)


def decide(
    intent: Intent, scene: Scene, *, wanted: Spec | None = None, run_knows: Run | None = None, now_s: float = NOW_S
) -> Decision:
    """Return what is decided in a scene."""
    configured = wanted or spec(len(scene.shares), create=scene.create)
    return plan(intent, configured, scene.seen(), run_knows or run(), now_s)


def sentences(decision: Decision) -> list[str]:
    """Return the steps of a plan in words."""
    assert isinstance(decision, Steps), decision
    return [step.sentence() for step in decision.steps]
