"""The screens of `status`, `plan`, `check`, `taste` and `history`, and the views that they and `-o json` share."""

import json
from dataclasses import dataclass, replace
from typing import Any

import pytest

import seen
from teal.model.decision import Decision, Finished, Refused, Steps
from teal.model.identity import Slot
from teal.model.snapshot import Snapshot
from teal.model.spec import HttpGate, Spec
from teal.model.step import PassGate, Register, WriteRoute
from teal.plan.check import Check
from teal.plan.readiness import readiness
from teal.plan.situation import classify
from teal.report.history import history_view
from teal.report.paint import Paint
from teal.report.text import check_lines, field_lines, history_lines, plan_lines, short_image, status_lines, taste_lines
from teal.report.views import check_view, plan_view, status_view, taste_view
from teal.report.wording import WIDTH, width

PLAIN = Paint()


def view_of(found: Snapshot, spec: Spec | None = None) -> dict[str, Any]:
    """Return the status view of what was seen."""
    spec = spec or seen.spec()
    situation = classify(spec, found)
    ready = readiness(spec, found, situation.live) if situation.live else None
    return status_view(spec, found, situation, ready, seen.NOW_S)


def shifting() -> Snapshot:
    """Return a move a → b at 10 percent for a minute."""
    return seen.snapshot(
        seen.slot_state(Slot.A, seen.service(Slot.A, 41, deployment="d1.41.served"), tasks=(seen.task(41),)),
        seen.slot_state(Slot.B, seen.service(Slot.B, 42, 40, deployment="d2.42"), healthy=1, sick=1),
        move=f"d2.a.b.shift.{int(seen.NOW_S) - 60}",
        weights={"a": 90, "b": 10},
    )


def test_status_at_rest_reads_like_this() -> None:
    """The whole screen, word for word."""
    assert status_lines(view_of(seen.at_rest()), PLAIN) == [
        "shop-web  123456789012 · eu-west-1 · cluster prod",
        "as of 2027-01-15T08:00:00Z",
        "",
        "slot a  idle          shop-web-a                                          served",
        "        web:41 · web:1.41 · tasks 2/2 · healthy 2/2",
        "slot b  live          shop-web-b                                          served",
        "        web:42 · web:1.42 · tasks 2/2 · healthy 2/2",
        "",
        "route shop:443 rule 20                            100 % → slot b",
        "",
        "stage     done, 3 min ago (move a → b): at rest",
        "rollback  ready: slot a, web:41, 2 of 2 healthy",
        "retire    slot a: due in 23 h 57 min (keep_warm); nothing happens by itself",
        "next      teal rollback or teal deploy: goes back; or brings new content to the",
        "          idle slot",
    ]


def test_status_under_way_shows_weights_roles_and_both_revisions() -> None:
    """During a shift: blue and green, the weights that are set, and every revision that a slot holds."""
    lines = "\n".join(status_lines(view_of(shifting()), PLAIN))
    for part in ("slot a  blue", "slot b  green", "web:42, web:40", "90 % → slot a, 10 % → slot b", "shift, 1 min ago"):
        assert part in lines
    assert "rollback  unknown: no slot has all the traffic" in lines


def test_status_names_the_holder_of_the_lock() -> None:
    """Who holds the lock is told while somebody does."""
    view = view_of(seen.at_rest())
    held = status_lines({**view, "lock": "ann on ci (process 7): `teal deploy`, in shift, epoch 4"}, PLAIN)
    assert "lock      held by ann on ci (process 7): `teal deploy`, in shift, epoch 4" in held
    assert status_lines({**view, "lock": ""}, PLAIN) == status_lines({**view, "lock": None}, PLAIN)


def test_status_before_the_first_deployment_has_no_way_back() -> None:
    """Where no production rule exists nothing is promised."""
    empty = seen.snapshot(seen.slot_state(Slot.A, None), seen.slot_state(Slot.B, None))
    lines = status_lines(view_of(empty), PLAIN)
    assert "rollback  nothing to go back to: no production rule yet" in lines
    assert "        no service yet" in lines


@pytest.mark.parametrize("painted", [False, True])
@pytest.mark.parametrize(
    ("found", "spec"),
    [
        (seen.at_rest(), seen.spec()),
        (seen.at_rest(entered_s=seen.NOW_S - 90000), seen.spec()),
        (shifting(), seen.spec(app="商店-店店店店店店店店店店店店")),
        (seen.snapshot(seen.slot_state(Slot.A, None), seen.slot_state(Slot.B, None)), seen.spec(app="x" * 20)),
        (seen.at_rest(blue=seen.slot_state(Slot.A, None)), seen.spec(keep_warm_s=None)),
    ],
)
def test_status_is_one_screen(found: Snapshot, spec: Spec, painted: bool) -> None:  # noqa: FBT001 - a parameter
    """At most 24 lines of 80 columns for an app with one route, in any script, painted or not."""
    slots = {slot: replace(spec.slot(slot), service="a-very-long-service-name-" * 4) for slot in Slot}
    lines = status_lines(view_of(found, replace(spec, slots=slots)), Paint(painted))
    assert len(lines) <= 24
    assert max(width(line) for line in lines) <= WIDTH


