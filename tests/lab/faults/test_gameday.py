"""Game day as a whole, over a real world in memory: begins, hits, ends, edits, and shows the past."""

from typing import Any, cast, get_args

import pytest

from lab.world.shop import Shop
from teal.errors import LabError
from teal.lab.faults import GameDay, as_fault
from teal.lab.faults.edits import EDITS, Hand
from teal.lab.faults.kinds import Change, Edit
from teal.lab.world.ground import Answer, Ground, Params
from teal.lab.world.world import World

LOGIN = {
    "Issuer": "https://login.example",
    "AuthorizationEndpoint": "https://login.example/authorize",
    "TokenEndpoint": "https://login.example/token",
    "UserInfoEndpoint": "https://login.example/me",
    "ClientId": "shop",
    "ClientSecret": "hush",
}
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-a"]}}


class Region:
    """A region with a rule, its group, a service of one task, and a game day."""

    def __init__(self, seed: int = 1) -> None:
        self.world = World(Ground(time_scale=0.01), 0.0)
        self.day = GameDay(world=self.world, seed=seed)
        self.now_s = 1.0
        balancer = self.elb("CreateLoadBalancer", Name="shop", Subnets=["subnet-a", "subnet-b"])["LoadBalancers"][0]
        listener = self.elb(
            "CreateListener",
            LoadBalancerArn=balancer["LoadBalancerArn"],
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
        )["Listeners"][0]
        self.listener = listener["ListenerArn"]
        self.groups = [self._group(name) for name in ("web", "web-b")]
        self.rules = [self._rule(number, group) for number, group in enumerate(self.groups, start=20)]
        self._serve()

    def _group(self, name: str) -> str:
        wanted = {"Protocol": "HTTP", "Port": 8080, "VpcId": "vpc-lab", "TargetType": "ip"}
        return str(self.elb("CreateTargetGroup", Name=name, **wanted)["TargetGroups"][0]["TargetGroupArn"])

    def _rule(self, priority: int, group: str) -> str:
        rule = self.elb(
            "CreateRule",
            ListenerArn=self.listener,
            Priority=priority,
            Conditions=[{"Field": "path-pattern", "Values": [f"/{priority}/*"]}],
            Actions=[{"Type": "forward", "TargetGroupArn": group}],
            Tags=[{"Key": "teal:app", "Value": "shop"}],
        )["Rules"][0]
        return str(rule["RuleArn"])

    def _serve(self) -> None:
        self.ecs("CreateCluster", clusterName="demo")
        for _ in range(2):
            self.ecs(
                "RegisterTaskDefinition",
                family="web",
                networkMode="awsvpc",
                requiresCompatibilities=["FARGATE"],
                cpu="256",
                memory="512",
                containerDefinitions=[{"name": "web", "image": "lab/sample:1"}],
            )
        self.ecs(
            "CreateService",
            cluster="demo",
            serviceName="web",
            taskDefinition="web:2",
            desiredCount=1,
            launchType="FARGATE",
            networkConfiguration=NETWORK,
            tags=[{"key": "teal:slot", "value": "a"}],
        )
        self.elb("RegisterTargets", TargetGroupArn=self.groups[0], Targets=[{"Id": "10.7.0.5", "Port": 8080}])
        self.pass_s(1.0)

    def elb(self, operation: str, **params: object) -> Any:  # noqa: ANN401 - AWS's own shape
        """Call ELBv2."""
        return self.world.call("elbv2", operation, params, self.now_s)

    def ecs(self, operation: str, **params: object) -> Any:  # noqa: ANN401 - likewise
        """Call ECS."""
        return self.world.call("ecs", operation, params, self.now_s)

    def pass_s(self, seconds: float) -> None:
        """Let time pass."""
        self.now_s += seconds
        self.world.advance(self.now_s)
        self.day.advance(self.now_s)

    def place(self, kind: str, /, **fields: object) -> int:
        """Let a fault begin."""
        return self.day.place(as_fault({"kind": kind, **fields}), self.now_s).number

    def told(self) -> list[str]:
        """Return what the faults told."""
        return [each.message for each in self.world.events if each.source == "fault"]

    def everything(self) -> Any:  # noqa: ANN401 - AWS's own shape
        """Return all that an edit may change."""
        found: list[Any] = [self.elb("DescribeRules", ListenerArn=self.listener)["Rules"]]
        for group in self.groups:
            found += [
                self.elb("DescribeTargetGroups", TargetGroupArns=[group]),
                self.elb("DescribeTargetGroupAttributes", TargetGroupArn=group),
                self.elb("DescribeTargetHealth", TargetGroupArn=group),
            ]
        services = self.ecs("DescribeServices", cluster="demo", services=["web"], include=["TAGS"])["services"]
        rules = [each["RuleArn"] for each in found[0]]
        return [
            *found,
            self.elb("DescribeTags", ResourceArns=rules),
            [(each["desiredCount"], each["taskDefinition"], each["deployments"], each["tags"]) for each in services],
            self.ecs("ListTasks", cluster="demo", desiredStatus="RUNNING"),
        ]


