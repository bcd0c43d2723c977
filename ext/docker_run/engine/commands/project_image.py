"""`python -m docker_run build`: builds a project's image on base images of the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import requests
from docker.api.build import process_dockerfile
from docker.errors import APIError, ImageNotFound

from docker_run.catalogue.build_context import base_arguments
from docker_run.catalogue.dockerfile import copy_sources, ignore_patterns, instructions
from docker_run.catalogue.reference import REFERENCE
from docker_run.engine.cleanup.sweep import engine_errors
from docker_run.engine.connection.client_config import client_config
from docker_run.engine.connection.client_pool import Clients
from docker_run.engine.connection.connect import connect
from docker_run.engine.connection.credentials import Credentials
from docker_run.engine.host import Host
from docker_run.engine.images.docker_build import BuildFailed, context_archive, run_build
from docker_run.engine.images.provider import Images
from docker_run.engine.images.pull import RESERVED
from docker_run.errors import ImageProblem
from docker_run.model import Image
from docker_run.protocols import Progress
from docker_run.system import files

BUILT_AS = "docker-run.built-as"
"""Label: the name under which an image was built here. Unlike a build's own labels, not for cleanup."""

_SAVING_SECONDS = 600
"""Timeout for the engine to send the next part of a saved image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSettings:
    """The settings of an image to be built."""

    directory: Path
    """The build context."""
    dockerfile: Path
    tag: str
    """The name of the image: `NAME[:TAG]`."""
    catalogue: Path | None = None
    output: Path | None = None
    """The file to save it to, as `docker save` does."""

    def check(self) -> None:
        """Check what can be checked without an engine. Raises `ImageProblem`."""
        found = REFERENCE.fullmatch(self.tag)
        if not found or found["digest"]:
            raise ImageProblem(
                f"--tag {self.tag}: that is not the name of an image: write NAME[:TAG], in lower case"
            )
        for directory in (self.directory, self.catalogue):
            if directory is not None and not directory.is_dir():
                raise ImageProblem(f"there is no directory {directory}")
        if not self.dockerfile.is_file():
            raise ImageProblem(f"there is no {self.dockerfile}; name the Dockerfile with --file")
        if self.output is not None and (self.output.is_dir() or not self.output.parent.is_dir()):
            raise ImageProblem(f"--output {self.output}: that is not a file in an existing directory")
        for instruction in instructions(self.dockerfile.read_text(encoding="utf-8")):
            for source in copy_sources(instruction):
                path = self.directory / source.lstrip("/")
                if not path.exists():
                    raise ImageProblem(
                        f"{self.dockerfile}:{instruction.line}: {instruction.keyword} {source}: "
                        f"there is no {path}"
                    )

    @property
    def name(self) -> str:
        """The name, with its tag."""
        found = REFERENCE.fullmatch(self.tag)
        return self.tag if found and found["tag"] else f"{self.tag}:latest"


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltImage:
    """An image that was built."""

    wanted: ImageSettings
    url: str
    """The URL of its engine."""
    size: int
    """In bytes, including its base images."""
    bases: tuple[tuple[Image, int], ...]
    """The base images that its Dockerfile names by an argument, and their sizes in bytes."""
    ports: tuple[int, ...]
    """The TCP ports that it exposes."""


def build_image(
    url: str, wanted: ImageSettings, *, environ: Mapping[str, str], progress: Progress
) -> BuiltImage:
    """Build `wanted` on the engine at `url`, and save it if it has an `output`.

    The base images that its Dockerfile names by an argument (`ARG BASE=…`, `FROM ${BASE}`) are
    pulled, or built from the catalogue. Raises `ImageProblem` and `EngineProblem`.
    """
    credentials = Credentials(client_config(environ), environ=environ, note=progress.note)
    clients = Clients(lambda: connect(url, environ=environ, credentials=credentials))
    host = Host(url, clients=clients, timeout=0, max_output=0, say=progress.note)  # it runs no command
    try:
        images = Images(clients, catalogue=wanted.catalogue, progress=progress, host=host)
        dockerfile = wanted.dockerfile.read_text(encoding="utf-8")
        provided = {
            argument: images.provide(name)
            for argument, name in base_arguments(dockerfile)
            if name != RESERVED
        }
        references = {argument: each.reference for argument, each in provided.items()}
        with engine_errors(f"while {wanted.tag} was built"):
            client = clients()
            before = _identity(client, wanted.name)
            _build(host, wanted, arguments=references, progress=progress)
            _remove_replaced(client, before, wanted)
            attributes = client.images.get(wanted.name).attrs
            sizes = [int(client.images.get(name).attrs["Size"]) for name in references.values()]
        if wanted.output is not None:
            progress.image(wanted.tag, f"saving it in {wanted.output}")
            with engine_errors(f"while {wanted.tag} was saved"):
                client.api.timeout = _SAVING_SECONDS
                _save(wanted.output, client.api.get_image(wanted.name))
        return BuiltImage(
            wanted=wanted,
            url=url,
            size=int(attributes["Size"]),
            bases=tuple(zip((each.image for each in provided.values()), sizes, strict=True)),
            ports=_ports(attributes),
        )
    except BaseException:
        host.interrupt()
        raise
    finally:
        host.close()


def _build(host: Host, wanted: ImageSettings, *, arguments: Mapping[str, str], progress: Progress) -> None:
    client = host.clients()
    directory = wanted.directory.resolve()
    named = process_dockerfile(str(wanted.dockerfile.resolve()), str(directory))
    try:
        with context_archive(
            directory, exclude=ignore_patterns(wanted.directory, wanted.dockerfile), dockerfile=named
        ) as archive:
            run_build(
                client,
                show=lambda text: progress.image(wanted.tag, text),
                host=host,
                fileobj=archive,
                custom_context=True,
                dockerfile=named[0],
                tag=wanted.name,
                buildargs=dict(arguments),
                labels={BUILT_AS: wanted.name},
            )
    except requests.RequestException:
        raise  # also an OSError, but the engine's fault
    except OSError as error:
        raise ImageProblem(f"{wanted.directory} can't be sent to the engine: {error}") from error
    except BuildFailed as failure:
        steps = instructions(wanted.dockerfile.read_text(encoding="utf-8"))
        where = f":{steps[failure.step - 1].line}" if 0 < failure.step <= len(steps) else ""
        raise ImageProblem(
            f"{wanted.dockerfile}{where}: this can't be built; the last lines were:\n{failure}"
        ) from failure


def _identity(client: docker.DockerClient, name: str) -> str:
    """Return the ID of the image `name`, if it was built here under this name; else empty."""
    try:
        image = client.images.get(name)
    except ImageNotFound:
        return ""
    return str(image.id) if image.labels.get(BUILT_AS) == name else ""


def _remove_replaced(client: docker.DockerClient, before: str, wanted: ImageSettings) -> None:
    """Remove the image that lost its name to the new one; the engine keeps it if it is in use."""
    if not before or before == client.images.get(wanted.name).id:
        return
    with suppress(APIError):
        if not client.images.get(before).attrs.get("RepoTags"):
            client.api.remove_image(before)


def _ports(attributes: Mapping[str, Any]) -> tuple[int, ...]:
    exposed = (attributes.get("Config") or {}).get("ExposedPorts") or {}
    found = (port.partition("/") for port in exposed)
    return tuple(sorted(int(number) for number, _, protocol in found if protocol in ("", "tcp")))


def _save(output: Path, chunks: Iterable[bytes]) -> None:
    """Write the file atomically. Raises `ImageProblem`, and what docker-py raises."""
    try:
        files.replace(output, chunks)
    except requests.RequestException:
        raise  # also an OSError, but the engine's fault
    except OSError as error:
        raise ImageProblem(f"{output} can't be written: {error.strerror}") from error


def report(built: BuiltImage, *, private: bool) -> str:
    """Describe the image, where it is, and how to run it; `private`: on the build's own engine."""
    wanted = built.wanted
    published = "".join(f" -p {port}:{port}" for port in built.ports)
    run = f"docker run -d{published} {wanted.tag}"
    lines = [
        f"{wanted.tag}: {_megabytes(built.size)}",
        *(f"it begins from {image.name}, {image.origin}: {_megabytes(size)}" for image, size in built.bases),
        f"it is on the engine at {built.url}",
    ]
    if private:
        lines.append("that is the build's own engine, which ends with the command that it was started for")
    if wanted.output is not None:
        lines += [
            f"and in {wanted.output}: {_megabytes(wanted.output.stat().st_size)}",
            f"run it anywhere: docker load -i {wanted.output} && {run}",
        ]
    elif private:
        lines.append("to run it on another: save it in a file with --output FILE.tar (make: OUTPUT=FILE.tar)")
    else:
        lines.append(f"run it: {run}")
    return "\n".join(lines)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
