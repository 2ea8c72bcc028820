"""Requests that fail on purpose, as plans and as answers; what a node takes up, as news."""

from dataclasses import replace

import pytest

from lab.proxy.stage import BALANCER, Stage, forward, group, host, target, until
from teal.lab.faults.chance import hits
from teal.lab.proxy.faults import fault_filters, plan, with_faults
from teal.lab.proxy.listeners import routes
from teal.lab.proxy.news import rules_taken
from teal.lab.world.wires import FixedResponse, ProxyGroup, ProxyListener, ProxyRule, RequestFault

FAULT = RequestFault(seed=7, share_percent=30.0, status=503)


def listener(*rules: ProxyRule) -> ProxyListener:
    """Return a listener."""
    return ProxyListener(arn="l", host="127.0.0.1", port=80, idle_timeout_s=60.0, rules=rules)


def with_fault(well: ProxyGroup, fault: RequestFault) -> ProxyGroup:
    """Return a group whose requests suffer."""
    return replace(well, request_faults=(fault,))


def test_a_plan_is_what_the_seed_says() -> None:
    """One sign for each of a thousand requests, a one for each that is hit."""
    made = plan(FAULT)
    assert made == "".join("1" if hits(7, count, 30.0) else "0" for count in range(1, 1001))
    assert 250 < made.count("1") < 350
    assert plan(replace(FAULT, share_percent=100.0)) == "1" * 1000


def test_only_the_group_that_has_a_fault_is_touched() -> None:
    """Without faults a route table stays as it was; with one, exactly the shares of its group wake the filters."""
    both = listener(forward(("A", 1), ("B", 9)))
    assert with_faults(routes(both), {}) == with_faults(routes(both), {"C": (FAULT,)}) == routes(both)
    table = with_faults(routes(both), {"A": (FAULT, replace(FAULT, status=None, delay_s=0.25))})
    one, other = table["virtual_hosts"][0]["routes"][0]["route"]["weighted_clusters"]["clusters"]
    assert one["typed_per_filter_config"].keys() == {each["name"] for each in fault_filters()}
    script = one["typed_per_filter_config"]["choose"]["source_code"]["inline_string"]
    assert 'delay_ms = 0, status = "503"' in script
    assert "delay_ms = 250, status = nil" in script
    assert "typed_per_filter_config" not in other
    single = with_faults(
        {"virtual_hosts": [{"routes": [{"route": {"cluster": one["name"]}}, {"redirect": {}}]}]}, {"A": (FAULT,)}
    )
    assert "typed_per_filter_config" in single["virtual_hosts"][0]["routes"][0]


def test_filters_sleep() -> None:
    """A listener without faults pays nothing for them."""
    assert all(each["disabled"] for each in fault_filters())


def test_news_of_a_node() -> None:
    """New and changed rules are told as they are now, those that are gone by their ARN, all others not at all."""
    same = ProxyRule(arn="same", conditions=(), action=FixedResponse(status=404, content_type="", body=""))
    first, second = forward(("A", 1)), forward(("A", 1), ("B", 1))
    gone = replace(same, arn="gone")
    taken = rules_taken(1, (listener(same, gone, first),), (listener(same, second),))
    assert (taken.node, taken.rules, taken.gone) == (1, (second,), ("gone",))
    assert rules_taken(0, (listener(same),), (listener(same),)).rules == ()


@pytest.mark.lab
def test_requests_fail_are_slow_and_recover(stage: Stage) -> None:
    """Both nodes follow the plan at once and go back when it ends; the app sees nothing of how it is done."""
    stage.app(host(1), REVISION="a")
    well = group("A", target("a", host(1), 8080))
    stage.show((well,), forward(("A", 1)))
    until(lambda: stage.all_states("healthy"), "the target is healthy")
    until(lambda: stage.settled(status=200), "both nodes answer")
    before = stage.echo().keys()
    slow = RequestFault(seed=1, share_percent=100.0, delay_s=0.02)
    stage.show((with_fault(well, replace(FAULT, status=502, share_percent=100.0)),), forward(("A", 1)))
    until(lambda: stage.settled(status=502), "every request fails")
    stage.show((with_fault(well, slow),), forward(("A", 1)))
    until(lambda: stage.settled(status=200), "requests are only slow")
    assert stage.echo().keys() == before
    stage.show((with_fault(well, FAULT),), forward(("A", 1)))
    until(lambda: stage.ask().status == 503, "one request fails")
    assert {stage.ask().status for _ in range(60)} == {200, 503}
    stage.show((well,), forward(("A", 1)))
    until(lambda: stage.settled(status=200, times=40), "all requests are answered")
    assert [each for each in stage.log if "rejected" in each] == []


@pytest.mark.lab
def test_a_target_is_checked_where_nobody_answers(stage: Stage) -> None:
    """Its checks are refused for real, with the reason that AWS gives; its neighbour is well."""
    for name in (host(1), host(2)):
        stage.app(name)
    one, two = target("a", host(1), 8080), target("b", host(2), 8080)
    stage.show((group("A", one, two),), forward(("A", 1)))
    until(lambda: stage.all_states("healthy", "healthy"), f"both are healthy behind {BALANCER}")
    stage.show((group("A", replace(one, health_port=1), two),), forward(("A", 1)))
    until(lambda: stage.all_states("unhealthy", "healthy"), "one is unhealthy")
    assert stage.states["a"].reason == "Target.FailedHealthChecks"
    stage.show((group("A", one, two),), forward(("A", 1)))
    until(lambda: stage.all_states("healthy", "healthy"), "both are healthy again")
