"""A local AWS region on loopback: an API that answers, tasks that run, a load balancer that routes."""
