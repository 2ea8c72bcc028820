"""The files of the app that the region in memory is played with: `%s` are its routes, shift and bake."""

TEAL_YAML = """
app: shop
region: eu-west-1
cluster: shop
task_definition: taskdef.json
service: service.json
slots:
  a: {service: shop-a, target_groups: [
    {name: shop-a, container: web, port: 8080, create: {health_check: {path: /health}}}]}
  b: {service: shop-b, target_groups: [
    {name: shop-b, container: web, port: 8080, create: {health_check: {path: /health}}}]}
routes:
%s
identity: {header: X-Revision}
deploy:
  shift: %s
  bake: %s
"""
TASKDEF = """
{"family": "shop", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
 "executionRoleArn": "arn:aws:iam::000000000000:role/execution",
 "containerDefinitions": [{"name": "web", "image": "lab/shop:1", "portMappings": [{"containerPort": 8080}],
  "environment": [{"name": "COLOUR", "value": "teal"}],
  "logConfiguration": {"logDriver": "awslogs", "options":
   {"awslogs-group": "shop", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "web"}}}]}
"""
SERVICE = """
{"desiredCount": 2, "launchType": "FARGATE", "networkConfiguration":
 {"awsvpcConfiguration": {"subnets": ["subnet-a", "subnet-b"], "securityGroups": ["sg-lab"]}}}
"""
