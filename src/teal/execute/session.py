"""What one run holds while it goes on: the last look, what it knows, and the only story it tells."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction

from teal.errors import (
    BusyError,
    DeadlineError,
    DriftError,
    LostLockError,
    NeedsPersonError,
    StoppedError,
    TealError,
    TransientError,
    UnknownAnswerError,
)
from teal.execute import guard
from teal.execute.laws import LAWS, Laws
from teal.execute.perform import Scene
from teal.execute.reading import GLANCE_PATIENCE_S, read_all, read_routes
from teal.execute.seen import came, tagged_as, value_of
from teal.model.change import Change
from teal.model.event import Drifted, Event, Noted, TurnedBack
from teal.model.identity import Slot
from teal.model.run import Abort, Deploy, Flip, Intent, Retire, Rollback, Run, TurnBack
from teal.model.snapshot import Snapshot
from teal.model.spec import OnStop, Spec
from teal.model.step import TagMove
from teal.model.tags import MoveTag, Stage
from teal.observe.observer import Observer
from teal.plan.changes import changes, counts, difference, listed
from teal.plan.facts import Facts
from teal.plan.retiring import looked
from teal.plan.situation import SPLIT_ROWS, Row, Situation, classify
from teal.plan.whole import primary_revision, whole
from teal.ports import Ports

STALE_S = 60.0  # how long a read may lag behind an acknowledged write


class Session:
    """The state of one run; the rooms beside this one act on it."""

    def __init__(self, spec: Spec, ports: Ports, intent: Intent, run: Run, laws: Laws = LAWS) -> None:
        self.spec = spec
        self.ports = ports
        self.intent = intent
        self.run = run
        self.observer = Observer(spec, ports)
        self.laws = laws
        self.bounds = laws.bounds()
        self.deadline_s: float | None = None
        self.step_number = 0
        self.wrote: set[int] = set()  # routes this run has written since the last look
        self.watching = False  # whether it has said that it stays to watch
        self.preempted: frozenset[Fraction] | None = None  # the shares on all routes before this way back took the lock
        self.first: Snapshot | None = None  # the first look
        self.updated: set[Slot] = set()  # slots whose service this run has updated since the last look
        self.untold = ""  # why the journal could not be written
        self.announcing: dict[MoveTag, TagMove] = {}  # those whose answers got lost: they are ours whenever they come
        self.unheard: dict[str, object] = {}  # what writes whose answers got lost make of routes and services
        self._snapshot: Snapshot | None = None
        self._classified: tuple[Snapshot, Situation] | None = None
        self._previous: Snapshot | None = None
        self._acknowledged: dict[str, tuple[object, float]] = {}
        self._failing_since_s: dict[str, float] = {}
        self._unsaid: list[Event] = []

    @property
    def snapshot(self) -> Snapshot:
        """The last look; the first is taken when it is asked for."""
        return self._snapshot or self.look()

    @property
    def last(self) -> Snapshot | None:
        """The last look, if there was one; never looks."""
        return self._snapshot

    @property
    def now_s(self) -> float:
        """Unix seconds."""
        return self.ports.clock.now_s()

    @property
    def scale(self) -> float:
        """The factor on every hold."""
        return self.snapshot.caller.time_scale

    @property
    def facts(self) -> Facts:
        """All that a decision is made from, now."""
        return self._facts_of(self.snapshot)

    def _facts_of(self, snapshot: Snapshot) -> Facts:
        """Return the facts of a look; a wait asks for those of the same one again and again."""
        known = self._classified
        if known is None or known[0] is not snapshot:
            known = self._classified = snapshot, classify(self.spec, snapshot)
        return Facts(spec=self.spec, snapshot=snapshot, run=self.run, now_s=self.now_s, situation=known[1])

    @property
    def scene(self) -> Scene:
        """All that an act or a question needs."""
        return Scene(spec=self.spec, snapshot=self.snapshot, ports=self.ports, secrets=self.run.secrets)

    @property
    def lean(self) -> bool:
        """Whether this run reads no more than a way back needs."""
        return isinstance(self.intent, Rollback | Abort)

    @property
    def going_back(self) -> bool:
        """Whether this run sends production back, by command or by verdict."""
        return self.run.turn_back is not None or isinstance(self.intent, Rollback | Abort)

    @property
    def after_failure(self) -> str:
        """What follows when a step fails for good: `retry` on a way back, `stop` where there is none, else `back`."""
        return "retry" if self.going_back else "stop" if isinstance(self.intent, Retire) else "back"

    def tell(self, event: Event) -> Event:
        """Write an event to the journal, then hand it on: a listener that walks away loses no history."""
        try:
            self.ports.journal.append(event)
        except OSError as error:
            # A full disk must not stop a rollback; the journal is a story, where things stand is in AWS.
            self.untold = f"the journal could not be written: {error}"
        return event

    def note(self, **changes: object) -> None:
        """Change what this run knows."""
        known: Mapping[str, object] = changes
        self.run = replace(self.run, **known)  # type: ignore[arg-type]  # the callers name fields of Run

    def latch(self, why: TurnBack) -> TurnedBack | None:
        """Latch the verdict to go back, once: a cleared alarm never makes this run go forward again.

        Raises:
            NeedsPersonError: the run retires a slot: what stops it stops it, there is nothing to go back to.
        """
        if self.run.turn_back is not None:
            return None
        if isinstance(self.intent, Retire):
            raise NeedsPersonError(why.reason, hint="run the same command again")
        self.note(turn_back=why, went_back=self.run.went_back or (self._snapshot and self._snapshot.move))
        event = TurnedBack(at_s=self.now_s, reason=why.reason)
        self.tell(event)
        return event

    def turn_back_for(self, error: TealError) -> TurnedBack | None:
        """Latch the way back where an error would leave traffic split; None where it ends the run as it is."""
        leaving = isinstance(error, DriftError | BusyError | StoppedError | DeadlineError)
        if leaving or self.going_back or self._snapshot is None or self.facts.situation.row not in SPLIT_ROWS:
            return None
        return self.latch(TurnBack(reason=error.message, judged=False, exit_code=error.exit_code))

    def look(self) -> Snapshot:
        """Take a full look and notice what others did since the last.

        Raises:
            DriftError: somebody else changed a route or a service of this app.
            BusyError: another run went on with this app.
            AwsError: AWS did not answer for a minute.
        """
        before, after = self._snapshot, self._read()
        started_s = self.now_s
        while before and self._stale(before, after, after.taken_at_s) and after.taken_at_s - started_s < STALE_S:
            self._refuse_lost()
            self.ports.clock.sleep(0.5)
            after = self._read()
        self._notice_time(after)
        self.note(still=looked(self.run.still, after))
        if before is not None:
            self._notice_others(before, after)
        else:
            self.first = after
        self._previous, self._snapshot = before, after
        if self.going_back or not self.is_late:  # forward it is written over soon; on a way back it stays as it is
            self.note(weights=self.facts.weights)
        self.wrote.clear()
        self.updated.clear()
        return after

    def glance(self) -> None:
        """Read the routes and the move on record alone, so that a write follows a read of at most a second ago.

        Raises:
            DriftError: somebody else changed a route of this app.
            AwsError: AWS did not answer.
        """
        before, began_s = self.snapshot, self.now_s
        after = read_routes(self.observer, self.ports.clock, before, going_back=self.going_back)
        if after is None:
            return  # a way back does not wait for reads: it is written on the last look
        if guard.shows_again(self.run.own_move, before, after):
            after = tagged_as(before, after)  # what its tags are late with says nothing of the weights
        if self._stale(before, after, began_s):
            after = replace(before, taken_at_s=after.taken_at_s)
        self._notice_others(before, after)
        self._snapshot = after

    def announced(self, step: TagMove) -> None:
        """Remember the move tag that this run wrote last; the one before it, if it came late, has come."""
        before = self._snapshot.move if self._snapshot is not None else None
        self.announcing = {tag: late for tag, late in self.announcing.items() if tag not in {step.tag, before}}
        self.note(own_move=step.tag, announced_percent=step.percent if step.tag.stage is Stage.SHIFT else None)

    @property
    def is_late(self) -> bool:
        """Whether the move on record is an earlier tag of this run, which came late over a newer one."""
        move = self.snapshot.move if self.announcing else None
        return move is not None and move in self.announcing and self.run.own_move not in {None, move}

    def acknowledged(self, key: str, written: Snapshot) -> None:
        """Take a write that AWS acknowledged as what is there; a later read of the value that it replaced is stale.

        A look that shows neither shows what somebody else wrote.
        """
        lag_s = GLANCE_PATIENCE_S if self.lean and key.startswith("route") else STALE_S  # then: write again
        self._acknowledged[key] = (value_of(key, self.snapshot), self.now_s + lag_s)
        self._snapshot = written
        if not self.going_back:  # on a way back what was sent forward is still ours, and is undone
            self.unheard.pop(key, None)

    def _stale(self, before: Snapshot, after: Snapshot, began_s: float) -> bool:
        again = after.move not in self.announcing and guard.shows_again(self.run.own_move, before, after)
        return again or any(
            began_s < until_s and value_of(key, after) == value and value_of(key, before) != value
            for key, (value, until_s) in self._acknowledged.items()
        )

    def watch(self, slot: Slot, *, service: bool) -> None:
        """Take a narrow look at a slot. A read that fails or is stale changes nothing: the next full look will tell.

        Raises:
            DriftError: somebody else changed the service.
        """
        before, began_s = self.snapshot, self.now_s
        try:
            after = self.observer.watch(before, slot, service=service)
        except (TransientError, UnknownAnswerError):
            return
        if after is before or self._stale(before, after, began_s):
            return
        self._notice_time(after)
        self._notice_others(before, after)
        self._snapshot = after

    def bounded(self, problem: str) -> None:
        """Stop a run that goes in circles.

        Raises:
            NeedsPersonError: `problem` is not empty; it is told with what changed between the last two looks.
        """
        if not problem:
            return
        before, last = self._previous, self.snapshot
        changed = difference(before, last) if before is not None else "nothing"
        hint = "`teal status` shows where things stand; nothing more was written"
        raise NeedsPersonError(f"{problem}; between the last two looks changed: {changed}", hint=hint)

    def failing_s(self, key: str) -> float:
        """Return for how long a step has been failing, this failure included."""
        return self.now_s - self._failing_since_s.setdefault(key, self.now_s)

    def succeeded(self, key: str) -> None:
        """Forget the failures of a step."""
        self._failing_since_s.pop(key, None)

    def heed(self) -> TurnedBack | None:
        """Heed the wish to stop, and the time limit.

        Raises:
            StoppedError: a signal, where nothing has to be undone first.
            BusyError: the lock was lost; nothing more is written.
            DeadlineError: `--timeout` is over; nothing is put back.
        """
        self._refuse_lost()
        if self.run.turn_back is not None:
            return None
        if self.deadline_s is not None and self.now_s > self.deadline_s and not self.watching:
            put_back = "what was written stays" if self.going_back else "nothing was put back"
            raise DeadlineError(f"the time limit is over; {put_back}", hint="run the same command again")
        if (leaving := self._heed_lock()) is not None:
            return leaving
        signal = self.ports.clock.stop_signal()
        if signal is None or (self.going_back and self.step_number > 0):
            return None  # a way back that has begun is short, and better finished; a second signal ends the process
        why = TurnBack(reason=f"stopped by signal {signal}", judged=False, pause=True, exit_code=128 + signal)
        if isinstance(self.intent, Deploy | Flip) and self._half_done():
            return self._leave(why)
        stopped = StoppedError(f"{why.reason}; nothing was left half done", hint="run the same command again")
        stopped.exit_code = why.exit_code
        raise stopped

    def _heed_lock(self) -> TurnedBack | None:
        """Leave a split while the lease still allows it."""
        lock = self.ports.lock
        if lock is None or self.going_back or not lock.leaving() or not self._half_done():
            return None
        reason = "the lock cannot be renewed, and without it nobody may watch a split"
        return self._leave(TurnBack(reason=reason, judged=False, pause=True, exit_code=BusyError.exit_code))

    def _refuse_lost(self) -> None:
        """Stop where the lock is somebody else's: nothing more may be written, on a way back by verdict neither."""
        new_holder = self.ports.lock.lost() if self.ports.lock is not None and not self.lean else ""
        if new_holder:
            raise LostLockError(new_holder)

    def _leave(self, why: TurnBack) -> TurnedBack | None:
        """Go back from a split before stopping, or leave it where the configuration says so."""
        if self.spec.deploy.on_stop is OnStop.BACK or self.facts.situation.row not in SPLIT_ROWS:
            return self.latch(why)
        message = f"{why.reason}; the split stays as it is (deploy.on_stop: stay), and nobody watches it"
        stopped = StoppedError(message, hint="run the same command again, or `teal rollback`")
        stopped.exit_code = why.exit_code
        raise stopped

    def _half_done(self) -> bool:
        """Say whether something has to be undone before this run may stop: a split, or a shift that it announced."""
        if self._snapshot is None:
            return False
        situation = self.facts.situation
        announced = situation.row == Row.ANNOUNCED and self.run.own_move == situation.move
        return announced or situation.row in SPLIT_ROWS

    def _read(self) -> Snapshot:
        return read_all(self.observer, self.ports.clock, lean=self.lean, going_back=self.going_back)

    def _notice_time(self, snapshot: Snapshot) -> None:
        """Remember since when the slot in hand has been whole, without a gap."""
        facts = self._facts_of(snapshot).in_hand
        service = facts.target.service
        ready = service is not None and whole(self.spec, facts.target, primary_revision(service), facts.count())
        self.note(whole_since_s=(self.run.whole_since_s or self.now_s) if ready else None)

    def _notice_others(self, before: Snapshot, after: Snapshot) -> None:
        own, move = self.run.own_move, after.move
        if move in self.announcing and (own is None or move.entered_at_s > own.entered_at_s):
            own = move
            self.announced(self.announcing[move])
        if self.run.emptied is not None or isinstance(self.intent, Rollback):
            return  # the planner gives back what somebody wants again; a rollback is written over whatever still writes
        if self.preempted is not None:  # and so is that of an abort, over what the run that it stopped may still write
            guard.refuse_foreign(self.spec, self.preempted, after)
            return
        self._refuse_lost()
        if guard.taken_back(self.spec, own, before, after):
            # Somebody rolled this very move back. A write of ours may have landed after theirs: finish what they began.
            self._unsaid += filter(None, [self.latch(TurnBack(reason="another run took this move back", judged=False))])
            return
        if move not in self.announcing and (taken_over := guard.other_deployer(own, before, after)):
            raise BusyError(taken_over, hint="`teal status` shows where things stand")
        self._notice_changes(before, after)

    def _notice_changes(self, before: Snapshot, after: Snapshot) -> None:
        green = self._facts_of(before).in_hand.to
        if isinstance(self.intent, Deploy | Flip):
            guard.refuse_newcomer(self.run, self.first or before, before, after, self._acknowledged)
        routes, slots = came(self.unheard, before, after)
        if isinstance(self.intent, Abort):
            routes |= guard.late_weights(self.spec, (self.first or before).move, before, after)
        if slots:  # what was whole there is so no more
            self.note(whole_since_s=None)
        if scaled := counts(before, after, self.updated | slots):
            self._say(Noted(at_s=self.now_s, message=f"somebody else asked for other counts: {listed(scaled)}"))
        own = self.wrote and self.wrote - guard.strange_weights(self.spec, before.move, before, after)
        found = changes(before, after, written=own | routes, updated=self.updated | slots, green=green)
        found = (*guard.tags_removed(self.run.own_move, before, after), *found)
        if not found:
            return
        willing = isinstance(self.intent, Deploy | Flip) and self.intent.adopt
        if willing and all(change.adoptable for change in found):
            self._say(Drifted(at_s=self.now_s, changes=found, adopted=True))
        else:
            self._drift(before, found)

    def _drift(self, before: Snapshot, found: tuple[Change, ...]) -> None:
        self._say(Drifted(at_s=self.now_s, changes=found, adopted=False))
        reason = f"drift: somebody else changed {listed(found)}"
        split = self._facts_of(before).situation.row in SPLIT_ROWS
        if not split and self.run.turn_back is None:
            adopting = "`--adopt` takes it as it is; " if all(change.adoptable for change in found) else ""
            raise DriftError(reason, hint=f"{adopting}run the command again to go on from what is there now")
        routes = self.run.foreign | {change.route for change in found if change.route is not None}
        why = self.run.turn_back
        if why is not None and routes != self.run.foreign:  # another verdict: what goes back leaves these alone too
            self.note(turn_back=replace(why, reason=f"{why.reason}; {reason}", exit_code=DriftError.exit_code))
        self.note(foreign=routes)
        self._unsaid += filter(None, [self.latch(TurnBack(reason=reason, judged=False, exit_code=7))])

    def _say(self, event: Event) -> None:
        """Write an event to the journal, and keep it until the run can hand it on."""
        self._unsaid.append(self.tell(event))

    def unsaid(self) -> Iterator[Event]:
        """Yield what was noticed while looking."""
        while self._unsaid:
            yield self._unsaid.pop(0)
