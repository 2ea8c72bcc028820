"""AWS's refusals in teal's words: one table from error code to class.

AWS spells a code with or without `Exception`, depending on the service and on its age; the table holds the short form.
What the table does not know is judged by its HTTP status, so that a code that AWS invents tomorrow is still a refusal
or a hiccup, and never a crash.
"""

from collections.abc import Mapping
from types import MappingProxyType

from teal.errors import AwsError, CredentialError, NotFoundError, RefusedError, TealError, TransientError
from teal.model.text import clean

Kind = type[AwsError] | type[CredentialError]

_NOT_PERMITTED = (
    "AccessDenied", "AuthFailure", "ExpiredToken", "IncompleteSignature", "InvalidClientTokenId", "InvalidSignature",
    "MissingAuthenticationToken", "NotAuthorized", "OptInRequired", "RequestExpired", "SignatureDoesNotMatch",
    "UnauthorizedOperation", "UnrecognizedClient",
)  # fmt: skip
_NOT_THERE = (
    "ClusterNotFound", "ListenerNotFound", "LoadBalancerNotFound", "NoSuchBucket", "NoSuchKey", "RepositoryNotFound",
    "ResourceNotFound", "RuleNotFound", "ServiceNotFound", "TargetGroupNotFound",
)  # fmt: skip
_HICCUPS = (
    "BandwidthLimitExceeded", "ConcurrentUpdate", "ConditionalRequestConflict", "HealthUnavailable", "InternalError",
    "InternalFailure", "InternalServerError", "InternalService", "PriorRequestNotComplete",
    "ProvisionedThroughputExceeded", "ReplicatedWriteConflict", "RequestLimitExceeded", "RequestThrottled",
    "RequestTimeout", "Server", "ServiceUnavailable", "SlowDown", "Throttled", "Throttling", "TooManyRequests",
    "TransactionConflict", "TransactionInProgress", "UnableToGetUpstreamImage",
)  # fmt: skip
_REFUSALS = (
    "ALPNPolicyNotFound", "ALPNPolicyNotSupported", "CertificateNotFound", "Client", "ConditionalCheckFailed",
    "DuplicateListener", "DuplicateTagKeys", "DuplicateTargetGroupName", "EncryptionTypeMismatch",
    "IncompatibleProtocols", "InvalidAction", "InvalidConfigurationRequest", "InvalidInput",
    "InvalidLoadBalancerAction", "InvalidNextToken", "InvalidObjectState", "InvalidParameter",
    "InvalidParameterCombination", "InvalidParameterValue", "InvalidRequest", "InvalidTarget", "InvalidWriteOffset",
    "ItemCollectionSizeLimitExceeded", "LimitExceeded", "MalformedQueryString", "MissingAction", "MissingParameter",
    "NamespaceNotFound", "NotSimulated", "OperationNotPermitted", "PlatformTaskDefinitionIncompatibility",
    "PlatformUnknown", "PreconditionFailed", "PriorityInUse", "SSLPolicyNotFound", "ServiceNotActive",
    "TargetGroupAssociationLimit", "TooManyActions", "TooManyCertificates", "TooManyListeners", "TooManyParts",
    "TooManyRegistrationsForTargetId", "TooManyRules", "TooManyTags", "TooManyTargetGroups", "TooManyTargets",
    "TooManyUniqueTargetGroupsPerLoadBalancer", "TrustStoreNotFound", "TrustStoreNotReady", "UnknownOperation",
    "UnsupportedFeature", "UnsupportedProtocol", "Validation", "ValidationError",
)  # fmt: skip

KINDS: Mapping[str, Kind] = MappingProxyType({
    **dict.fromkeys(_NOT_PERMITTED, CredentialError),
    **dict.fromkeys(_NOT_THERE, NotFoundError),
    **dict.fromkeys(_HICCUPS, TransientError),
    **dict.fromkeys(_REFUSALS, RefusedError),
})  # fmt: skip

_STATUS_KINDS: Mapping[int, Kind] = MappingProxyType({
    401: CredentialError,
    403: CredentialError,
    404: NotFoundError,
    408: TransientError,
    429: TransientError,
})  # fmt: skip
_SERVER_FAULT = 500
_IAM_PREFIXES: Mapping[str, str] = MappingProxyType({"elbv2": "elasticloadbalancing"})
_EXPIRED = frozenset({"ExpiredToken", "RequestExpired"})


def kind_of(code: str, status: int) -> Kind:
    """Return the class of an error by its code, or by its HTTP status when the code is unknown."""
    known = KINDS.get(_short(code))
    if known is not None:
        return known
    return TransientError if status >= _SERVER_FAULT else _STATUS_KINDS.get(status, RefusedError)


def error_for(operation: str, code: str, message: str, *, status: int, request_id: str = "") -> TealError:
    """Return the error of teal that says what AWS said.

    Args:
        operation: the operation asked for, e.g. `elbv2:ModifyRule`.
        code: AWS's error code.
        message: AWS's message.
        status: the HTTP status.
        request_id: AWS's id of the request.
    """
    code, message = clean(code), clean(message)
    kind = kind_of(code, status)
    if issubclass(kind, CredentialError):
        return CredentialError(f"{operation}: {code}: {message}", hint=_credential_hint(operation, _short(code)))
    return kind(message, code=code, operation=operation, request_id=clean(request_id))


def _credential_hint(operation: str, code: str) -> str:
    if code in _EXPIRED:
        return "sign in again, then run the same command"
    if code in {"AccessDenied", "NotAuthorized", "UnauthorizedOperation"}:
        service, _, name = operation.partition(":")
        return (
            f"the role needs {_IAM_PREFIXES.get(service, service)}:{name}; `teal iam-policy` prints all that teal needs"
        )
    return "check which credentials are in use: `aws sts get-caller-identity`"


def _short(code: str) -> str:
    """Return a code without what AWS puts around it: `aws:Client.ThrottlingException` is `Throttling`."""
    return code.rpartition("#")[2].rpartition(".")[2].removesuffix("Exception")
