"""A scene in a lab to measure on: services of the sample app, each behind a group and a rule of one load balancer."""

import time
from collections.abc import Callable, Mapping
from threading import Event
from typing import Any

from botocore.session import Session

NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-a", "subnet-b"]}}
PORT = 8080
# AWS's interval; patience with tasks that share few processors while they start
CHECK = {"HealthCheckPath": "/health", "HealthyThresholdCount": 2, "UnhealthyThresholdCount": 10}
_STEADY_S = 120.0


class Scene:
    """Services behind one load balancer.

    Args:
        environment: leads AWS clients to the lab.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.ecs, self.elbv2 = self._client("ecs"), self._client("elbv2")
        self.groups: list[str] = []
        self.services: list[str] = []
        self.rule = ""

    def _client(self, service: str) -> Any:  # noqa: ANN401 - botocore ships no types
        given = self._environment
        session = Session()
        session.set_credentials(given["AWS_ACCESS_KEY_ID"], given["AWS_SECRET_ACCESS_KEY"])
        return session.create_client(service, given["AWS_REGION"], endpoint_url=given["AWS_ENDPOINT_URL"])

    def build(self, services: int, tasks: int) -> None:
        """Make everything, and wait until all tasks are in service."""
        self.ecs.create_cluster(clusterName="demo")
        self._define()
        made = self.elbv2.create_load_balancer(Name="demo", Subnets=["subnet-a", "subnet-b"])["LoadBalancers"][0]
        default = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
        listener = self.elbv2.create_listener(
            LoadBalancerArn=made["LoadBalancerArn"], Protocol="HTTP", Port=80, DefaultActions=default
        )["Listeners"][0]["ListenerArn"]
        for number in range(services):
            self._serve(number, tasks, listener)
        self._wait_steady()

    def _define(self) -> None:
        container = {"name": "web", "image": "lab/sample:1", "portMappings": [{"containerPort": PORT}]}
        self.ecs.register_task_definition(
            family="web",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[container],
        )

    def _serve(self, number: int, tasks: int, listener: str) -> None:
        name = f"web-{number}"
        wanted = {"Protocol": "HTTP", "Port": PORT, "VpcId": "vpc-lab", "TargetType": "ip", **CHECK}
        group = self.elbv2.create_target_group(Name=name, **wanted)["TargetGroups"][0]["TargetGroupArn"]
        rule = self.elbv2.create_rule(
            ListenerArn=listener,
            Priority=number + 1,
            Conditions=[{"Field": "path-pattern", "Values": [f"/{name}/*"]}],
            Actions=[{"Type": "forward", "TargetGroupArn": group}],
        )
        self.rule = rule["Rules"][0]["RuleArn"]
        self.ecs.create_service(
            cluster="demo",
            serviceName=name,
            taskDefinition="web",
            desiredCount=tasks,
            launchType="FARGATE",
            networkConfiguration=NETWORK,
            loadBalancers=[{"targetGroupArn": group, "containerName": "web", "containerPort": PORT}],
        )
        self.groups.append(group)
        self.services.append(name)

    def _wait_steady(self) -> None:
        deadline_s = time.monotonic() + _STEADY_S
        while not self._steady():
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"the services are not steady after {_STEADY_S:g} s")
            Event().wait(0.2)

    def _steady(self) -> bool:
        described = (
            self.ecs.describe_services(cluster="demo", services=[name])["services"][0] for name in self.services
        )
        return all(each["deployments"][0]["rolloutState"] == "COMPLETED" for each in described)

    def calls(self) -> Mapping[str, Callable[[], object]]:
        """Return the calls that are timed: those that a deployment makes most."""
        actions = [{"Type": "forward", "TargetGroupArn": self.groups[-1]}]
        tasks = self.ecs.list_tasks(cluster="demo", serviceName=self.services[0])["taskArns"]
        return {
            "DescribeServices": lambda: self.ecs.describe_services(cluster="demo", services=self.services[:2]),
            "DescribeTasks": lambda: self.ecs.describe_tasks(cluster="demo", tasks=tasks),
            "DescribeTargetHealth": lambda: self.elbv2.describe_target_health(TargetGroupArn=self.groups[0]),
            "DescribeRules": lambda: self.elbv2.describe_rules(RuleArns=[self.rule]),
            "ModifyRule": lambda: self.elbv2.modify_rule(RuleArn=self.rule, Actions=actions),
        }
