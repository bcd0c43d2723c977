"""Images from the engine, from a real registry on this machine, and from catalogues."""

from __future__ import annotations

import http.server
import io
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
import pytest

import registries
from docker_run.catalogue.lock_file import read_lock, write_lock
from docker_run.docker_cli.values.choices import PullPolicy
from docker_run.engine.connection.connect import connect
from docker_run.engine.images.provider import Images
from docker_run.errors import EngineProblem, ImageProblem
from told import Seen

pytestmark = pytest.mark.engine

CATALOGUE = Path(__file__).parents[2] / "docs/images"


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def unique() -> str:
    return uuid.uuid4().hex[:12]


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    folder = tmp_path / "docs" / "images"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def images(client: docker.DockerClient, catalogue: Path, seen: Seen) -> Images:
    return Images(lambda: client, catalogue=catalogue, progress=seen)


@pytest.fixture(autouse=True)
def no_trace(client: docker.DockerClient, unique: str) -> Iterator[None]:
    """Remove what a test put on the engine: everything whose name has the test's own random part."""
    yield
    # The list alone: images of others may be gone before they are looked at.
    tags = [tag for image in client.api.images() for tag in image.get("RepoTags") or ()]
    for tag in tags:
        if unique in tag:
            client.images.remove(tag)


@pytest.fixture(scope="module")
def registry(engine_url: str) -> Iterator[str]:
    """Run a registry that anybody may use."""
    client = connect(engine_url)
    with registries.registry(client) as host:
        yield host
    client.close()


@pytest.fixture
def pushed(client: docker.DockerClient, registry: str, unique: str) -> str:
    """Push an image to the registry, and remove it from the engine; return its name."""
    repository = f"{registry}/test/{unique}"
    context = b"FROM scratch\nLABEL unique=%s\nCOPY noise /\n" % unique.encode()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in (("Dockerfile", context), ("noise", os.urandom(3_000_000))):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    archive.seek(0)
    client.images.build(fileobj=archive, custom_context=True, tag=f"{repository}:1", rm=True)
    registries.push(client, f"{repository}:1")
    client.images.remove(f"{repository}:1")
    return f"{repository}:1"


@pytest.fixture
def loopback(client: docker.DockerClient) -> None:
    """Skip where the engine is elsewhere: servers of this process are out of its reach."""
    if client.info()["Name"] != socket.gethostname():
        pytest.skip("the engine is on another machine, and can't reach this one's loopback")


@pytest.fixture
def refusing(loopback: None) -> Iterator[tuple[str, list[str]]]:
    """Run a registry that denies everything, and lists who asked."""
    asked: list[str] = []

    class Refuse(http.server.BaseHTTPRequestHandler):
        # containerd begins in TLS, and learns by the form of an answer that it should not.
        default_request_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked.append(self.path)
            body = b'{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}'
            self.send_response(403)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 - the name that http.server looks for

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refuse) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}", asked
        server.shutdown()


@pytest.fixture
def dead(loopback: None) -> Iterator[tuple[str, list[object]]]:
    """Listen where a registry should be, hang up on everyone, and count the callers."""
    callers: list[object] = []
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)

        def hang_up() -> None:
            while True:
                try:
                    connection, address = listener.accept()
                except OSError:
                    return
                callers.append(address)
                connection.close()

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}", callers
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def tells_of_pulls(client: docker.DockerClient, name: str) -> bool:
    """Tell whether the engine does: containerd's store gives all images a digest, pulled or not."""
    image = client.images.get(name)
    return not image.attrs["RepoDigests"][0].endswith(str(image.id))


def tar_of(name: str, content: bytes) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return archive.getvalue()


def put(catalogue: Path, name: str, **files: str) -> Path:
    folder = catalogue / name
    folder.mkdir(parents=True)
    for file, text in files.items():
        (folder / file).write_text(text)
        (folder / file).chmod(0o755 if text.startswith("#!") else 0o644)
    return folder


def test_an_image_is_pulled_once_with_progress(
    client: docker.DockerClient, images: Images, seen: Seen, pushed: str
) -> None:
    provided = images.provide(pushed)
    assert provided.reference == pushed
    assert provided.image.name == pushed
    assert provided.image.origin == "pulled"
    image = client.images.get(pushed)
    assert provided.image.id == image.id
    assert image.attrs["RepoDigests"] == [f"{pushed.removesuffix(':1')}@{provided.image.digest}"]
    # With containerd's store a registry that is near is done before the engine has said how far it is.
    far = r"pulling \d+\.\d of 3\.\d MB" if tells_of_pulls(client, pushed) else "pulling"
    assert any(re.fullmatch(far, text) for text in seen.texts), seen.texts
    assert {name for name, _ in seen.images} == {pushed}

    seen.images.clear()
    assert images.provide(pushed) == provided
    assert not seen.images