def test_status_view_is_json_with_a_fixed_set_of_keys() -> None:
    """The keys of the document are a promise to programs."""
    view = json.loads(json.dumps(view_of(seen.at_rest())))
    assert set(view) == {
        "app", "account", "region", "cluster", "caller", "lab", "taken_at", "row", "meaning", "live", "idle", "slots",
        "routes", "move", "rollback", "retire", "attention", "unfinished",
        "next_command", "next",
    }  # fmt: skip
    assert set(view["slots"][0]) == {
        "slot", "roles", "service", "exists", "revisions", "images", "tasks_running", "tasks_desired",
        "targets_healthy", "targets_total", "deployment",
    }  # fmt: skip
    assert view["routes"] == [{"route": "shop:443 rule 20", "exists": True, "weights": {"a": 0, "b": 100}, "drift": ""}]
    assert view["rollback"]["ready"] is True


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (seen.at_rest(), 0),
        (seen.at_rest(blue=seen.slot_state(Slot.A, None)), 5),
        (shifting(), 6),
        (
            replace(
                seen.at_rest(), routes=(replace(shifting().routes[0], rule=replace(shifting().rules[0], tags={})),)
            ),
            7,
        ),
    ],
)
def test_attention_says_what_an_alarm_needs(found: Snapshot, code: int) -> None:
    """0 fine, 5 no warm way back, 6 under way, 7 unexplained."""
    assert view_of(found)["attention"] == code


@pytest.mark.parametrize(
    ("kept_s", "entered_s", "text"),
    [
        (86400.0, seen.NOW_S - 90000, "retire    slot a: due since 2027-01-15T07:00:00Z (keep_warm);"),
        (None, seen.NOW_S - 90000, ""),
    ],
)
def test_retiring_is_due_when_it_has_been_warm_long_enough(kept_s: float | None, entered_s: float, text: str) -> None:
    """`keep_warm` says when retiring is due; `forever` never does."""
    lines = "\n".join(status_lines(view_of(seen.at_rest(entered_s=entered_s), seen.spec(keep_warm_s=kept_s)), PLAIN))
    assert text in lines
    assert ("retire" in lines) is bool(text)


STEPS = Steps(
    steps=(
        Register(family="web"),
        WriteRoute(index=0, route="shop:443 rule 20", shares=((Slot.A, 100),)),
        PassGate(slot=Slot.A, index=0, gate=HttpGate(path="/health", headers={"Authorization": "Bearer hunter2"})),
    ),
    ends="slot a serves web:43",
    warnings=("ends the rollback to web:41",),
)


def test_a_plan_shows_what_a_person_approves() -> None:
    """Account, caller, slots, numbered sentences, warnings, what changes; no header of a gate."""
    wanted = seen.body("shop/web:1.5", environment=[{"name": "DB_PASSWORD", "value": "hunter2"}])
    view = plan_view(seen.spec(wanted=wanted), STEPS, seen.at_rest())
    text = "\n".join(plan_lines(view, PLAIN))
    for part in (
        "123456789012 · eu-west-1 · cluster prod",
        "by arn:aws:sts::123456789012:assumed-role/deploy/ci",
        "  ~ web image: shop/web:1.42 → shop/web:1.5",
        "  + web environment DB_PASSWORD: •••",
        "warning: ends the rollback to web:41",
        "  1. register a new revision of task definition web",
        "  2. send 100 % → slot a on shop:443 rule 20",
        "then: slot a serves web:43",
    ):
        assert part in text
    assert "hunter2" not in text + json.dumps(view)


@pytest.mark.parametrize(
    ("decision", "text"),
    [
        (Finished(message="web:42 serves already"), "web:42 serves already"),
        (
            Refused(exit_code=7, message="it was rolled back", hint="--again"),
            "refused: it was rolled back\nhint: --again",
        ),
    ],
)
def test_a_plan_without_steps_says_why(decision: Decision, text: str) -> None:
    """Nothing to do and a refusal are sentences."""
    lines = plan_lines(plan_view(seen.spec(), decision, seen.at_rest()), PLAIN)
    assert "\n".join(lines).endswith(text)
    assert not any("compared" in line for line in lines)