def test_every_change_has_an_edit() -> None:
    """What the command line offers, somebody can do."""
    assert tuple(EDITS) == get_args(Change)


@pytest.mark.parametrize("what", EDITS)
def test_an_edit_changes_something_once(what: str) -> None:
    """Somebody else has changed something, the story says what, the fault ends, and the same seed does the same."""
    regions = [Region(), Region()]
    for region in regions:
        before = region.everything()
        region.place("edit", what=what)
        region.pass_s(0.1)
        assert region.everything() != before
        region.pass_s(0.1)
        assert region.day.faults() == ()
    assert regions[0].told() == regions[1].told()
    assert regions[0].told()[1].startswith("somebody else: ")
    assert regions[0].told()[2] == "ends after 1 hits"


@pytest.mark.parametrize("what", EDITS)
def test_an_edit_waits_until_there_is_something(what: str) -> None:
    """In an empty region nothing happens, and the fault stays at work."""
    world = World(Ground(), 0.0)
    day = GameDay(world=world, seed=1)
    placed = day.place(as_fault({"kind": "edit", "what": what}), 0.0)
    for now in range(5):
        day.advance(float(now))
    assert day.faults() == (placed,)
    assert placed.hits == 0


def test_an_edit_happens_again_and_again() -> None:
    """Every so often, until the fault ends; the weights differ each time."""
    region = Region()
    region.day.place(as_fault({"kind": "edit", "what": "weights", "every_s": 10.0}), region.now_s, for_s=35.0)
    for _ in range(80):
        region.pass_s(0.5)
    edits = [line for line in region.told() if line.startswith("somebody")]
    assert len(edits) == len(set(edits)) == 4
    assert region.told()[-1] == "ends after 4 hits"


def test_an_edit_of_a_rule_keeps_its_other_actions() -> None:
    """A rule with a login keeps it when somebody changes its weights."""
    shop = Shop()
    login = {"Type": "authenticate-oidc", "Order": 1, "AuthenticateOidcConfig": LOGIN}
    forward = {"Type": "forward", "Order": 2, "TargetGroupArn": shop.arns["a"]}
    shop.call(
        "CreateRule",
        ListenerArn=shop.arns["https"],
        Priority=7,
        Conditions=[{"Field": "path-pattern", "Values": ["/x"]}],
        Actions=[login, forward],
    )

    def call(service: str, operation: str, params: Params) -> Answer:
        assert service == "elbv2"
        return shop.balancers.call(operation, params, shop.now_s)

    edit = cast("Edit", as_fault({"kind": "edit", "what": "weights", "group": "tg-a"}))
    told = {EDITS["weights"](Hand(call=call, edit=edit, seed=seed, count=0)) for seed in range(12)}
    assert any("rule 7 forwards" in str(line) for line in told)
    rules = shop.call("DescribeRules", ListenerArn=shop.arns["https"])["Rules"]
    types = [[action["Type"] for action in rule["Actions"]] for rule in rules if rule["Priority"] == "7"]
    assert types == [["authenticate-oidc", "forward"]]