def test_threads_that_want_one_image_share_one_pull(
    client: docker.DockerClient, engine_url: str, seen: Seen, pushed: str
) -> None:
    clients = []
    local = threading.local()

    def client_of_thread() -> docker.DockerClient:
        if not hasattr(local, "client"):
            local.client = connect(engine_url)
            clients.append(local.client)
        return local.client

    images = Images(client_of_thread, catalogue=None, progress=seen)
    with ThreadPoolExecutor(4) as pool:
        provided = set(pool.map(lambda _: images.provide(pushed), range(8)))
    assert len(provided) == 1
    alone = Seen()
    client.images.remove(pushed)
    Images(lambda: client, catalogue=None, progress=alone).provide(pushed)
    assert len(seen.texts) < 2 * len(alone.texts), "one pull's worth"
    for each in clients:
        each.close()


def test_what_is_on_the_engine_is_not_pulled(  # noqa: PLR0917 - fixtures
    client: docker.DockerClient, images: Images, seen: Seen, pushed: str, unique: str
) -> None:
    client.images.pull(pushed)
    client.images.get(pushed).tag(f"local-{unique}")
    tells = tells_of_pulls(client, pushed)
    assert images.provide(pushed).image.origin == ("pulled" if tells else "found on the engine")
    assert bool(images.provide(pushed).image.digest) is tells
    assert images.provide(f"local-{unique}").image.origin == "found on the engine"
    assert images.provide(f"local-{unique}").image.digest == ""
    assert not seen.images
    assert images.provide(pushed, pull=PullPolicy.ALWAYS).image.origin == "pulled"
    assert seen.images


def test_what_the_registry_lacks_is_not_found_and_others_still_are(images: Images, pushed: str) -> None:
    lacking = pushed.removesuffix(":1") + ":2"
    with pytest.raises(ImageProblem, match=r"no such image \(.*:2(\S*:)? not found.*check the name"):
        images.provide(lacking)
    assert images.provide(pushed).reference == pushed


def test_a_registry_out_of_reach_is_tried_once(images: Images, dead: tuple[str, list[object]]) -> None:
    host, callers = dead
    with pytest.raises(
        ImageProblem, match=r"registry can't be reached .*(EOF|reset).*try again with a network"
    ):
        images.provide(f"{host}/a")
    assert callers
    callers.clear()
    for name in ("a", "b", "c"):
        with pytest.raises(ImageProblem, match="registry can't be reached"):
            images.provide(f"{host}/{name}")
    assert not callers


def test_ten_at_once_wait_for_one_attempt(
    engine_url: str, seen: Seen, dead: tuple[str, list[object]]
) -> None:
    host, callers = dead
    client = connect(engine_url)
    images = Images(lambda: client, catalogue=None, progress=seen)
    with pytest.raises(ImageProblem):
        images.provide(f"{host}/first")
    alone = len(callers)
    callers.clear()
    images = Images(lambda: client, catalogue=None, progress=seen)
    with ThreadPoolExecutor(10) as pool:
        futures = [pool.submit(images.provide, f"{host}/image{number}") for number in range(10)]
    assert all(isinstance(future.exception(), ImageProblem) for future in futures)
    assert len(callers) == alone
    client.close()


def test_denied_is_told_apart(images: Images, refusing: tuple[str, list[str]]) -> None:
    host, asked = refusing
    with pytest.raises(ImageProblem, match=r"shows it to others only .*(denied|Forbidden).*docker login"):
        images.provide(f"{host}/secret")
    asked.clear()
    with pytest.raises(ImageProblem, match="docker login"):
        images.provide(f"{host}/other")
    assert asked, "a registry that denies is not out of reach"


def test_pull_never(client: docker.DockerClient, images: Images, seen: Seen, pushed: str) -> None:
    with pytest.raises(ImageProblem, match=r"no such image: .*--pull never"):
        images.provide(pushed, pull=PullPolicy.NEVER)
    assert not seen.images
    client.images.pull(pushed)
    again = Images(lambda: client, catalogue=None, progress=seen)
    assert again.provide(pushed, pull=PullPolicy.NEVER).reference == pushed


