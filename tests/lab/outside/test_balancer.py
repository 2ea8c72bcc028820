"""The load balancer of a lab as its clients see it: what the API is told, sockets show."""

from http.client import HTTPConnection

import pytest

from lab.outside.town import PORT, Town, until

pytestmark = pytest.mark.lab


def cookies(town: Town) -> set[str]:
    """Return the names of the cookies that the load balancer gives to a new client."""
    connection = HTTPConnection(town.host, PORT, timeout=10)
    try:
        connection.request("GET", "/")
        answer = connection.getresponse()
        answer.read()
        return {value.partition("=")[0] for name, value in answer.getheaders() if name.lower() == "set-cookie"}
    finally:
        connection.close()


def reasons(town: Town, group: str) -> set[tuple[str, str]]:
    """Return state and reason of all targets of a group."""
    found = town.client("elbv2").describe_target_health(TargetGroupArn=town.arns[group])["TargetHealthDescriptions"]
    return {(each["TargetHealth"]["State"], each["TargetHealth"].get("Reason", "")) for each in found}


def test_the_balancer_does_what_its_api_was_told(town: Town) -> None:
    """Swapped priorities change who answers, stickiness gives cookies, and targets go through the states of AWS."""
    balancing = town.client("elbv2")
    town.build("a", "b", delay_s=300)
    for name in ("a", "b"):
        town.serve(name, town.define({"REVISION": name}), count=1)
    town.stable("a", "b")
    made = town.rule(20, {"Field": "path-pattern", "Values": ["/*"]}, "b")
    until(lambda: town.answers() == {(200, "a")}, "the rule of priority 10 comes first")
    swapped = [{"RuleArn": town.arns["rule"], "Priority": 20}, {"RuleArn": made, "Priority": 10}]
    balancing.set_rule_priorities(RulePriorities=swapped)
    until(lambda: town.answers() == {(200, "b")}, "now the other one does")

    sticky = [{"Key": "stickiness.enabled", "Value": "true"}]
    balancing.modify_target_group_attributes(TargetGroupArn=town.arns["b"], Attributes=sticky)
    until(lambda: all(cookies(town) == {"AWSALB", "AWSALBCORS"} for _ in range(12)), "cookies of the target")

    assert reasons(town, "b") == {("healthy", "")}
    town.client("ecs").update_service(cluster="demo", service="b", desiredCount=0)
    until(lambda: reasons(town, "b") == {("draining", "Target.DeregistrationInProgress")}, "draining")
    until(lambda: town.answers() == {(503, "")}, "nobody is left")
    town.client("ecs").update_service(cluster="demo", service="b", desiredCount=1)
    until(lambda: ("healthy", "") in reasons(town, "b"), "it is back")
    rules = balancing.describe_rules(ListenerArn=town.arns["listener"])["Rules"]
    for rule in rules:
        if not rule["IsDefault"] and rule["Actions"][0]["TargetGroupArn"] == town.arns["b"]:
            balancing.delete_rule(RuleArn=rule["RuleArn"])
    assert ("unused", "Target.NotInUse") in reasons(town, "b")
