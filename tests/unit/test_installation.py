"""What an installation of packages leaves on a machine: no service that starts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from docker_run.engine.private.apt import Installation


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give the root directory of a machine with a service that is on."""
    (tmp_path / "usr/sbin").mkdir(parents=True)
    enable(tmp_path, "theirs.service")
    return tmp_path


def enable(root: Path, unit: str, target: str = "multi-user.target") -> Path:
    """Install a service that is not there yet, and enable it, as packages do."""
    file = root / "lib/systemd/system" / unit
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        file.touch()
    link = root / f"etc/systemd/system/{target}.wants/{unit}"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(file)
    return link


def state(root: Path) -> list[str]:
    """Return what there is but for the files of units, which stay with their packages."""
    paths = [path.relative_to(root) for path in root.glob("**/*") if not path.is_dir()]
    return sorted(str(path) for path in paths if path.parts[0] != "lib")


def test_nothing_is_started_or_enabled(root: Path) -> None:
    before = state(root)
    policy = root / "usr/sbin/policy-rc.d"
    with Installation(root / "record", root=root).without_services():
        assert policy.read_text().endswith("exit 101\n")
        assert os.access(policy, os.X_OK)
        enable(root, "docker.service")
        enable(root, "docker.socket", "sockets.target")
    assert state(root) == before


def test_what_a_killed_one_left_is_put_back(root: Path) -> None:
    before = state(root)
    killed = Installation(root / "record", root=root).without_services()
    killed.__enter__()
    enable(root, "docker.service")
    Installation(root / "record", root=root).restore()
    assert state(root) == before
    enable(root, "later.service")
    Installation(root / "record", root=root).restore()
    assert len(state(root)) == len(before) + 1, "what the machine's owner enables afterwards stays"


def test_what_the_machines_owner_enables_meanwhile_stays(root: Path) -> None:
    file = root / "lib/systemd/system/old.service"
    file.touch()
    while (root / "clock").write_text("") or (root / "clock").stat().st_ctime == file.stat().st_ctime:
        pass
    with Installation(root / "record", root=root).without_services():
        link = enable(root, "old.service")
    assert link.is_symlink()


def test_a_policy_of_the_machine_stays(root: Path) -> None:
    policy = root / "usr/sbin/policy-rc.d"
    policy.write_text("theirs")
    with Installation(root / "record", root=root).without_services():
        assert policy.read_text() == "theirs"
    assert policy.read_text() == "theirs"


def test_an_installation_that_fails(root: Path) -> None:
    before = state(root)

    def install() -> None:
        with Installation(root / "record", root=root).without_services():
            enable(root, "docker.service")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        install()
    assert state(root) == before


def test_a_machine_without_systemd(tmp_path: Path) -> None:
    with Installation(tmp_path / "record", root=tmp_path).without_services():
        pass
    assert state(tmp_path) == []