def test_another_platform_than_that_of_the_image(
    client: docker.DockerClient, images: Images, pushed: str
) -> None:
    client.images.pull(pushed)
    has = client.images.get(pushed).attrs["Architecture"]
    other = "arm64" if has == "amd64" else "amd64"
    assert images.provide(pushed, platform=f"linux/{has}").reference == pushed
    for pull in PullPolicy:
        with pytest.raises(ImageProblem, match=rf"specified platform.*linux/{other}.*`--platform`") as caught:
            images.provide(pushed, platform=f"linux/{other}", pull=pull)
        # The last line is the engine's own, as the CLI prints it.
        refused = client.api.post(
            f"{client.api.base_url}/v{client.api.api_version}/containers/create",
            params={"platform": f"linux/{other}"},
            json={"Image": pushed, "Cmd": ["true"]},
        )
        said = refused.json()["message"]
        assert caught.value.answer.endswith(f"docker: Error response from daemon: {said}")


def test_an_image_of_the_catalogue_for_another_platform(
    client: docker.DockerClient, images: Images, catalogue: Path, unique: str
) -> None:
    put(catalogue, unique, Dockerfile="FROM scratch\nLABEL a=b\n")
    machine = client.version()["Arch"]
    assert images.provide(unique, platform=f"linux/{machine}").image.origin.startswith("built from")
    other = "arm64" if machine == "amd64" else "amd64"
    with pytest.raises(ImageProblem, match=rf"makes none for linux/{other}; leave `--platform` out"):
        images.provide(unique, platform=f"linux/{other}")


def test_where_an_image_came_from(
    client: docker.DockerClient, images: Images, pushed: str, unique: str
) -> None:
    local, loaded, imported = (f"{kind}-{unique}:latest" for kind in ("local", "loaded", "imported"))
    context = io.BytesIO(tar_of("Dockerfile", b"FROM scratch\nCOPY Dockerfile /\n"))
    client.images.build(fileobj=context, custom_context=True, tag=local, rm=True)
    client.images.get(local).tag(loaded)
    archive = b"".join(client.images.get(loaded).save(named=loaded))
    client.images.remove(loaded)
    client.images.load(archive)
    client.api.import_image_from_data(tar_of("file", b"x"), repository=f"imported-{unique}", tag="latest")
    for name in (local, loaded, imported):
        found = images.provide(name).image
        assert (found.origin, found.digest) == ("found on the engine", "")
    assert images.provide(pushed).image.origin == "pulled"
    # What was built here and pushed from here was not pulled either, though the registry's digest is known.
    repository = pushed.removesuffix(":1")
    client.images.build(
        fileobj=io.BytesIO(f"FROM {local}\nLABEL y={unique}\n".encode()), tag=f"{repository}:2", rm=True
    )
    registries.push(client, f"{repository}:2")
    assert client.images.get(f"{repository}:2").attrs["RepoDigests"]
    assert images.provide(f"{repository}:2").image.origin == "found on the engine"


@pytest.mark.parametrize("name", ["Busybox", "a b", "", "busybox:", "../etc"])
def test_what_is_no_name(name: str, images: Images, seen: Seen) -> None:
    with pytest.raises(ImageProblem, match="invalid reference format"):
        images.provide(name)
    assert not seen.images


