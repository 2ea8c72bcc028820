"""The command `teal`: what there is to say, and nothing loaded before it is said."""

import click

from teal import __version__
from teal.cli.lazy import Entry, LazyGroup

_CHANGE, _LOOK, _LEARN = "Move production", "Look", "Rehearse and learn"

ENTRIES = {
    "deploy": Entry(
        module="teal.cli.verbs_move", section=_CHANGE, about="bring new content to the idle slot, taste it, flip to it"
    ),
    "flip": Entry(
        module="teal.cli.verbs_move",
        section=_CHANGE,
        about="send production to the deployment that is held or under way",
        alias="promote",
    ),
    "rollback": Entry(module="teal.cli.verbs_move", section=_CHANGE, about="send production back; never asks"),
    "abort": Entry(module="teal.cli.verbs_move", section=_CHANGE, about="end the deployment under way; never asks"),
    "retire": Entry(module="teal.cli.verbs_move", section=_CHANGE, about="scale the idle slot to 0; ends the rollback"),
    "unlock": Entry(module="teal.cli.verbs_move", section=_CHANGE, about="free the lock of a deployer that is gone"),
    "status": Entry(module="teal.cli.verbs_look", section=_LOOK, about="what serves, what is under way, the way back"),
    "check": Entry(
        module="teal.cli.verbs_look", section=_LOOK, about="ask everything that could stop a deployment; change nothing"
    ),
    "plan": Entry(module="teal.cli.verbs_look", section=_LOOK, about="what a command would do, step by step"),
    "taste": Entry(module="teal.cli.verbs_look", section=_LOOK, about="how to reach each slot in secret"),
    "history": Entry(module="teal.cli.verbs_look", section=_LOOK, about="the runs on record on this machine"),
    "demo": Entry(module="teal.cli.verbs_learn", section=_LEARN, about="a whole deployment and rollback in the lab"),
    "lab": Entry(module="teal.cli.verbs_lab", section=_LEARN, about="an AWS region on this machine to rehearse in"),
    "schema": Entry(module="teal.cli.verbs_learn", section=_LEARN, about="what teal.yaml may say"),
    "completion": Entry(module="teal.cli.verbs_learn", section=_LEARN, about="completion for bash, zsh or fish"),
}

_ABOUT = """Blue/green deployments for Amazon ECS behind an Application Load Balancer.

\b
teal check                              is everything in place?
teal deploy --image web=shop/web:1.5    deploy, taste, flip
teal rollback                           go back, at once
teal demo                               see it all on this machine, without AWS

`teal COMMAND --help` begins with examples. Every flag is also an environment variable: --timeout is TEAL_TIMEOUT.
"""

teal = LazyGroup(
    name="teal",
    help=_ABOUT,
    entries=ENTRIES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
click.version_option(__version__, prog_name="teal", message="%(prog)s %(version)s")(teal)


def run() -> None:
    """Run the command line of this process, and end the process with its exit code."""
    teal.main(prog_name="teal")
