"""The ordering guard: a deployment that is older than what serves is not begun.

Each deployment may carry a number that grows, by default that of the CI run. It stands on the task definition revision
that the deployment asked for. A queued or restarted job of yesterday then does not take production back behind what
serves today. Numbers are compared only where both sides have one.
"""

from teal.model.decision import Refused
from teal.model.run import Deploy
from teal.model.step_order import TagOrder
from teal.model.tags import SEQ
from teal.model.workload import TaskDefinition
from teal.plan.facts import Facts
from teal.plan.whole import primary_revision


def seq_of(definition: TaskDefinition) -> int | None:
    """Return the number on a revision; None where there is none that can be read."""
    text = definition.tags.get(SEQ, "")
    return int(text) if text.isdecimal() else None


def out_of_order(facts: Facts, intent: Deploy) -> Refused | None:
    """Return the refusal of a deployment that is older than what serves; None where it is not, or nobody knows."""
    serving = _serving(facts)
    there = seq_of(serving) if serving is not None else None
    if serving is None or there is None or intent.seq is None or intent.seq >= there or intent.allow_older:
        return None
    return Refused(
        exit_code=7,
        message=f"this is number {intent.seq}, and revision {serving.revision}, which serves, is number {there}: older",
        hint="`--allow-older` deploys it all the same",
    )


def unguarded(facts: Facts, intent: Deploy) -> tuple[str, ...]:
    """Say that order is not guarded where only one side has a number; where nobody numbers, nobody expects it."""
    serving = _serving(facts)
    there = seq_of(serving) if serving is not None else None
    if serving is None or (there is None) == (intent.seq is None):
        return ()
    who = "this run" if intent.seq is None else f"revision {serving.revision}, which serves,"
    return (f"the order of deployments is not guarded: {who} has no number (--seq)",)


def numbered(facts: Facts, intent: Deploy, revision: TaskDefinition | None) -> tuple[TagOrder, ...]:
    """Return the step that gives a revision which is used again the number of this deployment, if that is newer."""
    if intent.seq is None or revision is None or "seq" in facts.run.passed or revision.revision == facts.run.registered:
        return ()
    there = seq_of(revision)
    if there is not None and there >= intent.seq:
        return ()
    return (TagOrder(family=facts.spec.family, revision=revision.revision, seq=intent.seq),)


def _serving(facts: Facts) -> TaskDefinition | None:
    live = facts.situation.live
    service = facts.snapshot.slot(live).service if live is not None else None
    if service is None:
        return None
    return facts.snapshot.definition(facts.spec.family, primary_revision(service))
