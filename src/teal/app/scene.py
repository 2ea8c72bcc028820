"""What teal never creates, made for the demo's lab: a cluster, a load balancer, a listener on port 80.

Run as `python -m teal.app.scene` with the environment of the lab.
"""

from teal.aws.client import BotocoreCaller

REGION = "eu-west-1"
NOTHING_HERE = {
    "Type": "fixed-response",
    "FixedResponseConfig": {"StatusCode": "404", "ContentType": "text/plain", "MessageBody": "nothing here"},
}


def set_scene(caller: BotocoreCaller) -> None:
    """Make cluster `shop` and load balancer `shop`."""
    caller.call("ecs", "CreateCluster", {"clusterName": "shop"})
    subnets = ["subnet-a", "subnet-b"]
    made = caller.call(
        "elbv2", "CreateLoadBalancer", {"Name": "shop", "Subnets": subnets, "SecurityGroups": ["sg-lab"]}
    )
    listener = {
        "LoadBalancerArn": made["LoadBalancers"][0]["LoadBalancerArn"],
        "Protocol": "HTTP",
        "Port": 80,
        "DefaultActions": [NOTHING_HERE],
    }
    caller.call("elbv2", "CreateListener", listener)


if __name__ == "__main__":
    set_scene(BotocoreCaller(region=REGION))