def test_faults_begin_and_end() -> None:
    """By number, all at once, or when their time is over; seeds are drawn from the lab's where none is given."""
    region = Region(seed=40)
    numbers = [region.place("lose-answers"), region.place("throttle-api"), region.place("freeze-task")]
    assert numbers == [1, 2, 3]
    assert [each.view()["seed"] for each in region.day.faults()] == [41, 42, 43]
    assert [each.number for each in region.day.mend([2, 9], region.now_s)] == [2]
    region.day.place(as_fault({"kind": "kill-task"}), region.now_s, seed=7, for_s=5.0)
    region.pass_s(4.9)
    assert [each.number for each in region.day.faults()] == [1, 3, 4]
    region.pass_s(0.2)
    assert [each.number for each in region.day.mend([], region.now_s)] == [1, 3]
    assert region.day.faults() == ()


def test_a_standing_fault_outlasts_all_others() -> None:
    """What `lab.yaml` asks for ends by its own number only."""
    world = World(Ground(), 0.0)
    day = GameDay(world=world, seed=1, standing=[as_fault({"kind": "stale-reads"})], now_s=0.0)
    other = day.place(as_fault({"kind": "lose-answers"}), 0.0)
    assert day.mend([], 1.0) == (other,)
    assert [each.number for each in day.faults()] == [1]
    assert [each.number for each in day.mend([1], 1.0)] == [1]


def test_there_is_an_end_to_faults() -> None:
    """A hundred at once, and the error says how to get rid of them."""
    region = Region()
    for _ in range(100):
        region.place("kill-task")
    with pytest.raises(LabError) as error:
        region.place("kill-task")
    assert "mend" in error.value.hint


def test_a_frozen_task_is_thawed_when_its_fault_is_mended() -> None:
    """The blow that undoes the first is due at the next look."""
    region = Region()
    number = region.place("freeze-task", service="web")
    region.pass_s(1.0)
    tasks = region.world.tasks()
    assert [each.blow for each in region.day.strikes(tasks, region.now_s)] == ["freeze"]
    region.day.mend([number], region.now_s)
    assert [each.blow for each in region.day.strikes(tasks, region.now_s)] == ["thaw"]
    assert region.day.strikes(tasks, region.now_s) == ()


def seen(region: Region, operation: str = "DescribeRules", **params: object) -> Any:  # noqa: ANN401 - AWS's shape
    """Read as a client would, which may be shown the past."""
    fate = region.day.fate("elbv2", operation, region.now_s)
    past = region.day.past("elbv2", fate, region.now_s)
    world, at_s = (region.world, region.now_s) if past is None else past
    return world.call("elbv2", operation, params or {"ListenerArn": region.listener}, at_s)


def priorities(region: Region) -> tuple[str, ...]:
    """Return the priorities of the rules that a read shows."""
    return tuple(each["Priority"] for each in seen(region)["Rules"])


def write(region: Region, priority: int) -> None:
    """Add a rule, as a client would."""
    region.day.fate("elbv2", "CreateRule", region.now_s)
    region._rule(priority, region.groups[0])


@pytest.mark.parametrize("backwards", [False, True])
def test_stale_reads(*, backwards: bool) -> None:
    """A read shows a state there has been within the age; it goes back behind an earlier read only when it may."""
    region = Region()
    region.place("stale-reads", age_s=10.0, backwards=backwards)
    shown = list[tuple[float, int]]()
    for step in range(60):
        if step % 6 == 0:
            write(region, 100 + step)
        region.pass_s(0.5)
        shown.append((region.now_s, len(priorities(region))))
    first_s = shown[0][0]
    for now_s, rules in shown:
        oldest = 3 + max(0, int((now_s - 10.0 - first_s) // 3))
        newest = 4 + int((now_s - first_s) // 3)
        assert oldest <= rules <= newest, (now_s, rules)
    counts = [rules for _, rules in shown]
    assert (counts != sorted(counts)) is backwards
    region.day.mend([], region.now_s)
    assert len(priorities(region)) == 13


def test_only_reads_of_a_stale_fault_are_old() -> None:
    """Without such a fault, for another service and for writes, it is always now."""
    region = Region()
    assert len(priorities(region)) == 3
    region.place("stale-reads", api="ecs", age_s=30.0)
    write(region, 99)
    assert len(priorities(region)) == 4