def test_the_catalogue_stands_in_and_says_so(  # noqa: PLR0917 - fixtures
    client: docker.DockerClient, images: Images, catalogue: Path, seen: Seen, unique: str
) -> None:
    name = f"{unique}-top"
    put(
        catalogue,
        f"{unique}-base",
        Dockerfile="FROM scratch\nADD made.tar /\n",
        bootstrap=("#!/bin/sh\nset -e\necho from bootstrap > a-file\ntar -cf made.tar a-file\n"),
    )
    folder = put(
        catalogue,
        name,
        Dockerfile=(
            f"ARG BASE={unique}-base\nFROM ${{BASE}} AS build\nLABEL stage={unique}\nCOPY more /\n"
            'FROM scratch\nCOPY --from=build /a-file /more /\nCMD ["none"]\n'
        ),
        more="more\n",
    )
    provided = images.provide(name)
    assert provided.image.origin == f"built from docs/images/{name}"
    assert re.fullmatch(rf"docker-run/{name}:[0-9a-f]{{16}}", provided.reference)
    assert not client.images.get(provided.reference).labels, "containers would inherit them"
    assert "step 2/7" in seen.texts
    assert "running bootstrap" in seen.texts
    assert sorted(path.name for path in (catalogue / f"{unique}-base").iterdir()) == [
        "Dockerfile",
        "bootstrap",
    ]
    with pytest.raises(docker.errors.ImageNotFound):
        client.images.get(name)
    stages = client.images.list(all=True, filters={"label": f"stage={unique}"})
    assert not stages, "the images of build stages are gone"
    assert images.provide(f"{name}:latest").reference == provided.reference
    with pytest.raises(ImageProblem):
        images.provide(f"{name}:other-tag")

    seen.images.clear()
    again = Images(lambda: client, catalogue=catalogue, progress=seen)
    assert again.provide(name).reference == provided.reference
    assert again.provide(name, pull=PullPolicy.NEVER).reference == provided.reference
    assert not any(text.startswith("step") for text in seen.texts), "unchanged, so not built again"

    (folder / "more").write_text("changed\n")
    changed = Images(lambda: client, catalogue=catalogue, progress=seen).provide(name)
    assert changed.reference != provided.reference
    assert changed.image.id != provided.image.id


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"Dockerfile": "FROM scratch\nCOPY nothing /\n"}, r"Step 2/\d : COPY nothing(.|\n)*stat nothing: "),
        ({"Dockerfile": "FROM scratch\nNONSENSE\n"}, "unknown instruction: NONSENSE"),
        (
            {"Dockerfile": "FROM scratch\n", "bootstrap": "#!/bin/sh\necho one; echo two >&2; exit 3\n"},
            "one\ntwo\nbootstrap: exit status 3",
        ),
        (
            {"Dockerfile": "FROM scratch\n", "bootstrap": "echo no interpreter\n"},
            "bootstrap: Permission denied",
        ),
    ],
)
def test_a_build_that_fails_shows_its_last_lines(  # noqa: PLR0917 - fixtures
    files: dict[str, str], message: str, images: Images, catalogue: Path, unique: str
) -> None:
    put(catalogue, unique, **files)
    with pytest.raises(ImageProblem, match=message) as caught:
        images.provide(unique)
    assert "can't be built" in str(caught.value)


def test_an_engine_that_is_gone_is_not_an_image_problem(engine_url: str, seen: Seen) -> None:
    gone = docker.DockerClient(base_url="tcp://127.0.0.1:1", version="1.40")
    with pytest.raises(EngineProblem, match="still running"):
        Images(lambda: gone, catalogue=None, progress=seen).provide("busybox")
    gone.close()


@pytest.mark.parametrize(
    ("name", "command", "output", "limit"),
    [
        ("hello-world", [], rb"(?s)Hello from a container!\n.* 1\. .* 2\. .* 3\. .* 4\. ", 1_000_000),
        ("busybox", ["sh", "-c", "ls /bin | wc -l; id -un"], rb"2\d\d\nroot\n", 3_000_000),
    ],
)
def test_images_of_the_course_are_built_and_run(  # noqa: PLR0917 - fixtures
    name: str,
    command: list[str],
    output: bytes,
    limit: int,
    client: docker.DockerClient,
    images: Images,
    catalogue: Path,
    unique: str,
) -> None:
    # Under a name that no registry has: else a registry in reach would give its own.
    shutil.copytree(CATALOGUE / name, catalogue / f"{unique}-{name}")
    shutil.copytree(CATALOGUE / "debian", catalogue / "debian")
    provided = images.provide(f"{unique}-{name}")
    assert re.search(output, client.containers.run(provided.reference, command, remove=True))
    assert client.images.get(provided.reference).attrs["Size"] < limit


@pytest.mark.skipif(
    os.geteuid() != 0 and not os.environ.get("DOCKER_RUN_REQUIRE_ENGINE"), reason="debootstrap needs root"
)
def test_debian_is_made_from_its_packages(
    client: docker.DockerClient, images: Images, catalogue: Path, unique: str
) -> None:
    shutil.copytree(CATALOGUE / "debian", catalogue / f"{unique}-debian")
    provided = images.provide(f"{unique}-debian")
    line = ". /etc/os-release; echo $ID $VERSION_CODENAME; command -v apt; ls /var/lib/apt/lists"
    output = client.containers.run(provided.reference, ["sh", "-c", line], remove=True)
    assert output == b"debian trixie\n/usr/bin/apt\n"
    assert client.images.get(provided.reference).attrs["Size"] < 120_000_000


