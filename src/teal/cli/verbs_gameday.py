"""`teal lab break …`: what goes wrong in a lab on purpose, and the story of everything that happened."""

import re
from typing import Any

import click

from teal.cli.desk import Desk
from teal.cli.options import seconds, verb
from teal.cli.screens import show
from teal.errors import UsageError

KINDS = {
    "kill-task": "SIGKILL to a running task: once, or --every so often",
    "freeze-task": "SIGSTOP to a running task; SIGCONT when the fault ends",
    "fail-health": "the load balancer's checks of a --share of the targets are refused",
    "slow-requests": "a --share of the requests to a group arrives --by so much later",
    "fail-requests": "a --share of the requests to a group is answered with --status",
    "throttle-api": "AWS's own token buckets, at --rate percent of AWS's size",
    "lose-answers": "a --share of the API calls is made, and the connection closed without an answer",
    "delay-answers": "a --share of the API calls is made, and answered --by so much later",
    "error-answers": "a --share of the API calls is not made, and answered 503 or 500",
    "garble-answers": "a --share of the API calls is made, and answered with status 200 and garbage",
    "stale-reads": "a --share of the reads shows the region as it was, up to --age ago",
    "edit": "somebody else changes --what: once, or --every so often",
}
CHANGES = (
    *("weights", "rule-deleted", "rule-conditions", "rule-priority", "group-stickiness", "group-health-check"),
    *("target-deregistered", "tags-removed", "service-scaled", "service-updated", "service-restarted", "task-stopped"),
)
# Options whose field in the lab says its unit.
_FIELDS = {"share": "share_percent", "rate": "rate_percent", "by": "by_s", "every": "every_s", "age": "age_s"}
_MILLISECONDS = re.compile(r"([0-9]{1,6})ms")
_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?)%?")

named = click.option("--name", default="lab", show_default=True, help="Which lab.")


def moment(ctx: click.Context, option: click.Parameter, value: str | None) -> float | None:
    """Return the seconds of `800ms`, `5s` or `2m`."""
    found = _MILLISECONDS.fullmatch(value or "")
    return int(found[1]) / 1000 if found else seconds(ctx, option, value)


def percent(_ctx: click.Context, _option: click.Parameter, value: str | None) -> float | None:
    """Return the number of `20%` or `20`."""
    found = _PERCENT.fullmatch(value or "")
    if value is not None and found is None:
        raise click.BadParameter(f"{value!r} is no percentage; write it like 20%")
    return float(found[1]) if found else None


def _kinds(_ctx: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is not None and value not in KINDS:
        raise click.BadParameter(f"{value!r} is none; there are: {', '.join(KINDS)}")
    return value


@verb(
    name="break",
    app=False,
    examples=(
        "teal lab break kill-task --service 'shop-*' --every 60s",
        "teal lab break freeze-task --service shop-b --for 30s",
        "teal lab break fail-health --group shop-b --share 50% --for 1m",
        "teal lab break fail-requests --group shop-b --share 5% --status 500",
        "teal lab break slow-requests --group shop-b --by 800ms",
        "teal lab break throttle-api --rate 20%",
        "teal lab break lose-answers --operation ModifyRule --share 50% --seed 7",
        "teal lab break stale-reads --age 5s --backwards --for 2m",
        "teal lab break edit --what weights --every 30s",
        "teal lab break --list                 what is at work",
    ),
)
@named
@click.argument("kind", callback=_kinds, required=False)
@click.option("--list", is_flag=True, help="Say which faults are at work, and begin none.")
@click.option("--for", callback=moment, metavar="DURATION", help="How long; default: until `teal lab mend`.")
@click.option("--seed", type=int, help="Who is hit depends on it; the same seed, the same faults.")
@click.option("--share", callback=percent, metavar="PERCENT", help="How many are hit. Default: all.")
@click.option("--service", metavar="PATTERN", help="Of ECS services; * and ? are any.")
@click.option("--group", metavar="PATTERN", help="Of target groups.")
@click.option("--api", metavar="PATTERN", help="Of AWS services: ecs, elbv2, logs …")
@click.option("--operation", metavar="PATTERN", help="Of API calls: ModifyRule, Describe* …")
@click.option("--by", callback=moment, metavar="DURATION", help="How late. Default: 1s.")
@click.option("--every", callback=moment, metavar="DURATION", help="Again and again.")
@click.option("--age", callback=moment, metavar="DURATION", help="How old a read may be. Default: 5s.")
@click.option("--backwards", is_flag=True, default=None, help="A later read may be older than the one before.")
@click.option("--status", type=click.IntRange(400, 599), help="Of the answers that fail.")
@click.option("--rate", callback=percent, metavar="PERCENT", help="Of AWS's. Default: 100%.")
@click.option("--what", type=click.Choice(CHANGES), help="What somebody else changes.")
def break_(desk: Desk, *, name: str, kind: str | None, **given: Any) -> int:  # noqa: ANN401 - click's
    """Break something in a lab, on purpose and in a way that can be repeated."""
    labs = desk.labs()
    if given.pop("list"):
        show(desk, "faults", {"name": name, "faults": labs.faults(name)})
        return 0
    if kind is None:
        raise UsageError("what shall break?", hint=f"one of: {', '.join(KINDS)}; or --list")
    seed, for_s = given.pop("seed"), given.pop("for")
    fields = {_FIELDS.get(key, key): value for key, value in given.items() if value is not None}
    fault = {"kind": kind, **fields}
    show(desk, "fault", labs.break_(name, fault, seed=seed, for_s=for_s))
    return 0


_TABLE = "\n".join(f"{kind:<15} {text}" for kind, text in KINDS.items())
break_.help = f"{break_.help}\n\n\b\n{_TABLE}\n\nDurations are real time: the lab's time scale does not change them."


@verb(app=False, examples=("teal lab mend 3       end fault 3", "teal lab mend all"))
@named
@click.argument("which", nargs=-1)
def mend(desk: Desk, *, name: str, which: tuple[str, ...]) -> int:
    """End faults of `teal lab break`: those of the numbers given, or all."""
    wrong = [each for each in which if not each.isdecimal() and each != "all"]
    if wrong or not which:
        raise UsageError("which fault shall end?", hint="a number of `teal lab break --list`, or all")
    numbers = () if "all" in which else tuple(int(each) for each in which)
    ended = desk.labs().mend(name, numbers)
    missing = sorted(set(numbers) - {int(each["number"]) for each in ended})
    if missing:
        raise UsageError(f"no fault {missing[0]} is at work in lab '{name}'", hint="`teal lab break --list`")
    show(desk, "faults", {"name": name, "faults": ended, "ended": True})
    return 0


@verb(
    app=False,
    examples=(
        "teal lab events                  everything that is kept, oldest first",
        "teal lab events --since 5m       the last five minutes",
        "teal lab events --since 1200     from event 1200 on",
        "teal lab events --follow         and what comes, until Ctrl-C or the lab's end",
        "teal lab events -o jsonl         one JSON document per event",
    ),
)
@named
@click.option("--since", default="0", metavar="NUMBER|DURATION", help="Where to begin.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes.")
def events(desk: Desk, *, name: str, since: str, follow: bool) -> int:
    """Tell what happened in a lab, in order: calls with their callers, tasks, targets, rules, faults."""
    labs = desk.labs()
    if follow and desk.flags.output == "json":
        raise UsageError("a story that goes on is no one document", hint="-o jsonl tells it event by event")
    first = int(since) if since.isdecimal() else labs.event_at(name, _ago_s(since))
    told = list[dict[str, Any]]()
    for missed, events_told in labs.events(name, first, follow=follow):
        if missed and first:
            desk.say(f"{missed} events are not kept any more")
        if desk.flags.output == "json":
            told += events_told
            continue
        for event in events_told:
            show(desk, "event", event)
    if desk.flags.output == "json":
        show(desk, "events", {"name": name, "events": told})
    return 0


def _ago_s(text: str) -> float:
    from teal.config.durations import duration_s  # noqa: PLC0415 - loads the model

    try:
        return duration_s(text)
    except ValueError:
        raise UsageError(f"--since {text!r} is neither a number nor a duration", hint="like 1200, 90s or 5m") from None