def test_a_restart_changes_nothing_of_the_content() -> None:
    """Equal content is said to be equal; steps that touch no content compare nothing."""
    view = plan_view(seen.spec(wanted=seen.body("shop/web:1.42")), STEPS, seen.at_rest())
    assert "task definition web, compared with web:42: nothing changes" in plan_lines(view, PLAIN)
    assert plan_view(seen.spec(), replace(STEPS, steps=STEPS.steps[1:]), seen.at_rest())["task_definition"] is None


def test_a_first_deployment_has_nothing_to_compare_with() -> None:
    """Without a serving revision there is no comparison."""
    empty = seen.snapshot(seen.slot_state(Slot.A, None), seen.slot_state(Slot.B, None))
    assert not any("compared" in line for line in plan_lines(plan_view(seen.spec(), STEPS, empty), PLAIN))


def test_checks_are_summed_up() -> None:
    """Each check is a line, its hint below; the first bad one decides the exit code."""
    checks = (
        Check(name="cluster", state="ok", message="prod is active"),
        Check(name="delay", state="note", message="300 s", hint="lower it"),
        Check(name="role", state="bad", message="not permitted", exit_code=3),
        Check(name="route", state="bad", message="not found"),
    )
    view = check_view(checks)
    assert view["exit_code"] == 3
    assert check_lines(view, PLAIN) == [
        "ok    cluster: prod is active",
        "note  delay: 300 s",
        "      hint: lower it",
        "bad   role: not permitted",
        "bad   route: not found",
        "4 checks, 2 bad: a deployment would not start",
    ]
    assert check_lines(check_view(checks[:1]), PLAIN)[-1] == "1 check, none bad"


@dataclass(frozen=True)
class Access:
    """How a slot is tasted."""

    url: str
    header: str | None
    secret: str | None


def test_taste_hides_its_secret_until_asked() -> None:
    """The secret is shown on request only, for all slots or one."""
    tastes = {Slot.A: Access("https://s/", "X-Teal-Taste", "s3cret"), Slot.B: Access("https://s:9002/", None, None)}
    hidden = taste_view(tastes, None, "hidden")
    assert taste_lines(hidden) == [
        "slot a  curl -H 'X-Teal-Taste: •••' https://s/",
        "slot b  curl https://s:9002/",
    ]
    assert "s3cret" not in json.dumps(hidden)
    assert taste_lines(taste_view(tastes, "a", "shown")) == ["slot a  curl -H 'X-Teal-Taste: s3cret' https://s/"]
    assert taste_lines(taste_view({}, None, "shown")) == ["no taste route: `teal deploy` makes them"]


def test_history_is_one_line_per_run() -> None:
    """A run that ended shows how, one that did not says so; lines of runs that are not there are left out."""
    lines: list[dict[str, Any]] = [
        {"event": "StepEnded", "at_s": 1.0},
        {"event": "RunStarted", "at_s": 1_800_000_000.0, "command": "deploy", "run_id": "r1", "caller": "arn:x/ci"},
        {"event": "StepEnded", "at_s": 1_800_000_001.0},
        {"event": "RunStarted", "at_s": 1_800_000_002.0, "command": "rollback", "run_id": "r2", "caller": "arn:x/ana"},
        {"event": "StepBegan", "run": "r2", "step": {"sentence": "send 100 % → slot a"}},
        {"event": "RunEnded", "run": "r1", "exit_code": 4, "message": "went back", "took_s": 62.0, "serving": "41"},
    ]
    view = history_view(lines)
    assert [(run["command"], run["outcome"], run["steps"]) for run in view["runs"]] == [
        ("deploy", "4", 1),
        ("rollback", "not ended", 0),
    ]
    assert history_lines(view["runs"])[1] == "2027-01-15T08:00:00Z  deploy    4          1 min 2 s  ci   went back"
    assert view["runs"][1]["message"] == "killed, or still under way, at: send 100 % → slot a"
    assert history_lines([]) == ["no runs on record on this machine"]


@pytest.mark.parametrize(
    ("image", "short"),
    [
        ("web:1.4", "web:1.4"),
        ("1.dkr.ecr.eu-west-1.amazonaws.com/shop/web:1.4", "web:1.4"),
        ("reg/shop/web@sha256:9c1f03ab77aa", "web@9c1f03ab"),
        ("reg/web:1@sha256:9c1f03ab77aa", "web:1@9c1f03ab"),
    ],
)
def test_images_are_short(image: str, short: str) -> None:
    """The registry is left out, a digest is shown by its first eight digits."""
    assert short_image(image) == short


def test_fields_are_aligned() -> None:
    """One line per field, lists one below the other, what is empty left out."""
    assert field_lines({"name": "lab", "listeners": ["x", "y"], "groups": [], "troubles": {}}) == [
        "name        lab",
        "listeners   x",
        "            y",
    ]
