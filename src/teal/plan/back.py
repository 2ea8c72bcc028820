"""The way back: weights first, then what records it.

Going back needs nothing of green. Its first writes are the production rules; only when those are done is it recorded
that the move was taken back. A newcomer that never became whole is replaced by what its slot held before; one that was
whole is kept for a look.
"""

from dataclasses import replace

from teal.model.identity import Slot
from teal.model.run import TurnBack
from teal.model.step import (
    AwaitWhole,
    CreateRoute,
    DeleteRoute,
    Step,
    TagDeployment,
    TagMove,
    TagVerdict,
    UpdateService,
    WriteRoute,
)
from teal.model.tags import ADOPTED_ID, DeploymentTag, MoveTag, Outcome, Stage
from teal.plan.drift import drifted
from teal.plan.facts import Facts
from teal.plan.forward import as_set, missing_routes, missing_tastes, rested
from teal.plan.situation import FULL, share_of
from teal.plan.whole import holds, primary_revision, whole

PUT_BACK_DEADLINE_S = 900.0
ROUTES_FIRST = "routes first"  # among what a run has passed: to record that it goes back has failed


def routes_to(facts: Facts, slot: Slot) -> tuple[WriteRoute, ...]:
    """Return the writes that send every route to `slot`: those whose last attempt failed come last.

    A drifted route is somebody else's now and is not touched.
    """
    foreign = _foreign(facts)
    writes = [
        WriteRoute(index=index, route=str(route.spec), shares=((slot, 100),))
        for index, route in enumerate(facts.snapshot.routes)
        if route.rule is not None and index not in foreign and share_of(facts.snapshot, route, slot) != FULL
    ]
    return tuple(sorted(writes, key=lambda write: facts.run.failed_writes.get(write.index, 0)))


def _foreign(facts: Facts) -> set[int]:
    return set(drifted(facts.snapshot)) | facts.run.foreign


def take_back(facts: Facts, why: TurnBack | None) -> tuple[Step, ...]:
    """Return the steps that send production to `from` and record that the move was taken back."""
    move = facts.situation.move
    if move is None:
        return _take_back_first(facts, why)
    if move.origin is None:
        return _take_back_created(facts, move, why)
    writes = routes_to(facts, move.origin)
    if move.stage is Stage.BACK:
        return (*writes, *_tag_back(facts))  # judged or not when it was taken back; only a late write is undone
    recorded = (*_tag_back(facts), *_verdict(facts, why))
    more = raise_blue(facts, move.origin)
    if writes and 0 in facts.run.failed_writes and ROUTES_FIRST not in facts.run.passed:
        # route 1 does not obey: say it on the service before route 2, so that nobody takes this for a flip half done
        return (*_tag_back(facts), *writes, *_verdict(facts, why), *more, *_move_back(facts, move))
    return (*writes, *recorded, *more, *_move_back(facts, move))


def raise_blue(facts: Facts, origin: Slot) -> tuple[Step, ...]:
    """Give blue as many tasks as green has: what green carried, blue must carry. Nobody waits for them."""
    blue, green = facts.snapshot.slot(origin).service, facts.snapshot.slot(origin.other).service
    if blue is None or green is None or blue.desired >= green.desired:
        return ()
    return (
        UpdateService(
            slot=origin,
            service=blue.name,
            family=facts.spec.family,
            revision=None,
            count=green.desired,
            settings=False,
        ),
    )


def _take_back_first(facts: Facts, why: TurnBack | None) -> tuple[Step, ...]:
    return (*_tag_back(facts), *_verdict(facts, why))


def _take_back_created(facts: Facts, move: MoveTag, why: TurnBack | None) -> tuple[Step, ...]:
    """A first deployment has no blue: the rules it created go, and what served the host before serves it again.

    One that somebody else has changed since is theirs now, and stays.
    """
    foreign = _foreign(facts)
    deletions = tuple(
        DeleteRoute(index=index, route=str(route.spec))
        for index, route in enumerate(facts.snapshot.routes)
        if route.rule is not None and route.spec.create is not None and route.move == move and index not in foreign
    )
    return (*deletions, *_tag_back(facts), *_verdict(facts, why))


def pause(facts: Facts) -> tuple[Step, ...]:
    """Return the steps of a safe stop while traffic is split: `from` gets all, the move is as before its shift."""
    move = facts.situation.move
    if move is None or move.origin is None:
        return ()
    prepared = move.entering(Stage.PREPARE, facts.now_s)
    return (*routes_to(facts, move.origin), TagMove(tag=prepared))


def put_back(facts: Facts, why: TurnBack) -> tuple[Step, ...]:
    """Return the steps that give the slot back what it held before the newcomer, then restore the earlier move."""
    state, before = facts.target, facts.target.before
    if before is None or state.service is None:
        return keep(facts, why)
    steps: list[Step] = []
    if primary_revision(state.service) != before.revision:
        steps += missing_tastes(facts)
        steps.append(
            UpdateService(
                slot=facts.to,
                service=state.service.name,
                family=facts.spec.family,
                revision=before.revision,
                count=None,
                settings=not as_set(state.service),  # else ECS may take this one back in its turn
                putting_back=True,
            )
        )
    if steps or not holds(facts.spec, state, before.revision):
        deadline_s = facts.deadline_s(PUT_BACK_DEADLINE_S, facts.now_s)
        steps.append(
            AwaitWhole(
                slot=facts.to,
                revision=before.revision,
                count=state.service.desired,
                healthy_for_s=0.0,
                deadline_at_s=deadline_s,
                putting_back=True,
            )
        )
    steps += [*_verdict(facts, why), TagDeployment(slot=facts.to, tag=before), _restored(facts, before)]
    return rested(facts, steps)


