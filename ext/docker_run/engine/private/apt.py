"""Installing packages without their services being started, neither now nor at the next boot.

Debian's packages start their services on installation, unless a policy forbids it
(https://people.debian.org/~hmh/invokerc.d-policyrc.d-specification.txt), and enable them for the next boot
regardless (deb-systemd-helper(1p)): they create links in `/etc/systemd/system`. Removing the links is what
`systemctl disable` does; packages respect that when they are upgraded.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_POLICY = "#!/bin/sh\n# docker-run: packages start no services while they are installed\nexit 101\n"


class Installation:
    """The parts of a machine's configuration that an installation must not change permanently.

    `record` is a file with their state before, kept while packages are installed: what a killed process
    left is restored by the next one. Only one process at a time may use it. `root` is the machine's root
    directory.
    """

    def __init__(self, record: Path, *, root: Path = Path("/")) -> None:
        self._record = record
        self._policy = root / "usr/sbin/policy-rc.d"
        self._units = root / "etc/systemd/system"

    @contextmanager
    def without_services(self) -> Iterator[None]:
        """Keep newly installed services disabled; services that were enabled before stay so."""
        self.restore()
        self._write(sorted(map(str, self._enabled())))
        try:
            # Mode "x": a policy that the machine already has is left alone.
            with suppress(OSError), self._policy.open("x", encoding="ascii") as script:
                script.write(_POLICY)
                self._policy.chmod(0o755)
            yield
        finally:
            self.restore()

    def restore(self) -> None:
        """Undo what an installation has changed, also one that was killed."""
        with suppress(OSError):
            if self._policy.read_text(encoding="utf-8", errors="replace") == _POLICY:
                self._policy.unlink()
        try:
            before = set(json.loads(self._record.read_text(encoding="utf-8")))
            since = self._record.stat().st_mtime
        except (OSError, ValueError):
            return
        for link in self._enabled():
            # A service that was installed earlier was enabled by something else.
            if str(link) not in before and _installed_at(link) >= since:
                link.unlink(missing_ok=True)
        self._record.unlink(missing_ok=True)

    def _enabled(self) -> list[Path]:
        """Return the links that enable services."""
        return [path for path in self._units.glob("**/*") if path.is_symlink()]

    def _write(self, links: list[str]) -> None:
        new = self._record.with_name(f"{self._record.name}.new")
        new.write_text(json.dumps(links), encoding="utf-8")
        new.replace(self._record)


def _installed_at(link: Path) -> float:
    """Return when the target of a link was installed (its ctime); 0 if it is gone."""
    with suppress(OSError):
        return link.stat().st_ctime
    return 0.0
