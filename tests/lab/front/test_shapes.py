"""Every request a botocore client can write is read, and every answer written is read by botocore's own parser."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from teal.lab.front.checking import check
from teal.lab.front.models import Catalogue
from teal.lab.front.reading import read_form, read_json, read_query
from teal.lab.front.writing import copied, write_error, write_json, write_xml

SERVICES = ("ecs", "elbv2", "sts", "application-autoscaling", "logs")
EC2 = ("DescribeVpcs", "DescribeSubnets", "DescribeSecurityGroups", "DescribeAvailabilityZones", "CreateTags")
INSTANT = datetime(2026, 11, 22, 10, 20, 30, tzinfo=UTC)
CATALOGUE = Catalogue()


def of_botocore(service: str) -> ServiceModel:
    """Return botocore's own view of a service."""
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


def sample(shape: Shape, depth: int = 0) -> Any:  # noqa: ANN401 - its type is its shape's
    """Return a value that the shape allows, with every member and two of each list, to a depth of six."""
    if shape.type_name == "structure":
        names = list(shape.required_members if depth > 6 else shape.members)
        if shape.is_tagged_union:
            names = list(shape.members)[:1]
        return {} if shape.is_document_type else {name: sample(shape.members[name], depth + 1) for name in names}
    if shape.type_name == "list":
        size = min(max(2, shape.metadata.get("min", 0)), shape.metadata.get("max", 2))
        return [sample(shape.member, depth + 1) for _ in range(0 if depth > 6 else size)]
    if shape.type_name == "map":
        return {sample(shape.key, depth + 1): sample(shape.value, depth + 1)}
    return scalar(shape)


def scalar(shape: Shape) -> object:
    """Return a scalar that the shape allows."""
    match shape.type_name:
        case "string":
            enum = shape.metadata.get("enum")
            return (
                enum[-1]
                if enum
                else "a <b> & \"c\" 'd' é"[: shape.metadata.get("max", 20)].ljust(
                    int(shape.metadata.get("min", 0)), "x"
                )
            )
        case "integer" | "long":
            return int(shape.metadata.get("min", 3))
        case "float" | "double":
            return 1.5
        case "boolean":
            return True
        case "timestamp":
            return INSTANT
        case "blob":
            return b"\x00\xff teal"
        case _:
            raise AssertionError(shape.type_name)


def operations() -> Iterator[tuple[str, str]]:
    """Yield service and operation of everything compared."""
    for service in SERVICES:
        for name in of_botocore(service).operation_names:
            yield service, name
    for name in EC2:
        yield "ec2", name


@pytest.fixture(scope="module")
def models() -> dict[str, ServiceModel]:
    """Return botocore's models of all services compared."""
    return {service: of_botocore(service) for service in (*SERVICES, "ec2")}


def same(value: object) -> object:
    """Return a value with its instants in one zone, without empty structures and lists: XML cannot tell them apart."""
    if isinstance(value, Mapping):
        return {name: same(inner) for name, inner in value.items() if inner not in ({}, [])}
    if isinstance(value, list):
        return [same(inner) for inner in value]
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def read(operation: OperationModel, params: Mapping[str, Any]) -> dict[str, Any]:
    """Write a request as a botocore client would, and read it as the lab does."""
    service = CATALOGUE.service(operation.service_model.service_name)
    assert service is not None
    protocol = operation.service_model.resolved_protocol
    written = create_serializer(protocol, include_validation=True).serialize_to_request(params, operation)
    ours = service.operation(operation.name)
    assert ours is not None
    if protocol == "json":
        found = read_json(service, ours.input, written["body"])
    else:
        found = read_query(service, ours.input, read_form(urlencode(written["body"]).encode()))
    check(service, ours.input, found)
    return found


@pytest.mark.parametrize("service", [*SERVICES, "ec2"])
def test_requests_of_every_operation_are_read_as_written(service: str, models: Mapping[str, ServiceModel]) -> None:
    """What a botocore client writes is what the world gets, for every operation."""
    for name in (name for owner, name in operations() if owner == service):
        operation = models[service].operation_model(name)
        if operation.input_shape is not None and not operation.has_event_stream_input:
            params = sample(operation.input_shape)
            assert same(read(operation, params)) == same(params), name


@pytest.mark.parametrize("service", [*SERVICES, "ec2"])
def test_answers_of_every_operation_are_read_by_botocore(service: str, models: Mapping[str, ServiceModel]) -> None:
    """What the world answers is what a botocore client returns, for every operation."""
    model = CATALOGUE.service(service)
    assert model is not None
    parser = create_parser(models[service].resolved_protocol)
    for name in (name for owner, name in operations() if owner == service):
        theirs, ours = models[service].operation_model(name), model.operation(name)
        assert ours is not None
        if theirs.output_shape is None or theirs.has_event_stream_output:
            continue
        answer = sample(theirs.output_shape)
        if service in {"elbv2", "sts", "ec2"}:
            body = write_xml(model, ours, answer, "id-1")
        else:
            body = write_json(model, ours, answer)
        parsed = parser.parse({"status_code": 200, "headers": {}, "body": body}, theirs.output_shape)
        parsed.pop("ResponseMetadata", None)
        assert same(parsed) == same(answer), name
        assert same(copied(model, ours.output, answer)) == same(answer), name


@pytest.mark.parametrize(
    ("protocol", "service"),
    [("json", "ecs"), ("query", "elbv2"), ("ec2", "ec2"), ("smithy-rpc-v2-cbor", "cloudwatch"), ("rest-xml", "s3")],
)
def test_errors_are_read_by_botocore(protocol: str, service: str) -> None:
    """Code and message of an error come through in every protocol."""
    name = "cbor" if protocol.endswith("cbor") else protocol
    body = write_error(name, "PriorityInUse", "Priority '7' <is> in use", 400, "id-1")  # type: ignore[arg-type] # a table
    operation = of_botocore(service).operation_model(of_botocore(service).operation_names[0])
    headers = {"smithy-protocol": "rpc-v2-cbor"} if name == "cbor" else {}
    shape = operation.output_shape
    parsed = create_parser(protocol).parse({"status_code": 400, "headers": headers, "body": body}, shape)
    assert parsed["Error"]["Code"] == "PriorityInUse"
    assert parsed["Error"]["Message"] == "Priority '7' <is> in use"


def test_every_model_that_botocore_has_can_be_opened() -> None:
    """A request for any service finds a model or a refusal, never a crash."""
    for name in Loader().list_available_services("service-2"):
        service = Catalogue().service(name)
        assert service is not None
        assert service.operation_names()
    assert CATALOGUE.service("../ecs") is None
    assert CATALOGUE.service("nothing") is None
