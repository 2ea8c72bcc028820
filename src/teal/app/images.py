"""Images by digest: what is deployed must not depend on where a tag points next week."""

from collections.abc import Mapping
from typing import Any

from teal.errors import UsageError
from teal.model.identity import LabFacts
from teal.ports import Images


def pinned(task_definition: Mapping[str, Any], images: Images, lab: LabFacts | None) -> dict[str, Any]:
    """Return the task definition with every image as `repository@sha256:…`.

    Images of the lab count as digests and keep their names.

    Raises:
        UsageError: no registry says what a tag points to.
    """
    containers = [_pinned(c, images, lab) for c in task_definition.get("containerDefinitions", ())]
    return {**task_definition, "containerDefinitions": containers}


def _pinned(container: Mapping[str, Any], images: Images, lab: LabFacts | None) -> dict[str, Any]:
    image = str(container.get("image", ""))
    digest = images.digest(image, lab)
    if digest is None:
        raise UsageError(
            f"no registry says which image {image} is",
            hint=f"give a digest: --image {container.get('name', 'container')}={_repository(image)}@sha256:…",
        )
    in_lab = lab is not None and image.startswith("lab/")
    return {**container, "image": image if in_lab or "@" in image else f"{_repository(image)}@{digest}"}


def _repository(image: str) -> str:
    """Return an image reference without its tag; a port of the registry is not a tag."""
    head, _, tail = image.rpartition(":")
    return head if head and "/" not in tail else image
