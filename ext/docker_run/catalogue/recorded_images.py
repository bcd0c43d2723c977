"""The images that a recording names, so that its commands can run with the same ones again."""

from __future__ import annotations

import re
from collections.abc import Iterable

from docker_run.catalogue.lock_file import full_name
from docker_run.model import Image

PULLED = "pulled"
"""The origin (`Image.origin`) of an image from a registry."""
BUILT = "built from"
"""The beginning of the origin of an image from the catalogue."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def recorded_images(images: Iterable[Image]) -> dict[str, Image]:
    """Return those of `images` that are available on other machines, too, by full name.

    They were built from the catalogue, or pulled, and have a digest. Left out are images found on an engine,
    and those that a page names by digest, which are always the same. Since recordings are text files,
    whatever is not a name or a digest is left out as well.
    """
    return {
        name: image
        for image in images
        if (name := full_name(image.name))
        and (
            image.origin.startswith(f"{BUILT} ")
            or (image.origin == PULLED and _DIGEST.fullmatch(image.digest))
        )
    }


def origin_text(image: Image) -> str:
    """Return where an image comes from, as part of a sentence."""
    return f"{image.origin} ({image.digest})" if image.origin == PULLED and image.digest else image.origin
