#!/bin/sh
# What teal never creates: the cluster, and the load balancer with its listener. For the lab, whose network this names.
set -eu
aws ecs create-cluster --cluster-name shop > /dev/null
balancer=$(aws elbv2 create-load-balancer --name shop --subnets subnet-a subnet-b --security-groups sg-lab \
    --query 'LoadBalancers[0].LoadBalancerArn' --output text)
aws elbv2 create-listener --load-balancer-arn "$balancer" --protocol HTTP --port 80 \
    --default-actions 'Type=fixed-response,FixedResponseConfig={StatusCode=404,ContentType=text/plain,MessageBody=nothing here}' \
    > /dev/null
echo "cluster shop, load balancer shop with a listener on port 80"