FILES_OF_NO_PACKAGE = r"""
for package in $(apk info -q 2>/dev/null); do apk info -qL $package 2>/dev/null; done | sed 's,^,/,' >/tmp/own
find / -xdev ! -type d | sort | while read -r path; do
    case $path in
        /.dockerenv | /dev/* | /proc/* | /sys/* | /tmp/* | /lib/apk/db/*) continue ;;
    esac
    [ "$(readlink -f "$path")" = /bin/busybox ] || grep -qxF "$path" /tmp/own || echo "$path"
done
"""
"""Print the files of an Alpine that no package has brought, but for names of BusyBox, and apk's own list."""


def test_alpine_is_made_from_its_packages(
    client: docker.DockerClient, images: Images, catalogue: Path, unique: str
) -> None:
    """It has those of the public image, nothing of the machine that they were installed on, and no other."""
    shutil.copytree(CATALOGUE / "alpine", catalogue / f"{unique}-alpine")
    shutil.copytree(CATALOGUE / "debian", catalogue / "debian")
    provided = images.provide(f"{unique}-alpine")
    lines = (
        ". /etc/os-release; echo $ID ${VERSION_ID%.*}; readlink /bin/sh; cut -d: -f1 /etc/passwd | tail -n 2",
        "apk info -q 2>/dev/null | sort",
        FILES_OF_NO_PACKAGE,
    )
    about, packages, files = (
        client.containers.run(provided.reference, ["sh", "-c", line], remove=True).decode().split()
        for line in lines
    )
    assert about == ["alpine", "3.23", "/bin/busybox", "guest", "nobody"]
    assert packages == (CATALOGUE / "alpine" / "packages").read_text().split()
    assert files == ["/etc/apk/arch", "/etc/apk/repositories", "/etc/apk/world", "/etc/resolv.conf"]
    assert client.images.get(provided.reference).attrs["Size"] < 30_000_000


def test_a_locked_image_is_the_one_of_its_digest(
    engine_url: str, client: docker.DockerClient, catalogue: Path, *, seen: Seen, pushed: str
) -> None:
    """The tag means another image by now; the lock file knows which one was meant."""
    repository = pushed.removesuffix(":1")
    status, said = lock_images(engine_url, catalogue, pushed)
    assert (status, said) == (0, f"{pushed}: new -> {read_lock(catalogue)[pushed]}\n")
    assert lock_images(engine_url, catalogue) == (0, "nothing has changed\n")
    meant = Images(lambda: client, catalogue=catalogue, progress=seen).provide(pushed)
    assert (meant.image.name, meant.image.origin) == (pushed, "pulled")
    assert meant.reference == f"{repository}@{meant.image.digest}"
    assert meant.image.digest == read_lock(catalogue)[pushed]
    # Now the tag is moved.
    other, _ = client.images.build(fileobj=io.BytesIO(b"FROM scratch\nLABEL moved=1\n"), tag=pushed, rm=True)
    for event in client.api.push(repository, tag="1", stream=True, decode=True):
        assert "error" not in event
    assert other.id != meant.image.id
    assert Images(lambda: client, catalogue=catalogue, progress=seen).provide(pushed) == meant
    always = Images(lambda: client, catalogue=catalogue, progress=seen).provide(
        pushed, pull=PullPolicy.ALWAYS
    )
    assert always == meant
    unlocked = Images(lambda: client, catalogue=None, progress=seen).provide(pushed)
    assert unlocked.image.id == other.id
    status, said = lock_images(engine_url, catalogue)
    assert status == 0
    assert said.startswith(f"{pushed}: {meant.image.digest} -> sha256:")
    client.images.remove(f"{repository}@{meant.image.digest}")


def test_an_image_that_cannot_be_asked_for_keeps_its_digest(
    engine_url: str, catalogue: Path, dead: tuple[str, list[object]]
) -> None:
    name, digest = f"{dead[0]}/app:1", "sha256:" + "1" * 64
    write_lock(catalogue, {name: digest})
    before = (catalogue / "lock.toml").read_bytes()
    assert lock_images(engine_url, catalogue) == (1, "nothing has changed\n")
    assert (catalogue / "lock.toml").read_bytes() == before


def lock_images(url: str, catalogue: Path, *names: str) -> tuple[int, str]:
    """Renew the lock file from a command line; return the exit status and what was printed."""
    done = subprocess.run(
        [sys.executable, "-m", "docker_run", "lock", "--engine", url, str(catalogue), *names],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout
