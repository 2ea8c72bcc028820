"""The command table's row of `flip`."""

from teal.model.decision import Decision, Finished, Refused, Steps
from teal.model.run import Flip
from teal.model.tags import Outcome
from teal.plan.facts import Facts
from teal.plan.forward import add_routes, again, over_what_served, proceed
from teal.plan.situation import Row


def flip(facts: Facts, intent: Flip) -> Decision:
    """Return what `flip` does where things stand. It never sends traffic to a slot that is merely idle."""
    row = facts.situation.row
    tag = facts.situation.deployment
    if row in {Row.UNRECORDED, Row.AT_REST}:
        live = facts.situation.live
        serving = facts.live_revision(live) if live is not None else None
        missing = add_routes(facts)
        if missing:
            return Steps(steps=missing, ends=f"revision {serving or 'unknown'} serves on every route")
        return Finished(message=f"nothing to flip: revision {serving or 'unknown'} serves")
    again_asked = intent.again and tag is not None and tag.outcome is Outcome.BACK
    if tag is None or (row in {Row.UNTOUCHED, Row.NOTHING_GOOD} and not again_asked):
        return Refused(exit_code=5, message="there is nothing to flip to", hint="`teal deploy` builds it")
    if tag.outcome is Outcome.BACK:
        return _again(facts, intent, tag.revision)
    return over_what_served(facts) or Steps(steps=proceed(facts, hold=False), ends=f"revision {tag.revision} serves")


def _again(facts: Facts, intent: Flip, revision: int) -> Decision:
    if not intent.again:
        return Refused(
            exit_code=7,
            message=f"revision {revision} was taken back",
            hint="`teal flip --again` tastes and flips it all the same",
        )
    return Steps(steps=again(facts, facts.run.id), ends=f"revision {revision} serves")
