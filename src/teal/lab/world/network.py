"""The one network of the lab: a VPC with two subnets and a security group, the same for every service of the world.

An address `10.<network>.x.y` of the API is dialled at `127.<network>.x.y`: the whole of 127/8 is loopback.
Load balancers live in `127.<network>.255.0/24`, outside both subnets, so that they never meet a task.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from teal.lab.world.ground import Ground
from teal.lab.world.wires import AwsRefusal

VPC_ID = "vpc-lab"
SECURITY_GROUP_ID = "sg-lab"
PORTS = range(1, 65536)
HOSTS = 251  # of each /24, 4 to 254: AWS keeps the first addresses of a subnet for itself
_FIRST_HOST = 4
_BLOCKS = 16  # /24 blocks in a /20


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet:
    """A subnet of the VPC, in one availability zone."""

    subnet_id: str
    zone: str
    cidr: str


def vpc_cidr(ground: Ground) -> str:
    """Return the address block of the VPC."""
    return f"10.{ground.network}.0.0/16"


def subnets(ground: Ground) -> tuple[Subnet, ...]:
    """Return the subnets of the VPC, one per zone."""
    return tuple(
        Subnet(subnet_id=f"subnet-{letter}", zone=f"{ground.region}{letter}", cidr=f"10.{ground.network}.{third}.0/20")
        for letter, third in (("a", 0), ("b", 16))
    )


def host_addresses(subnet: Subnet, start: int) -> Iterator[str]:
    """Return every address of a subnet that a task can have, once, beginning with number `start`."""
    first = IPv4Network(subnet.cidr).network_address
    for number in range(start, start + _BLOCKS * HOSTS):
        block, host = divmod(number % (_BLOCKS * HOSTS), HOSTS)
        yield str(first + 256 * block + host + _FIRST_HOST)


def is_in_vpc(ground: Ground, address: IPv4Address) -> bool:
    """Say whether an address belongs to the VPC."""
    return address in IPv4Network(vpc_cidr(ground))


def zone_of(ground: Ground, address: IPv4Address) -> str | None:
    """Return the zone of the subnet that holds the address, if one does."""
    return next((subnet.zone for subnet in subnets(ground) if address in IPv4Network(subnet.cidr)), None)


def loopback_of(address: IPv4Address) -> str:
    """Return where an address of the VPC is dialled."""
    return f"127.{str(address).split('.', 1)[1]}"


def free_balancer_address(ground: Ground, taken: Iterable[str]) -> str:
    """Return the lowest loopback address that no load balancer has.

    Raises:
        AwsRefusal: none is left.
    """
    busy = set(taken)
    for last in range(1, 255):
        address = f"127.{ground.network}.255.{last}"
        if address not in busy:
            return address
    raise AwsRefusal("InsufficientCapacity", "The lab has no address left for a load balancer.", 500)
