"""Load balancers, listeners, and tags of either."""

from lab.conformance.row import Claim, Json, Row, Step, assumed, seen, stated
from lab.conformance.scene import CERTIFIED, FIXED, balancer, forward, listener

VALIDATION = "ValidationError"
_TWO = ["$subnet-a", "$subnet-b"]
_NEW: Json = {"Name": "new", "Subnets": _TWO}
_LISTENER: Json = {"LoadBalancerArn": "$shop", "Protocol": "HTTP", "Port": 8081, "DefaultActions": [FIXED]}
_SECURE: Json = {**_LISTENER, **CERTIFIED, "Port": 8443}
_NAME = "API model, Name: 32 characters, letters, digits, inner hyphens"
_GONE = "arn:aws:elasticloadbalancing:eu-west-1:000000000000:loadbalancer/app/none/0123456789abcdef"
_ATTRIBUTE = assumed(VALIDATION, "API model, LoadBalancerAttribute")


def _balancer(what: str, wrong: Json, claim: Claim) -> Row:
    return Row(what=what, call="elbv2 CreateLoadBalancer", wrong={**_NEW, **wrong}, right=_NEW, claim=claim)


def _listener(what: str, wrong: Json, claim: Claim, right: Json = _LISTENER) -> Row:
    return Row(what=what, call="elbv2 CreateListener", wrong=wrong, right=right, claim=claim)


def _set(key: str, value: str) -> Json:
    return {"LoadBalancerArn": "$shop", "Attributes": [{"Key": key, "Value": value}]}


def _attribute(what: str, key: str, value: str) -> Row:
    return Row(
        what=what,
        call="elbv2 ModifyLoadBalancerAttributes",
        wrong=_set(key, value),
        right=_set("idle_timeout.timeout_seconds", "90"),
        claim=_ATTRIBUTE,
    )


def _tags(what: str, wrong: list[tuple[str, str]], claim: Claim) -> Row:
    return Row(
        what=what,
        call="elbv2 AddTags",
        wrong={"ResourceArns": ["$shop"], "Tags": [{"Key": key, "Value": value} for key, value in wrong]},
        right={"ResourceArns": ["$shop"], "Tags": [{"Key": "team", "Value": "shop"}]},
        claim=claim,
    )