def keep(facts: Facts, why: TurnBack | None) -> tuple[Step, ...]:
    """Return the steps that leave the newcomer in its slot for a look, marked as taken back."""
    move = facts.situation.move
    tags = (*_tag_back(facts), *_verdict(facts, why))
    return (*tags, *_move_back(facts, move)) if move is not None else tags


def restore_earlier(facts: Facts) -> tuple[Step, ...]:
    """Return the step that makes the earlier move the record again (rows 4 and 5: the slot was not touched)."""
    return (_restored(facts, facts.situation.deployment),)


def _restored(facts: Facts, held: DeploymentTag | None) -> Step:
    """Return the tag of the move that was the last one before the present, read from what the slots hold."""
    origin, to = facts.to.other, facts.to
    if held is not None and held.outcome is Outcome.BACK:
        move = MoveTag(id=held.id, origin=origin, to=to, stage=Stage.BACK, entered_at_s=int(facts.now_s))
    elif held is not None and held.outcome is Outcome.BARE:
        move = MoveTag(id=held.id, origin=origin, to=to, stage=Stage.PREPARE, entered_at_s=int(facts.now_s))
    else:
        live = facts.snapshot.slot(origin).deployment
        identity = live.id if live is not None else ADOPTED_ID
        move = MoveTag(id=identity, origin=to, to=origin, stage=Stage.DONE, entered_at_s=int(facts.now_s))
    return TagMove(tag=move)


def _tag_back(facts: Facts) -> tuple[Step, ...]:
    tag = facts.situation.deployment
    if tag is None or tag.outcome is Outcome.BACK:
        return ()
    return (TagDeployment(slot=facts.to, tag=tag.ended(Outcome.BACK)),)


def _verdict(facts: Facts, why: TurnBack | None) -> tuple[Step, ...]:
    tag = facts.situation.deployment
    if tag is None or why is None or not why.judged or f"verdict:{tag.revision}" in facts.run.passed:
        return ()
    return (TagVerdict(family=facts.spec.family, revision=tag.revision, value=f"back.{int(facts.now_s)}"),)


def _move_back(facts: Facts, move: MoveTag) -> tuple[Step, ...]:
    return (TagMove(tag=move.entering(Stage.BACK, facts.now_s)),)


def onto_untouched(facts: Facts) -> tuple[Step, ...]:
    """Return the rollback onto the previous revision that an announced deployment has not touched (rows 4 and 9).

    It is the move that brought what serves now, taken back: green is the slot `from` of the announced one.
    """
    current = facts.to.other
    tag = facts.snapshot.slot(current).deployment
    steps: list[Step] = [*routes_to(facts, facts.to)]
    if tag is not None and tag.outcome is not Outcome.BACK:
        steps.append(TagDeployment(slot=current, tag=tag.ended(Outcome.BACK)))
    identity = tag.id if tag is not None else ADOPTED_ID
    taken_back = MoveTag(
        id=identity, origin=facts.to, to=current, stage=Stage.BACK, entered_at_s=int(facts.now_s)
    )  # fmt: skip
    return (*steps, TagMove(tag=taken_back))


def named_way_back(facts: Facts, slot: Slot) -> tuple[Step, ...]:
    """Return the steps that send production to a slot that a person named, and record it so that it can be read.

    Rules that are missing are created. They bear the app's move, or none where there is none: then all is at rest with
    no move on record, so that whoever is killed before it is recorded leaves nothing that cannot be explained.
    """
    other, failed = facts.snapshot.slot(slot.other), facts.run.failed_writes
    found: list[WriteRoute | CreateRoute] = [*routes_to(facts, slot), *missing_routes(facts, slot)]
    writes = sorted(found, key=lambda write: (failed.get(write.index, 0), write.index))
    if other.service is None:
        return (*writes, *_record_served(facts, slot))
    tag = other.deployment or DeploymentTag(id=facts.run.id, revision=primary_revision(other.service))
    back = tag.ended(Outcome.BACK)
    move = MoveTag(id=tag.id, origin=slot, to=slot.other, stage=Stage.BACK, entered_at_s=int(facts.now_s))
    tags = () if other.deployment == back else (TagDeployment(slot=slot.other, tag=back),)
    return (*writes, *tags, TagMove(tag=move))


def _record_served(facts: Facts, slot: Slot) -> tuple[Step, ...]:
    """Record it as the end of a first deployment: the other slot holds nothing to come from, or to go back to."""
    state = facts.snapshot.slot(slot)
    if state.service is None:
        return ()
    tag = state.deployment or DeploymentTag(id=ADOPTED_ID, revision=primary_revision(state.service))
    served = replace(tag, outcome=Outcome.SERVED)
    move = MoveTag(id=tag.id, origin=None, to=slot, stage=Stage.DONE, entered_at_s=int(facts.now_s))
    tags = () if state.deployment == served else (TagDeployment(slot=slot, tag=served),)
    return (*tags, TagMove(tag=move))


def good_again(facts: Facts) -> bool:
    """Say whether the untouched slot of row 4 still holds, whole and healthy, what served before."""
    return whole(facts.spec, facts.target, facts.revision, 1)
