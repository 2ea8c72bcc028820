"""Image references to digests, as `teal.ports.Images`.

A tag can be moved; a digest cannot. What a deployment is compared by and what it runs is therefore the digest.
"""

import re
from collections.abc import Callable
from hashlib import sha256

from teal.aws.call import Door, ask
from teal.errors import CredentialError, NotFoundError, RefusedError
from teal.model.identity import LabFacts

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws)/"
    r"(?P<repository>[^:@]+)(?::(?P<tag>[^:@]+))?"
)
# Without these, the registry of AWS answers the digest of one platform of an image made for several.
_MANIFESTS = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
]


class RegistryImages:
    """Digests by ECR where the image is there, else by the image's own registry.

    Args:
        door: who asks ECR.
        ask_registry: returns the digest of an image of any other registry, or None; never raises.
    """

    def __init__(self, door: Door, ask_registry: Callable[[str], str | None]) -> None:
        self._door = door
        self._ask_registry = ask_registry

    def digest(self, image: str, lab: LabFacts | None) -> str | None:
        """Return `sha256:…` of an image reference, or None where no registry can be asked."""
        said = image.rpartition("@")[2]
        if "@" in image:
            return said if _DIGEST.fullmatch(said) else None
        if lab is not None and image.startswith("lab/"):
            return f"sha256:{sha256(image.encode()).hexdigest()}"
        match = _ECR.fullmatch(image)
        if match is None:
            return self._ask_registry(image)
        # A client is bound to its region; the registry of another region would need a client of its own.
        return self._ask_ecr(match) if match["region"] == self._door.region else None

    def _ask_ecr(self, match: re.Match[str]) -> str | None:
        params = {
            "registryId": match["account"],
            "repositoryName": match["repository"],
            "imageIds": [{"imageTag": match["tag"] or "latest"}],
            "acceptedMediaTypes": _MANIFESTS,
        }
        try:
            answer = ask(self._door, "ecr", "BatchGetImage", params)
        except (CredentialError, NotFoundError, RefusedError):
            return None  # not there, or not ours to read: a digest is wished for, not needed
        found = [image.part("imageId").text("imageDigest") for image in answer.parts("images")]
        return found[0] if found and _DIGEST.fullmatch(found[0]) else None
