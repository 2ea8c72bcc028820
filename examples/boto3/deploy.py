"""A rolling update and a weighted deployment on ECS behind an Application Load Balancer, with boto3 and nothing else.

    python deploy.py    # where the environment leads: to a lab after `eval "$(teal lab env)"`, or to an account of AWS

1. a service of two tasks behind target group `blue`, reached through a listener rule
2. a rolling update of it: UpdateService, then the waiter
3. a second service behind target group `green`, then weights of the rule: 90/10, 50/50, 0/100

This is what one writes from AWS's documentation of each call. It leaves out what that documentation leaves to you: it
does not look whether a weight has taken effect, tastes nothing, and has no way back when it is killed half way.
"""

import argparse
import time

import boto3

NAME = "boto3-example"
PORT = 8080
IMAGE = "lab/sample:1"
COUNT = 2
ROLLING = {
    "minimumHealthyPercent": 100,
    "maximumPercent": 200,
    "deploymentCircuitBreaker": {"enable": True, "rollback": True},
}


class Deployment:
    """The calls, in the order in which they are made."""

    def __init__(self, poll_s: int) -> None:
        self.ecs = boto3.client("ecs")
        self.elbv2 = boto3.client("elbv2")
        self.subnets = self._subnets()
        self.pace = {"Delay": poll_s, "MaxAttempts": max(1, 600 // poll_s)}

    def _subnets(self) -> list[str]:
        """Return two subnets of the first VPC; AWS wants them in different Availability Zones."""
        found = boto3.client("ec2").describe_subnets()["Subnets"]
        self.vpc = found[0]["VpcId"]
        return [each["SubnetId"] for each in found if each["VpcId"] == self.vpc][:2]

    def register(self, revision: str) -> str:
        """Register the next revision of the task definition; return its ARN."""
        answer = self.ecs.register_task_definition(
            family=NAME,
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[
                {
                    "name": "web",
                    "image": IMAGE,
                    "essential": True,
                    "portMappings": [{"containerPort": PORT, "protocol": "tcp"}],
                    "environment": [{"name": "REVISION", "value": revision}],
                }
            ],
        )
        return answer["taskDefinition"]["taskDefinitionArn"]

    def balance(self) -> str:
        """Make load balancer, target groups and the rule that forwards by weight; return the balancer's name."""
        self.ecs.create_cluster(clusterName=NAME)
        balancer = self.elbv2.create_load_balancer(Name=NAME, Type="application", Subnets=self.subnets)
        balancer = balancer["LoadBalancers"][0]
        self.elbv2.get_waiter("load_balancer_available").wait(
            LoadBalancerArns=[balancer["LoadBalancerArn"]], WaiterConfig=self.pace
        )
        self.groups = {colour: self._group(colour) for colour in ("blue", "green")}
        listener = self.elbv2.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"],
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
        )["Listeners"][0]
        self.rule = self.elbv2.create_rule(
            ListenerArn=listener["ListenerArn"],
            Priority=10,
            Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}],
            Actions=self._forward(blue=100, green=0),
        )["Rules"][0]["RuleArn"]
        return balancer["DNSName"]

    def _group(self, colour: str) -> str:
        made = self.elbv2.create_target_group(
            Name=f"{NAME}-{colour}",
            Protocol="HTTP",
            Port=PORT,
            VpcId=self.vpc,
            TargetType="ip",
            HealthCheckPath="/health",
            HealthCheckIntervalSeconds=10,
            HealthCheckTimeoutSeconds=5,
            HealthyThresholdCount=2,
        )
        return made["TargetGroups"][0]["TargetGroupArn"]

    def _forward(self, **weights: int) -> list[dict]:
        shares = [{"TargetGroupArn": self.groups[colour], "Weight": weight} for colour, weight in weights.items()]
        return [{"Type": "forward", "ForwardConfig": {"TargetGroups": shares}}]

    def serve(self, colour: str, definition: str) -> None:
        """Create a service behind a target group and wait until its tasks are in service."""
        self.ecs.create_service(
            cluster=NAME,
            serviceName=colour,
            taskDefinition=definition,
            desiredCount=COUNT,
            launchType="FARGATE",
            deploymentConfiguration=ROLLING,
            healthCheckGracePeriodSeconds=60,
            networkConfiguration={"awsvpcConfiguration": {"subnets": self.subnets, "assignPublicIp": "DISABLED"}},
            loadBalancers=[
                {"targetGroupArn": self.groups[colour], "containerName": "web", "containerPort": PORT},
            ],
        )
        self._settle(colour)

    def update(self, colour: str, definition: str) -> None:
        """Replace the tasks of a service, a few at a time, and wait until only new ones are left."""
        self.ecs.update_service(
            cluster=NAME, service=colour, taskDefinition=definition, deploymentConfiguration=ROLLING
        )
        self._settle(colour)
        service = self.ecs.describe_services(cluster=NAME, services=[colour])["services"][0]
        if service["taskDefinition"] != definition:
            raise SystemExit(f"{colour}: the deployment was rolled back")

    def _settle(self, colour: str) -> None:
        self.ecs.get_waiter("services_stable").wait(cluster=NAME, services=[colour], WaiterConfig=self.pace)
        self.elbv2.get_waiter("target_in_service").wait(TargetGroupArn=self.groups[colour], WaiterConfig=self.pace)

    def shift(self, blue: int, green: int) -> None:
        """Change the weights of the rule."""
        self.elbv2.modify_rule(RuleArn=self.rule, Actions=self._forward(blue=blue, green=green))


def main() -> None:
    """Deploy."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--poll-seconds", type=int, default=15, help="how often waiters look")
    parser.add_argument("--hold-seconds", type=float, default=60.0, help="how long each weight is held")
    asked = parser.parse_args()
    shop = Deployment(asked.poll_seconds)
    print(f"load balancer {shop.balance()}")
    shop.serve("blue", shop.register("one"))
    print("blue serves revision one")
    shop.update("blue", shop.register("two"))
    print("blue serves revision two")
    shop.serve("green", shop.register("three"))
    for blue, green in ((90, 10), (50, 50), (0, 100)):
        shop.shift(blue, green)
        print(f"blue {blue}, green {green}")
        time.sleep(asked.hold_seconds)
    print("green serves revision three")


if __name__ == "__main__":
    main()
