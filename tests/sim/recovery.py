"""What a person does when the faults have stopped: what the documents say, and nothing else.

Run the same command again. When it wants something else, do what it says: wait for a fresh shift to settle, name the
slot that shall serve, put right what somebody else changed. In the end everything stands still and serves.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from lives import State, state
from region import Stage
from sim.checkers import Watcher
from sim.cloud import HOSTS, Cloud
from sim.deployers import Deployer
from sim.scenario import Command, Scenario
from sim.settings import spec_of
from sim.weights import lone_slot, slot_of, slots_with_weight
from sim.wiring import Compute, Router
from teal.model import tags
from teal.model.identity import Slot
from teal.model.run import Abort, Deploy, Flip, Intent, Rollback
from teal.plan.situation import Row
from teal.ports import Ports

T = TypeVar("T")

AT_REST = frozenset({Row.UNRECORDED, Row.NO_ROUTE, Row.AT_REST, Row.ROLLED_BACK})
MOST_COMMANDS = 8
NEW_IMAGE = "7"
ANEW_EVERY = 8  # a new revision takes as long as all the rest


@dataclass(slots=True)
class Onlooker(Stage):
    """Somebody who looks, whom it costs no time."""

    @property
    def cloud(self) -> Cloud:
        """Return the cloud that is looked at."""
        assert isinstance(self.region, Cloud)
        return self.region

    def read(self, what: str, key: object, kinds: tuple[str, ...], go: Callable[[], T]) -> T:
        """Read through a port what is not known yet."""
        return self.cloud.remembered((what, key), kinds, go)

    def call(self, service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Ask the region."""
        return self.region.call(service, operation, params)

    def ports(self) -> Ports:
        """Return ports that read what is not known yet."""
        ports = Stage.ports(self)
        return replace(ports, compute=Compute(self), router=Router(self))