BALANCERS = (
    _balancer(
        "a load balancer in one subnet",
        {"Subnets": ["$subnet-a"]},
        seen(
            VALIDATION,
            "At least two subnets in two different Availability Zones must be specified",
            "API model, Subnets; public reports",
        ),
    ),
    _balancer(
        "a load balancer in a subnet that is not there",
        {"Subnets": ["$subnet-a", "subnet-none"]},
        seen(
            "InvalidSubnetID.NotFound",
            "The subnet ID 'subnet-none' does not exist",
            "public reports; AWS's reference names SubnetNotFound",
        ),
    ),
    _balancer(
        "a load balancer with a security group that the network does not have",
        {"SecurityGroups": ["sg-none"]},
        seen(
            "InvalidConfigurationRequest",
            "One or more security groups are invalid",
            "public reports; AWS's reference names InvalidSecurityGroup, too",
        ),
    ),
    _balancer(
        "a second load balancer of one name, with other settings",
        {"Name": "shop", "Scheme": "internal"},
        stated("DuplicateLoadBalancerName", "API reference, CreateLoadBalancer"),
    ),
    _balancer("a load balancer name of 33 characters", {"Name": "a" * 33}, assumed(VALIDATION, _NAME)),
    _balancer("a load balancer name with a hyphen at its end", {"Name": "shop-"}, assumed(VALIDATION, _NAME)),
    _balancer("a load balancer of type lambda", {"Type": "lambda"}, assumed(VALIDATION, "API model, Type")),
    Row(
        what="load balancer 51",
        call="elbv2 CreateLoadBalancer",
        wrong=_NEW,
        before=tuple(balancer(f"many-{number}") for number in range(47)),
        spoiled=(balancer("many-last"),),
        claim=stated("TooManyLoadBalancers", "API reference, CreateLoadBalancer; ALB guide, load-balancer-limits"),
    ),
    Row(
        what="the deletion of a load balancer with deletion protection",
        call="elbv2 DeleteLoadBalancer",
        wrong={"LoadBalancerArn": "$shop"},
        spoiled=(Step(call="elbv2 ModifyLoadBalancerAttributes", params=_set("deletion_protection.enabled", "true")),),
        claim=seen(
            "OperationNotPermitted",
            "cannot be deleted because deletion protection is enabled",
            "API reference, DeleteLoadBalancer; public reports",
        ),
    ),
    _attribute("an unknown load balancer attribute", "idle_timeout.seconds", "90"),
    _attribute("an idle timeout of 4001 s", "idle_timeout.timeout_seconds", "4001"),
    Row(
        what="DescribeLoadBalancers of a name that is not there",
        call="elbv2 DescribeLoadBalancers",
        wrong={"Names": ["none"]},
        right={"Names": ["shop"]},
        claim=stated("LoadBalancerNotFound", "API reference, DescribeLoadBalancers"),
    ),
)
LISTENERS = (
    _listener(
        "a second listener on one port",
        {**_LISTENER, "Port": 80, "DefaultActions": [forward(a=1)]},
        seen(
            "DuplicateListener",
            "A listener already exists on this port for this load balancer",
            "API reference, CreateListener; public reports",
        ),
    ),
    Row(
        what="ModifyListener to a port that is taken",
        call="elbv2 ModifyListener",
        wrong={"ListenerArn": "$http", "Port": 443},
        right={"ListenerArn": "$http", "Port": 8081},
        claim=stated("DuplicateListener", "API reference, ModifyListener"),
    ),
    _listener(
        "an HTTPS listener without a certificate",
        {**_LISTENER, "Protocol": "HTTPS", "Port": 8443},
        seen(VALIDATION, "A certificate must be specified for HTTPS listeners", "public reports"),
        _SECURE,
    ),
    _listener(
        "an HTTPS listener with two certificates",
        {**_SECURE, "Certificates": [{"CertificateArn": "$certificate"}, {"CertificateArn": "$certificate"}]},
        assumed("TooManyCertificates", "API model, CreateListener: provide exactly one certificate"),
        _SECURE,
    ),
    _listener(
        "an HTTPS listener with something else for a certificate",
        {**_SECURE, "Certificates": [{"CertificateArn": "certificate-1"}]},
        seen(VALIDATION, "Certificate ARN 'certificate-1' is not valid", "public reports"),
        _SECURE,
    ),
    _listener(
        "an HTTP listener with an SSL policy",
        {**_LISTENER, "SslPolicy": "ELBSecurityPolicy-2016-08"},
        seen(VALIDATION, "An SSL policy cannot be specified for HTTP listeners", "public reports"),
    ),
    _listener(
        "an HTTP listener with a certificate",
        {**_LISTENER, "Certificates": [{"CertificateArn": "$certificate"}]},
        seen(VALIDATION, "A certificate cannot be specified for HTTP listeners", "public reports"),
    ),
    _listener(
        "a TCP listener on an Application Load Balancer",
        {**_LISTENER, "Protocol": "TCP"},
        assumed(
            VALIDATION,
            "the words from public reports on Network Load Balancers; AWS's reference names UnsupportedProtocol, too",
            "Listener protocol 'TCP' must be one of",
        ),
    ),
    _listener("a listener on port 0", {**_LISTENER, "Port": 0}, assumed(VALIDATION, "API model, Port: 1 to 65535")),
    _listener(
        "a listener on port 65536", {**_LISTENER, "Port": 65536}, assumed(VALIDATION, "API model, Port: 1 to 65535")
    ),
    _listener(
        "a listener without a default action",
        {key: value for key, value in _LISTENER.items() if key != "DefaultActions"},
        assumed(VALIDATION, "API model, CreateListener: required"),
    ),
    _listener(
        "a listener whose group another load balancer uses",
        {**_LISTENER, "DefaultActions": [forward(f=1)]},
        stated("TargetGroupAssociationLimit", "API reference, CreateListener"),
    ),
    _listener(
        "a listener of a load balancer that is not there",
        {**_LISTENER, "LoadBalancerArn": _GONE},
        stated("LoadBalancerNotFound", "API reference, CreateListener"),
    ),
    Row(
        what="listener 51 of a load balancer",
        call="elbv2 CreateListener",
        wrong=_LISTENER,
        before=tuple(listener("", "shop", 20000 + number, FIXED) for number in range(47)),
        spoiled=(listener("", "shop", 21000, FIXED),),
        claim=stated("TooManyListeners", "API reference, CreateListener; ALB guide, load-balancer-limits"),
    ),
    Row(
        what="ModifyListener on a listener that is not there",
        call="elbv2 ModifyListener",
        wrong={"ListenerArn": f"{_GONE.replace('loadbalancer', 'listener')}/0123", "Port": 8081},
        right={"ListenerArn": "$http", "Port": 8081},
        claim=stated("ListenerNotFound", "API reference, ModifyListener"),
    ),
)
TAGS = (
    _tags("one tag key twice", [("a", "1"), ("a", "2")], stated("DuplicateTagKeys", "API reference, AddTags")),
    _tags("51 tags", [(str(number), "") for number in range(51)], stated("TooManyTags", "API reference, AddTags: 50")),
    _tags(
        "a tag key that begins with aws:",
        [("aws:a", "1")],
        assumed(VALIDATION, "ELB guide, tagging restrictions: the prefix is reserved"),
    ),
    _tags("a tag key of 129 characters", [("a" * 129, "1")], assumed(VALIDATION, "API model, TagKey: 1 to 128")),
    Row(
        what="DescribeTags of 21 resources",
        call="elbv2 DescribeTags",
        wrong={"ResourceArns": ["$shop"] * 21},
        right={"ResourceArns": ["$shop"] * 20},
        claim=assumed(VALIDATION, "API model, DescribeTags: up to 20 resources"),
    ),
)
ROWS = (*BALANCERS, *LISTENERS, *TAGS)
