"""Image references become digests where a registry can be asked."""

from hashlib import sha256
from typing import Any

import pytest

from aws.canned import Canned
from teal.aws.images import RegistryImages
from teal.errors import CredentialError, NotFoundError, TransientError
from teal.model.identity import LabFacts

DIGEST = "sha256:" + "ab" * 32
ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/shop"
LAB = LabFacts(time_scale=1, low_port_offset=0)


def _images(answer: Any = None) -> tuple[Canned, RegistryImages, list[str]]:  # noqa: ANN401 - a canned answer
    canned = Canned({"ecr:BatchGetImage": answer})
    asked: list[str] = []

    def elsewhere(image: str) -> str | None:
        asked.append(image)
        return DIGEST

    return canned, RegistryImages(canned, elsewhere), asked


@pytest.mark.parametrize("image", [f"shop@{DIGEST}", f"shop:1@{DIGEST}", f"{ECR}@{DIGEST}"])
def test_digest_in_the_reference(image: str) -> None:
    """A reference by digest is its own answer; nobody is asked."""
    canned, images, asked = _images()
    assert images.digest(image, None) == DIGEST
    assert (canned.asked, asked) == ([], [])


def test_malformed_digest() -> None:
    """What only looks like a digest is none."""
    assert _images()[1].digest("shop@sha256:123", None) is None


def test_images_of_the_lab() -> None:
    """The lab's images have no registry; their names stand for their content, in the lab alone."""
    _, images, asked = _images()
    assert images.digest("lab/shop:1", LAB) == f"sha256:{sha256(b'lab/shop:1').hexdigest()}"
    assert asked == []
    images.digest("lab/shop:1", None)
    assert asked == ["lab/shop:1"]


@pytest.mark.parametrize(("image", "tag"), [(f"{ECR}:v1", "v1"), (ECR, "latest")])
def test_ecr(image: str, tag: str) -> None:
    """ECR is asked for the digest of the whole image, by registry, repository and tag."""
    canned, images, _ = _images({"images": [{"imageId": {"imageDigest": DIGEST, "imageTag": tag}}], "failures": []})
    assert images.digest(image, None) == DIGEST
    (request,) = canned.sent("ecr:BatchGetImage")
    assert (request["registryId"], request["repositoryName"]) == ("123456789012", "team/shop")
    assert request["imageIds"] == [{"imageTag": tag}]
    assert request["acceptedMediaTypes"][0] == "application/vnd.oci.image.index.v1+json"


def _error(kind: type[Any]) -> Exception:
    if kind is CredentialError:
        return CredentialError("not permitted")
    error: Exception = kind("no", code="x", operation="ecr:BatchGetImage")
    return error


@pytest.mark.parametrize("kind", [CredentialError, NotFoundError])
def test_ecr_without_answer(kind: type[Any]) -> None:
    """Where ECR does not tell, there is no digest."""
    assert _images(_error(kind))[1].digest(f"{ECR}:v1", None) is None


def test_image_that_is_not_there() -> None:
    """A tag without an image has no digest."""
    answer = {"images": [], "failures": [{"failureCode": "ImageNotFound"}]}
    assert _images(answer)[1].digest(f"{ECR}:v1", None) is None


def test_ecr_hiccup_is_no_answer() -> None:
    """A throttled question is not "no digest": the same image must resolve alike each time."""
    with pytest.raises(TransientError):
        _images(_error(TransientError))[1].digest(f"{ECR}:v1", None)


def test_ecr_of_another_region() -> None:
    """The registry of another region is not asked, and the image is not looked for elsewhere."""
    canned, images, asked = _images()
    assert images.digest("123456789012.dkr.ecr.us-east-1.amazonaws.com/shop:1", None) is None
    assert (canned.asked, asked) == ([], [])


def test_other_registries() -> None:
    """Every other registry is asked by its own protocol."""
    _, images, asked = _images()
    assert images.digest("public.ecr.aws/nginx/nginx:1.27", None) == DIGEST
    assert asked == ["public.ecr.aws/nginx/nginx:1.27"]
