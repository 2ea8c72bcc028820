"""The command table's two rows of `deploy`: same content, and other content."""

from teal.model.decision import Decision, Finished, Refused, Steps
from teal.model.run import Deploy
from teal.model.tags import VERDICT, Outcome
from teal.model.workload import TaskDefinition
from teal.plan.back import restore_earlier
from teal.plan.command_abort import no_healthy_target
from teal.plan.facts import Facts
from teal.plan.forward import add_routes, again, bake_due, over_what_served, proceed, start
from teal.plan.order import numbered, out_of_order, unguarded
from teal.plan.situation import RESTING_ROWS, Row, Situation


def deploy(facts: Facts, intent: Deploy) -> Decision:
    """Return what `deploy` does where things stand."""
    row = facts.situation.row
    if row == Row.NO_ROUTE:
        return _without_routes(facts, intent)
    if row in RESTING_ROWS:
        return _at_rest(facts, intent)
    if row == Row.HELD:
        return _held(facts, intent)
    if row in {Row.UNTOUCHED, Row.NOTHING_GOOD} or (row == Row.STARTING and not _same(facts, intent)):
        return _start(facts, intent)
    under_way = _resume(facts, intent) if _same(facts, intent) else _other_while_shifting(facts)
    return over_what_served(facts) or under_way


def _same(facts: Facts, intent: Deploy) -> bool:
    """Say whether what is under way is what is asked for. A restart is under way as long as it has not ended."""
    tag = facts.situation.deployment
    if tag is not None and tag.id == facts.run.id:
        return True  # whatever AWS made of it, this run asked for it
    return tag is not None and facts.equal_content(tag.revision) and (not intent.restart or tag.outcome is Outcome.BARE)


def _at_rest(facts: Facts, intent: Deploy) -> Decision:
    serving = _serving(facts, intent)
    if serving is not None:
        return _serves(facts, intent, serving)
    taken_back = facts.situation.row == Row.ROLLED_BACK and facts.equal_content(facts.revision)
    if taken_back and not intent.restart:
        if not intent.again:
            return _rolled_back(facts.revision)
        return out_of_order(facts, intent) or Steps(
            steps=again(facts, facts.run.id), ends=f"revision {facts.revision} serves"
        )
    return _start(facts.for_next(), intent)


def _serves(facts: Facts, intent: Deploy, serving: int) -> Decision:
    """Return what is left to do where what is asked for serves already."""
    missing = add_routes(facts)
    if missing:
        return Steps(steps=missing, ends=f"revision {serving} serves on every route")
    live = facts.situation.live
    refusal = no_healthy_target(facts, live) if live is not None else None
    if refusal is not None:
        message = f"revision {serving} is deployed, and serves nobody: {refusal.message.partition(':')[0]}"
        return Refused(exit_code=5, message=message, hint="`teal rollback`, or `teal deploy --restart`")
    newer = numbered(facts, intent, facts.snapshot.definition(facts.spec.family, serving))
    if newer:
        return Steps(steps=newer, ends=f"revision {serving} serves")
    return Finished(message=f"revision {serving} serves: nothing to do")


def _serving(facts: Facts, intent: Deploy) -> int | None:
    """Return the revision that serves, if it is what is asked for."""
    live = facts.situation.live
    serving = facts.live_revision(live) if live is not None else None
    if serving is None or not facts.equal_content(serving):
        return None
    finished = facts.situation.row == Row.AT_REST and facts.run.own_move == facts.situation.move
    return serving if not intent.restart or finished else None


def _rolled_back(revision: int) -> Refused:
    return Refused(
        exit_code=7,
        message=f"this content is revision {revision}, which was rolled back",
        hint="`--again` deploys it all the same",
    )


def _start(facts: Facts, intent: Deploy) -> Decision:
    wanted = facts.registered(anew=intent.restart)
    if wanted is not None and VERDICT in wanted.tags and not intent.again:
        if facts.situation.row in {Row.UNTOUCHED, Row.NOTHING_GOOD}:
            ends = "the deployment that was announced and judged is over; the earlier move is the record again"
            return Steps(steps=restore_earlier(facts), ends=ends, settles=True)
        return _rolled_back(wanted.revision)
    older = out_of_order(facts, intent)
    if older is not None:
        return older
    steps = start(facts, facts.run.id, wanted.revision if wanted else None, hold=intent.hold, seq=intent.seq)
    return Steps(
        steps=(*numbered(facts, intent, wanted), *steps),
        ends=_ends(facts, intent, wanted),
        warnings=(*ended_rollback(facts.situation, facts), *unguarded(facts, intent)),
    )


def ended_rollback(situation: Situation, facts: Facts) -> tuple[str, ...]:
    """Name the rollback that deploying over the idle slot ends."""
    held = facts.target.deployment
    if held is None or held.outcome is not Outcome.SERVED or situation.origin is None:
        return ()
    return (f"this ends the rollback to revision {held.revision}: slot {situation.to} is deployed over",)


def _ends(facts: Facts, intent: Deploy, wanted: TaskDefinition | None) -> str:
    name = f"revision {wanted.revision}" if wanted else "the new revision"
    slot = facts.to
    return (
        f"{name} is held in slot {slot}, tasted, without traffic" if intent.hold else f"{name} serves from slot {slot}"
    )


def _resume(facts: Facts, intent: Deploy) -> Decision:
    ends = f"revision {facts.revision} is held" if intent.hold else f"revision {facts.revision} serves"
    steps = proceed(facts, hold=intent.hold)
    return Steps(steps=steps, ends=ends) if steps else _is_held(facts)


def _is_held(facts: Facts) -> Finished:
    return Finished(
        message=f"revision {facts.revision} is held in slot {facts.to}, tasted, without traffic",
        hint="`teal flip` sends production to it, `teal abort` ends it",
    )


def _held(facts: Facts, intent: Deploy) -> Decision:
    if _same(facts, intent):
        return _is_held(facts)
    if not intent.replace:
        return Refused(
            exit_code=6,
            message=f"revision {facts.revision} is held in slot {facts.to}",
            hint="`teal flip` or `teal abort` ends that; `--replace` takes its place",
        )
    return _start(facts, intent)


def _without_routes(facts: Facts, intent: Deploy) -> Decision:
    same = _same(facts, intent)
    tag = facts.situation.deployment
    if tag is None or (tag.outcome is Outcome.BARE and not same):
        return _start(facts, intent)
    if tag.outcome is Outcome.BARE:
        return _resume(facts, intent)
    if not same:
        return _start(facts, intent)
    if not intent.again:
        return _rolled_back(tag.revision)
    return Steps(steps=again(facts, facts.run.id), ends=f"revision {tag.revision} serves")


def _other_while_shifting(facts: Facts) -> Decision:
    if facts.situation.row == Row.SERVED or (facts.situation.row == Row.BAKING and bake_due(facts)):
        return Steps(
            steps=proceed(facts, hold=False),
            ends=f"the move to revision {facts.revision} is done; then the new one starts",
            settles=True,
        )
    return Refused(
        exit_code=6,
        message=f"the move to revision {facts.revision} is under way: {facts.situation.meaning}",
        hint=f"`teal flip` finishes it, `teal {'rollback' if facts.situation.origin else 'abort'}` takes it back",
    )
