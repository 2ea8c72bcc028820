"""Every error that AWS documents for what teal asks has a class, on purpose."""

import pytest

from aws.canned import service_model
from teal.aws.errors import KINDS, error_for, kind_of
from teal.aws.operations import ONCE, OPERATIONS, PAGED, READS, WRITES
from teal.errors import AwsError, CredentialError, NotFoundError, RefusedError, TransientError

GENERIC = {
    "Throttling": TransientError,
    "ThrottlingException": TransientError,
    "ThrottledException": TransientError,
    "RequestLimitExceeded": TransientError,
    "RequestThrottled": TransientError,
    "RequestThrottledException": TransientError,
    "TooManyRequestsException": TransientError,
    "SlowDown": TransientError,
    "PriorRequestNotComplete": TransientError,
    "InternalFailure": TransientError,
    "InternalError": TransientError,
    "InternalServerError": TransientError,
    "ServiceUnavailable": TransientError,
    "AccessDenied": CredentialError,
    "AccessDeniedException": CredentialError,
    "UnauthorizedOperation": CredentialError,
    "ExpiredToken": CredentialError,
    "ExpiredTokenException": CredentialError,
    "InvalidClientTokenId": CredentialError,
    "UnrecognizedClientException": CredentialError,
    "SignatureDoesNotMatch": CredentialError,
    "InvalidSignatureException": CredentialError,
    "MissingAuthenticationToken": CredentialError,
    "RequestExpired": CredentialError,
    "ValidationError": RefusedError,
    "ValidationException": RefusedError,
    "ServerException": TransientError,
    "ClientException": RefusedError,
    "RuleNotFound": NotFoundError,
    "ServiceNotFoundException": NotFoundError,
    "PriorityInUse": RefusedError,
    "com.amazonaws.ecs#ClusterNotFoundException": NotFoundError,
}
BY_STATUS = {
    400: RefusedError,
    401: CredentialError,
    403: CredentialError,
    404: NotFoundError,
    408: TransientError,
    409: RefusedError,
    429: TransientError,
    500: TransientError,
    503: TransientError,
}


@pytest.mark.parametrize(("service", "operation"), sorted(OPERATIONS), ids=":".join)
def test_documented_errors_are_known(service: str, operation: str) -> None:
    """Each error shape of each operation in AWS's model is in the table, by its code."""
    shapes = service_model(service).operation_model(operation).error_shapes
    codes = [shape.metadata.get("error", {}).get("code", shape.name) for shape in shapes]
    assert [code for code in codes if code.removesuffix("Exception") not in KINDS] == []


@pytest.mark.parametrize(("service", "operation"), sorted(OPERATIONS), ids=":".join)
def test_server_faults_are_transient(service: str, operation: str) -> None:
    """What AWS's model calls its own fault may be asked again."""
    shapes = service_model(service).operation_model(operation).error_shapes
    errors = [(shape, shape.metadata.get("error", {})) for shape in shapes]
    faults = [error.get("code", shape.name) for shape, error in errors if error.get("httpStatusCode", 400) >= 500]
    assert {kind_of(code, 400) for code in faults} <= {TransientError}


@pytest.mark.parametrize(("code", "kind"), GENERIC.items(), ids=GENERIC)
def test_generic_codes(code: str, kind: type) -> None:
    """Codes that any service may answer are known, in each spelling."""
    assert kind_of(code, 400) is kind


@pytest.mark.parametrize(("status", "kind"), BY_STATUS.items())
def test_unknown_code_is_judged_by_status(status: int, kind: type) -> None:
    """A code that nobody has seen before is classified by its HTTP status."""
    assert kind_of("BrandNewException", status) is kind


def test_message_is_harmless() -> None:
    """What AWS says is shown without control characters, with code, operation and request id."""
    error = error_for("elbv2:ModifyRule", "PriorityInUse", "no\x1b[31m way", status=400, request_id="id-1")
    assert isinstance(error, AwsError)
    assert error.message == "elbv2:ModifyRule: PriorityInUse: no[31m way"
    assert (error.code, error.operation, error.request_id) == ("PriorityInUse", "elbv2:ModifyRule", "id-1")


@pytest.mark.parametrize(
    ("code", "hint"), [("ExpiredTokenException", "sign in"), ("AccessDenied", "iam-policy"), ("AuthFailure", "sts")]
)
def test_credential_hints(code: str, hint: str) -> None:
    """Trouble with credentials comes with what to do about it."""
    error = error_for("ecs:UpdateService", code, "no", status=400)
    assert isinstance(error, CredentialError)
    assert hint in error.hint


def test_permissions_are_named_as_iam_names_them() -> None:
    """A missing permission is named as it is to be granted."""
    error = error_for("elbv2:ModifyRule", "AccessDenied", "no", status=403)
    assert "elasticloadbalancing:ModifyRule" in error.hint


def test_operations_are_consistent() -> None:
    """Reads and writes are told apart, and paging and repetition speak of listed operations that exist."""
    assert not READS & WRITES
    assert set(PAGED) <= READS
    assert ONCE <= WRITES
    for service, operation in OPERATIONS:
        assert operation in service_model(service).operation_names


@pytest.mark.parametrize(("service", "operation"), sorted(PAGED), ids=":".join)
def test_paging_is_as_modelled(service: str, operation: str) -> None:
    """The page tokens are members of the operation's answer and request."""
    model, paging = service_model(service).operation_model(operation), PAGED[service, operation]
    assert paging.answered_as in model.output_shape.members
    assert paging.sent_as in model.input_shape.members
