"""What must hold at every call and at every instant. The sentences are those of `teal.plan.invariants`.

Production is judged by what a node of the load balancer would answer; writes by what the process had read before it
sent them, and by what the world was like. What somebody else broke is not held against teal until it writes there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sim.cloud import HOSTS, Cloud, Shares
from sim.notes import Fractions, Newcomers, Notes, Writer, are_old, deployment_in
from sim.scenario import Command
from sim.story import Story
from sim.weights import Standing, forward_shares, fractions_of, hosts_written, lone_slot, slot_of, slots_with_weight
from teal.model.event import Event, Planned, RunEnded, StepBegan, StepFailed, TurnedBack
from teal.model.identity import Slot
from teal.model.run import Abort, Deploy, Flip, Rollback
from teal.model.step import Act, Hold, Step
from teal.model.tags import MOVE, MoveTag, Outcome, Stage, parse_move
from teal.plan.invariants import FRESH_LOOK_S

ON_ITS_WAY_S = 0.5  # what a read and the write after it may take on the wire
SEEN_LATELY_S = 30.0  # how old the last look at health may be
NEWS_S = 20.0  # how long another's write may go unseen by a run that ends
GLANCE_S = 5.0  # a way back whose reads failed so lately writes without one
HEALS_AFTER_S = 600.0  # how long what somebody did to a slot may go on
SAME_WRITES = 5  # so often no run has to do the very same
SAME_QUESTIONS = 11
FALLS = 5  # so often no run takes weight back, but for good
MOST_STEPS = 300
ANNOUNCED_S = 60.0  # older than this a run announces its own shift again


@dataclass(slots=True)
class Watcher:
    """Watches one app."""

    cloud: Cloud
    story: Story
    hosts: tuple[str, ...]
    contended: bool  # more than one deployer
    disturbed: bool  # somebody else at work
    rules: set[str] = field(default_factory=set[str])  # the ARNs of all
    rule_of: dict[str, str] = field(default_factory=dict[str, str])  # ARN of a route's rule → host
    api: Mapping[str, Shares] = field(default_factory=dict[str, Shares])
    served: set[str] = field(default_factory=set[str])
    foreign: set[str] = field(default_factory=set[str])  # routes that are as a stranger left them
    lost: dict[str, Shares] = field(default_factory=dict[str, Shares])  # what they were before
    hurt: dict[str, float] = field(default_factory=dict[str, float])  # slots whose tasks a stranger took, and when
    standing: Standing = field(default_factory=Standing)
    last_write: tuple[str, float] = ("", -1e9)  # of anybody: who, when
    notes: dict[str, Notes] = field(default_factory=dict[str, Notes])
    newcomers: Newcomers = field(default_factory=Newcomers)
    _bad: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    def start(self) -> None:
        """Begin to watch."""
        self.refresh()
        self.served = {host for host in self.hosts if self.api.get(host)}
        self.cloud.seen_by_all.append(self.look)

    def refresh(self) -> None:
        """Read what the API says, now."""
        cloud = self.cloud
        self.rule_of.clear()
        rules = [rule for listener in cloud.plane.listeners for rule in listener.rules]
        self.rules = {rule.arn for rule in rules}
        for rule in rules:
            for condition in rule.conditions:
                if condition.field == "host-header" and condition.values[0] in HOSTS:
                    self.rule_of[rule.arn] = condition.values[0]
        before, self.api = self.api, cloud.api_shares()
        self.standing.applied(before, self.api, cloud.now_s)

    # Production

    def look(self) -> None:
        """Every route that served is answered by somebody healthy, whichever node is asked."""
        healthy = self.cloud.healthy_now
        for arn, count in healthy.items():
            if count and self.cloud.now_s > self.hurt.get(slot_of(arn), 0.0) + HEALS_AFTER_S:
                self.hurt.pop(slot_of(arn), None)
        if self.cloud.caught_up:
            self.served |= {host for host in self.hosts if self.api.get(host)}
        for host in self.hosts:
            if host not in self.served or host in self.foreign:
                continue
            for node in self.cloud.nodes:
                self._judge_route(host, node.shares.get(host), healthy)

    def _judge_route(self, host: str, shares: Shares | None, healthy: Mapping[str, int]) -> None:
        if shares is None:
            self._breaks_once("production answers", host, "there is no route")
            return
        for arn, weight in shares:
            if weight and not healthy.get(arn) and slot_of(arn) not in self.hurt:
                what = f"{weight} to slot {slot_of(arn)}, where nobody is healthy"
                self._breaks_once("production answers", host, what)

    def _breaks_once(self, rule: str, host: str, what: str) -> None:
        if (host, what) not in self._bad:
            self._bad.add((host, what))
            self.story.breaks(self.cloud.now_s, rule, f"{host}: {what}")

    def breaks(self, rule: str, what: str) -> None:
        """Tell what is broken now."""
        self.story.breaks(self.cloud.now_s, rule, what)

    # What a process sees

    def begins(self, who: Writer, command: Command) -> None:
        """Take note that a run begins."""
        self.notes[who.name] = Notes(command=command, began_at_s=self.cloud.now_s)

    def saw(self, who: Writer, what: str, key: object, value: Any) -> None:  # noqa: ANN401 - what a port returned
        """Take note of an answer that a process got."""
        note = self.notes[who.name]
        if what == "rules":
            note.misled |= not note.writes_routes and are_old(value, self.rule_of, self.api)
            note.rules_at_s = who.awake_s
            note.rules = value
        else:
            note.saw_health(what, key, value, who.awake_s)

    def missed(self, who: Writer, _what: str) -> None:
        """Take note of a read that was not answered."""
        self.notes[who.name].missed_at_s = who.awake_s

    def failed_write(self, who: Writer) -> None:
        """Take note of a write that was not answered."""
        self.notes[who.name].failed_writes += 1

    def hears(self, who: Writer, event: Event) -> None:
        """Take note of what a run says of itself."""
        note = self.notes[who.name]
        if isinstance(event, Planned):
            note.began_at_s = note.began_at_s if note.steps_allowed else self.cloud.now_s
            note.steps_allowed += 3 * len(event.sentences) + 10
        if isinstance(event, StepBegan):
            self._judge_step(who, note, event.step)
        if isinstance(event, StepFailed) and event.follows == "retry":
            note.steps -= 1  # AWS was busy, which says nothing of the plan
        if isinstance(event, TurnedBack) or (isinstance(event, RunEnded) and "went back" in event.message):
            note.turned_back = True
        if isinstance(event, RunEnded) and not self.contended and not self.disturbed:
            self._judge_end(who, event)

    def _judge_step(self, who: Writer, note: Notes, step: Step) -> None:
        """No run asks the same for ever, or has ever new ideas."""
        self.story.counts["holds"] += isinstance(step, Hold)
        if note.turned_back or isinstance(note.command.intent, Rollback | Abort):
            return  # a way back is tried again for as long as it takes
        note.steps += 1
        if note.steps == max(note.steps_allowed, 10) + 1:
            self.breaks("a run is no longer than its plan allows", f"{who.name}: {note.steps} steps")
        if isinstance(step, Act):
            return
        asked = f"{type(step).__name__} {step.sentence()}"
        note.asked[asked] += 1
        if note.asked[asked] == SAME_QUESTIONS:
            self.breaks("nothing is asked over and over", f"{who.name}: {asked}, {SAME_QUESTIONS} times")

    def _judge_end(self, who: Writer, event: RunEnded) -> None:
        """A run that is alone with the app blames nobody, and comes to an end of its own."""
        if "going in circles" in event.message and who.asleep_s < 3 * ANNOUNCED_S:  # what it wrote was old each time
            self.breaks("no run goes in circles", f"{who.name}: {event.message}")
        if not self.notes[who.name].misled and ("drift:" in event.message or "another run" in event.message):
            self.breaks("nobody is blamed who was not there", f"{who.name}: {event.message}")

    # What a process writes

    def move(self) -> MoveTag | None:
        """Return the newest move on record."""
        arns = list(self.rule_of)
        if not arns:
            return None
        tags = self.cloud.aws("elbv2", "DescribeTags", ResourceArns=arns)["TagDescriptions"]
        values = [tag["Value"] for item in tags for tag in item["Tags"] if tag["Key"] == MOVE]
        moves = [move for move in map(parse_move, values) if move is not None]
        return max(moves, key=lambda move: move.entered_at_s, default=None)

    def about_to_write(self, who: Writer, operation: str, params: Mapping[str, Any]) -> None:
        """Judge a write that a process sends, whatever becomes of it."""
        note = self.notes[who.name]
        note.writes.append(operation)
        self.newcomers.hear(who.name, self.cloud.now_s, deployment_in(params))
        match operation:
            case "ModifyRule":
                self._judge_weights(who, note, self.rule_of.get(params["RuleArn"], ""), params)
            case "UpdateService":
                self._judge_service(who, params)
            case "TagResource":
                self._judge_tag(who, note, params)
            case "DeleteRule":
                self._judge_deletion(who, params)
            case _:
                pass
        self._judge_first(who, note, operation)

    def _judge_weights(self, who: Writer, note: Notes, host: str, params: Mapping[str, Any]) -> None:
        if not host and params["RuleArn"] in self.rules:
            self.breaks("only routes are written", f"{who.name} modifies {params['RuleArn']}")
        if not host:
            return  # what is gone cannot be written
        new = fractions_of(forward_shares(params["Actions"]))
        old = fractions_of(self.api.get(host, ()))
        move = self.move()
        self._judge_fall(who, note, host, new, old, move)
        for arn, share in new.items():
            if share > old.get(arn, 0.0):
                highest = max(fractions_of(self.api.get(each, ())).get(arn, 0.0) for each in self.hosts)
                self._judge_hold(who, note, arn if share > highest > 0 else "", move)
                self._judge_raise(who, note, arn, move)
                self._judge_order(who, note, host, arn, share, move)
        self._judge_read(who, note, host, params["RuleArn"])

    def _judge_fall(
        self, who: Writer, note: Notes, host: str, new: Fractions, old: Fractions, move: MoveTag | None
    ) -> None:
        """A run that goes forward takes no weight back, but for good."""
        going_back = note.turned_back or not isinstance(note.command.intent, Deploy | Flip)
        if going_back or host != self.hosts[0] or move is None:
            return
        note.falls += any(slot_of(arn) == move.to and new.get(arn, 0.0) < share for arn, share in old.items())
        if note.falls == FALLS:
            self.breaks("no run falls back over and over", f"{who.name}: {FALLS} times")

    def _judge_raise(self, who: Writer, note: Notes, arn: str, move: MoveTag | None) -> None:
        slot, intent = slot_of(arn), note.command.intent
        seen, at_s = note.health.get(arn, (None, who.awake_s))
        forced = isinstance(intent, Rollback) and intent.force
        if seen is not None and not any(target.state == "healthy" for target in seen) and not forced:
            self.breaks("I1", f"{who.name} gives weight to slot {slot}, which it saw without a healthy target")
        back = note.turned_back or isinstance(intent, Rollback | Abort)
        if who.awake_s - at_s > SEEN_LATELY_S and not back:
            self.breaks("I1", f"{who.name} gives weight to slot {slot}, last looked at {who.awake_s - at_s:.0f} s ago")
        forward = move is not None and move.to is Slot(slot) and move.stage is Stage.SHIFT
        if forward and "errors" in self.image_of(slot) and slot not in self.hurt:
            self.breaks("only what was tasted gets weight", f"{who.name} gives weight to {self.image_of(slot)}")
        if forward and note.turned_back:
            self.breaks("the verdict to go back is latched", f"{who.name} goes forward again")
        if forward and isinstance(intent, Rollback) and intent.to_slot is None:
            self.breaks("I10", f"{who.name}: rollback moves weight onto slot {slot}, where the move went")

    def _judge_hold(self, who: Writer, note: Notes, arn: str, move: MoveTag | None) -> None:
        """What a slot `arn` has already is held before it is given more, or is said to serve."""
        if not arn or move is None or move.stage is not Stage.SHIFT or move.to is not Slot(slot_of(arn)):
            return
        too_short = self.standing.held_too_short(self.cloud.now_s)
        if too_short and not self._excused(note):
            self.breaks("every weight is held", f"{who.name} goes on with slot {slot_of(arn)} {too_short}")

    def _judge_order(self, who: Writer, note: Notes, host: str, arn: str, share: float, move: MoveTag | None) -> None:
        if move is None or move.stage is not Stage.SHIFT or move.to is not Slot(slot_of(arn)) or self._excused(note):
            return
        for earlier in self.hosts[: self.hosts.index(host)]:
            if fractions_of(self.api.get(earlier, ())).get(arn, 0.0) < share and note.failed_writes == 0:
                self.breaks("routes are written in their order", f"{who.name} writes {host} before {earlier}")

    def _excused(self, note: Notes) -> bool:
        """Say whether others had a hand in how the routes stand."""
        return self.contended or bool(note.foreign or self.foreign)

    def _judge_read(self, who: Writer, note: Notes, host: str, arn: str) -> None:
        """I9: there is a read of at most a second ago, and it did not show a stranger's value.

        What looks as a late write of a run that is taken back is written over on the way back.
        """
        if isinstance(note.command.intent, Rollback) or who.awake_s - note.missed_at_s < GLANCE_S:
            return
        age_s = who.awake_s - note.rules_at_s if note.rules_at_s is not None else 1e9
        if age_s > FRESH_LOOK_S + ON_ITS_WAY_S:
            self.breaks("I9", f"{who.name} writes {host} {age_s:.1f} s after its last read of it")
        forward = next((rule.forward for rule in note.rules if rule.arn == arn), None)
        shown = tuple(forward.shares) if forward is not None else ()
        late = isinstance(note.command.intent, Abort) or (self.contended and note.turned_back)
        if late and set(fractions_of(shown).values()) <= {0.0, 1.0}:
            return
        was, now = fractions_of(note.foreign.get(host, ())), fractions_of(self.api.get(host, ()))
        if host in note.foreign.keys() & self.foreign and was != now == fractions_of(shown):
            self.breaks("I9", f"{who.name} overwrites what somebody else made of {host}, and had read it")

    def _judge_service(self, who: Writer, params: Mapping[str, Any]) -> None:
        slot = str(params["service"])[-1]
        service = self.service(slot)
        if "desiredCount" in params and params["desiredCount"] < service["desiredCount"] and slot not in self.hurt:
            said = f"{service['desiredCount']} to {params['desiredCount']} tasks"
            self.breaks("I5", f"{who.name} lets slot {slot} shrink from {said}")
        if "taskDefinition" not in params or params["taskDefinition"] == service["taskDefinition"] or self.contended:
            return
        if self.foreign or not self.rule_of or self.standing.is_misdated:
            return  # a first deployment that went back leaves no rule that could tell since when
        if slot in slots_with_weight(self.api):
            self.breaks("I4", f"{who.name} replaces what slot {slot} runs while it has weight")
            return
        if too_soon := self.standing.rested_too_short(slot, self.cloud.now_s):
            self.breaks("I4", f"{who.name} replaces what slot {slot} runs {too_soon}")

    def _judge_deletion(self, who: Writer, params: Mapping[str, Any]) -> None:
        """Only a first deployment takes away what it made; what is gone cannot be taken away."""
        host, move = self.rule_of.get(params["RuleArn"], ""), self.move()
        made = move.origin is None if move is not None else "CreateRule" in self.notes[who.name].writes
        if params["RuleArn"] in self.rules and not (made and host):
            self.breaks("only what was made is deleted", f"{who.name} deletes the route {host or params['RuleArn']}")

    def _judge_tag(self, who: Writer, note: Notes, params: Mapping[str, Any]) -> None:
        """`.back` is tagged after the weights are back, by verdict only on what the run brought or found."""
        slot, tag = params["resourceArn"][-1], deployment_in(params)
        if tag is not None and tag.outcome is Outcome.SERVED:
            weighted = {slot_of(arn): arn for shares in self.api.values() for arn, weight in shares if weight}
            self._judge_hold(who, note, weighted.get(slot, ""), self.move())
        if tag is None or tag.outcome is not Outcome.BACK:
            return
        settles_s = 0.0 if note.turned_back else self.cloud.now_s - ANNOUNCED_S  # what was left before, anybody settles
        another = self.newcomers.judges_another(who.name, max(note.began_at_s, settles_s), tag)
        if another and isinstance(note.command.intent, Deploy | Flip):
            self.breaks("nobody judges what another brings", f"{who.name} tags slot {slot}: {tag}")
        routes = {r.arn: r.forward.shares for r in note.rules if r.arn in self.rule_of and r.forward is not None}
        read = slots_with_weight(routes)  # where a first look was stale, nobody can know better
        if slot in slots_with_weight(self.api) & read and not (note.failed_writes or self._excused(note)):
            self.breaks("`.back` is tagged after the weights", f"{who.name} tags slot {slot}, which has weight")

    def _judge_first(self, who: Writer, note: Notes, operation: str) -> None:
        """I3: with weight on green, a way back begins with the first route."""
        intent = note.command.intent
        named = isinstance(intent, Rollback) and intent.to_slot is not None
        if len(note.writes) > 1 or named or not isinstance(intent, Rollback | Abort) or self._excused(note):
            return
        move = self.move()
        if move is None or move.stage not in {Stage.SHIFT, Stage.DONE} or note.failed_writes:
            return
        weight = any(slot_of(arn) == move.to and w for shares in self.api.values() for arn, w in shares)
        if move.stage is Stage.DONE and isinstance(note.command.intent, Abort):
            return
        if weight and operation not in {"ModifyRule", "DeleteRule"} and move.origin is not None:
            self.breaks("I3", f"{who.name} begins its way back with {operation}")

    def has_written(self, who: Writer, operation: str, params: Mapping[str, Any]) -> None:
        """Take note of a write that AWS did."""
        note = self.notes[who.name]
        what = f"{operation} {params}"
        note.done[what] += 1
        if note.done[what] == SAME_WRITES and not note.failed_writes:
            self.breaks("no write is repeated over and over", f"{who.name}: {operation} {SAME_WRITES} times")
        written = hosts_written(operation, params, self.rule_of)
        self.standing.tagged(operation, who.clock_off_s)
        if operation in {"ModifyRule", "CreateRule", "DeleteRule"}:
            self.refresh()
        for host in written if operation == "DeleteRule" else written & self.foreign:
            self.foreign.discard(host)
            self.served.discard(host)  # until every node has taken it up
            self.lost.pop(host, None)
        if operation in {"ModifyRule", "CreateRule", "DeleteRule", "UpdateService", "TagResource", "AddTags"}:
            self.last_write = who.name, self.cloud.now_s

    def stranger_writes(self, hosts: tuple[str, ...], slots: tuple[str, ...]) -> None:
        """Take note of what somebody else is about to do to routes and slots."""
        self.lost = {host: self.api.get(host, ()) for host in hosts} | self.lost
        anew, self.foreign = set(hosts) - self.foreign, self.foreign | set(hosts)  # a run wrote over an earlier edit
        self.hurt |= dict.fromkeys(slots, self.cloud.now_s)
        self.last_write = "somebody", self.cloud.now_s
        for note in self.notes.values():  # of a rule that a run has read; else it is what the run finds
            read = {self.rule_of.get(rule.arn) for rule in note.rules if note.steps_allowed}  # once it has looked
            of_note = read & set(hosts) - (note.foreign.keys() - anew)
            note.foreign |= {host: self.api.get(host, ()) for host in hosts if host in of_note}

    # How a run ends

    def ends(self, who: Writer, command: Command, ended: RunEnded | None) -> None:
        """I7: exit 0 of deploy and flip says that the requested revision serves."""
        if ended is None or ended.exit_code != 0 or not isinstance(command.intent, Deploy | Flip):
            return
        author, at_s = self.last_write
        others = author != who.name and self.cloud.now_s - at_s < NEWS_S
        if others or "is held" in ended.message:  # what is held already is left to `flip`
            return
        if isinstance(command.intent, Flip) or not command.intent.hold:
            problem = self.not_serving(command.image if isinstance(command.intent, Deploy) else "")
            if problem:
                self.breaks("I7", f"{who.name}: exit 0 of {command}, yet {problem}")

    def not_serving(self, image: str) -> str:
        """Say why an image does not serve on every route; empty when it does. No image: any one alone."""
        slot, problem = lone_slot({host: self.api.get(host, ()) for host in self.hosts})
        if problem:
            return problem
        found = self.image_of(slot)
        return f"{found} serves" if image and found != f"lab/shop:{image}" else ""

    def service(self, slot: str) -> dict[str, Any]:
        """Return the service of a slot, as ECS has it."""
        found = self.cloud.aws("ecs", "DescribeServices", cluster="shop", services=[f"shop-{slot}"])
        return dict(found["services"][0])

    def image_of(self, slot: str) -> str:
        """Return the image that the service of a slot is asked to run."""
        arn = self.service(slot)["taskDefinition"]
        found = self.cloud.aws("ecs", "DescribeTaskDefinition", taskDefinition=arn)["taskDefinition"]
        return str(found["containerDefinitions"][0]["image"])
