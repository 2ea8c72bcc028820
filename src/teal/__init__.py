"""Blue/green deployments for Amazon ECS behind an Application Load Balancer."""

__version__ = "0.1.0.dev0"