@dataclass(slots=True)
class Person:
    """Somebody with a terminal, and patience."""

    scenario: Scenario
    deployer: Deployer
    watcher: Watcher

    def run(self, intent: Intent, image: str, after_s: float = 1.0) -> int | None:
        """Run a command; return its exit code."""
        self.deployer.cloud.pass_time(after_s)
        command = Command(image=image, intent=intent, after_s=after_s)
        ended = self.deployer.run(command, spec_of(self.scenario.routes, self.scenario.shift, image))
        return ended.exit_code if ended is not None else None

    def stands(self) -> State:
        """Return where the app stands."""
        spec = spec_of(self.scenario.routes, self.scenario.shift, "1")
        return state(Onlooker(region=self.deployer.cloud, spec=spec))

    def recover(self, last: Command) -> None:
        """Bring the app to rest, then let it take a new revision."""
        cloud, story = self.deployer.cloud, self.deployer.story
        cloud.pass_time(90.0)
        self.mend()
        intent, image = last.intent, last.image
        for _ in range(MOST_COMMANDS):
            code = self.run(intent, image)
            found = self.stands()
            if found.row in AT_REST and code in {0, 4, 7, 5}:
                break
            self._scale_up_if_told()
            if code in {6, 7, 5}:
                cloud.pass_time(70.0)
            intent, image = self._next(found), last.image
        else:
            story.breaks(cloud.now_s, "it converges", f"after {MOST_COMMANDS} commands: {self.stands()}")
            return
        if self.scenario.seed % ANEW_EVERY == 0:
            self._deploy_anew()

    def _next(self, found: State) -> Intent:
        """Return the command that `teal status` names where the app stands."""
        if found.row in {Row.MIXED, Row.REMADE, Row.UNKNOWN}:
            return Rollback(to_slot=Slot(self._most()))
        if found.row in {Row.STARTING, Row.HELD, Row.UNPREPARING, Row.ANNOUNCED, Row.UNTOUCHED, Row.NOTHING_GOOD}:
            return Abort()
        if found.row in {Row.STEP, Row.WRITING, Row.BAKING, Row.SERVED, Row.LATE_WRITE}:
            return Flip()
        return Rollback()

    def _most(self) -> str:
        """Return the slot with most weight, which a person would name."""
        total = dict.fromkeys("ab", 0)
        for shares in self.watcher.api.values():
            for arn, weight in shares:
                if slot_of(arn) in total:
                    total[slot_of(arn)] += weight
        return max(total, key=lambda slot: total[slot])

    def mend(self) -> None:
        """Undo what somebody else did to routes, and to what serves: teal does not write over it, and says so."""
        cloud, watcher = self.deployer.cloud, self.watcher
        rules = {host: arn for arn, host in watcher.rule_of.items()}
        for host, shares in sorted(watcher.lost.items()) if not self._is_settled() else ():
            groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in shares]
            actions = [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]
            if not shares or slot_of(shares[0][0]) == "-":
                continue
            if host in rules:
                cloud.aws("elbv2", "ModifyRule", RuleArn=rules[host], Actions=actions)
            else:
                self._create(host, actions)
            self.deployer.story.tell(cloud.now_s, "a person", f"undoes what somebody did to {host}")
        watcher.refresh()
        for slot in sorted(slots_with_weight(watcher.api) & {"a", "b"}):
            if watcher.service(slot)["desiredCount"] == 0:
                cloud.aws("ecs", "UpdateService", cluster="shop", service=f"shop-{slot}", desiredCount=2)
                self.deployer.story.tell(cloud.now_s, "a person", f"gives slot {slot} its tasks back")
                cloud.pass_time(60.0)
        if watcher.lost:
            cloud.pass_time(60.0)  # until the load balancer has taken it up
        watcher.lost.clear()
        watcher.foreign.clear()
        watcher.refresh()
        watcher.standing.until_s.clear()  # what a person gave and took is not teal's to remember

    def _scale_up_if_told(self) -> None:
        """Give a slot its tasks back where the last command says that it needs them."""
        cloud, ended = self.deployer.cloud, self.deployer.ended
        told = re.search(r"update-service --cluster shop --service (shop-[ab]) ", ended.hint) if ended else None
        if told is not None:
            cloud.aws("ecs", "UpdateService", cluster="shop", service=told[1], desiredCount=2)
            self.deployer.story.tell(cloud.now_s, "a person", f"scales {told[1]} up, as told")

    def _is_settled(self) -> bool:
        """Say whether a run has found what somebody did to the routes, and has put on record that it is so."""
        watcher = self.watcher
        move, (slot, _) = watcher.move(), lone_slot({host: watcher.api.get(host, ()) for host in watcher.hosts})
        if move is None or not slot:
            return False
        return (move.stage is tags.Stage.BACK and move.origin == slot) or (
            move.stage is tags.Stage.DONE and move.to == slot
        )

    def _create(self, host: str, actions: list[dict[str, Any]]) -> None:
        cloud = self.deployer.cloud
        balancer = cloud.aws("elbv2", "DescribeLoadBalancers")["LoadBalancers"][0]["LoadBalancerArn"]
        listener = cloud.aws("elbv2", "DescribeListeners", LoadBalancerArn=balancer)["Listeners"][0]["ListenerArn"]
        conditions = [{"Field": "host-header", "HostHeaderConfig": {"Values": [host]}}]
        priority = 20 + 10 * HOSTS.index(host)
        wanted = {"ListenerArn": listener, "Priority": priority, "Conditions": conditions, "Actions": actions}
        cloud.aws("elbv2", "CreateRule", **wanted)

    def _deploy_anew(self) -> None:
        """Whatever happened, a new revision can be deployed, and then serves."""
        cloud, story = self.deployer.cloud, self.deployer.story
        code = self.run(Deploy(replace=True), NEW_IMAGE, after_s=130.0)
        problem = self.watcher.not_serving(NEW_IMAGE)
        if code != 0 or problem:
            ended = self.deployer.ended
            story.breaks(
                cloud.now_s,
                "a new revision can be deployed",
                f"exit {code}, {problem}: {ended.message if ended else ''}; {self.stands()}",
            )
