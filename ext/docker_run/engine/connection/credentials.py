"""The user's credentials for registries, as the Docker CLI finds them.

If a credential helper is missing, fails, prints something unexpected or never ends, docker-py raises an
exception, or hangs. For the CLI, and here, the registry then has no credentials: public images can still be
pulled.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from docker.auth import (
    INDEX_NAME,
    INDEX_URL,
    TOKEN_USERNAME,
    AuthConfig,
    convert_to_hostname,
    resolve_index_name,
)
from docker.errors import InvalidConfigFile

from docker_run.engine.connection.client_config import ClientConfig, damaged

_SECONDS = 30.0
"""Timeout of a helper, which may wait for the user to unlock a key."""
_LONGEST_REASON = 200
_POLL_SECONDS = 0.1


class HelperProblem(Exception):
    """A credential helper failed, rather than having no credentials."""


class Credentials(AuthConfig):
    """The credentials for all registries, in place of those that docker-py would find.

    `config` is the user's; `environ` are the helpers' environment variables, `PATH` above all. `note` gets a
    message for each helper that fails. A helper is asked once per registry; one that does not end is given up
    for good after `seconds`, or as soon as `stopped` returns true because the build ends.
    Thread-safe. Raises `EngineProblem` if `auths` can't be parsed.

    The protocol of helpers: https://github.com/docker/docker-credential-helpers#development.
    """

    def __init__(
        self,
        config: ClientConfig,
        *,
        environ: Mapping[str, str],
        note: Callable[[str], object] = lambda _: None,
        stopped: Callable[[], bool] = lambda: False,
        seconds: float = _SECONDS,
    ) -> None:
        # With a credential helper, the CLI writes entries without a secret, or with an empty one.
        entries = {
            server: {key: value for key, value in entry.items() if value}
            for server, entry in config.auths.items()
        }
        try:
            auths = self.parse_auth(entries, raise_on_error=True)
        except (InvalidConfigFile, ValueError, TypeError, AttributeError) as error:
            raise damaged(
                config.path, f"`auths` holds what `docker login` does not write ({error})"
            ) from error
        super().__init__({"auths": auths})
        self._config = config
        self._environ = dict(environ)
        self._note = note
        self._stopped = stopped
        self._seconds = seconds
        self._lock = threading.Lock()
        self._answers: dict[tuple[str, str], dict[str, str] | None] = {}
        self._given_up: set[str] = set()

    @property
    def is_empty(self) -> bool:
        """Keep docker-py from loading others."""
        return False

    def resolve_authconfig(self, registry: str | None = None) -> Any:  # noqa: ANN401 - docker-py's
        """Return the credentials for `registry`, a host name; None if there are none."""
        host = resolve_index_name(registry) if registry else INDEX_NAME
        server = INDEX_URL if host == INDEX_NAME else host
        helper = self._config.credential_helpers.get(server, self._config.credentials_store)
        found = self._answer(helper, server) if helper else None
        return found or super().resolve_authconfig(registry)

    def get_all_credentials(self) -> dict[str, Any]:
        """Return the credentials of all registries, for a build, which may pull from any."""
        servers = [*self.auths, *self._config.credential_helpers, *self._listed()]
        found: dict[str, Any] = {}
        for server in dict.fromkeys(servers):
            if credentials := self.resolve_authconfig(server):
                found |= {server: credentials, convert_to_hostname(server): credentials}
        return found

    def _answer(self, helper: str, server: str) -> dict[str, str] | None:
        with self._lock:
            if (helper, server) not in self._answers:
                self._answers[helper, server] = self._credentials(helper, server)
            return self._answers[helper, server]

    def _credentials(self, helper: str, server: str) -> dict[str, str] | None:
        if helper in self._given_up:
            return None
        try:
            said = self._ask(helper, "get", server)
            user, secret = said["Username"], said["Secret"]
        except HelperProblem as problem:
            self._note(f"no credentials for {convert_to_hostname(server)}: {problem}")
            return None
        except KeyError:
            return None  # the helper has no credentials
        if user == TOKEN_USERNAME:
            return {"ServerAddress": server, "IdentityToken": secret}
        return {"ServerAddress": server, "Username": user, "Password": secret} if user or secret else None

    def _listed(self) -> list[str]:
        """Return the registries for which the store has credentials."""
        store = self._config.credentials_store
        if not store or store in self._given_up:
            return []
        with self._lock:
            try:
                return sorted(self._ask(store, "list", ""))
            except HelperProblem as problem:
                self._note(f"no credentials: {problem}")
                return []

    def _ask(self, helper: str, action: str, text: str) -> dict[str, str]:
        """Run the helper; return its answer, a JSON object of strings, empty if it has no credentials."""
        name = f"docker-credential-{helper}"
        program = shutil.which(name, path=self._environ.get("PATH"))
        if program is None:
            raise HelperProblem(f"{name} is not installed")
        status, printed = self._run(helper, program, action, text)
        if b"credentials not found" in printed:
            return {}
        if status:
            raise HelperProblem(f"{name} failed with exit status {status} ({_first_line(printed)})")
        try:
            answer = json.loads(printed)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict) or not all(isinstance(value, str) for value in answer.values()):
            # Not quoted: what it printed may contain a secret.
            raise HelperProblem(f"{name} gave an answer that can't be understood")
        return answer

    def _run(self, helper: str, program: str, action: str, text: str) -> tuple[int, bytes]:
        try:
            process = subprocess.Popen(  # noqa: S603 - what the user has set up
                [program, action],
                env=self._environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # so that its child processes can be killed with it
            )
        except OSError as error:
            raise HelperProblem(f"{program} can't be run: {error.strerror}") from error
        give_up = time.monotonic() + self._seconds
        typed: bytes | None = text.encode()
        while True:
            try:
                printed, _ = process.communicate(typed, timeout=_POLL_SECONDS)
            except subprocess.TimeoutExpired:
                typed = None  # `communicate` continues with the input of the first call
                if not self._stopped() and time.monotonic() < give_up:
                    continue
                self._given_up.add(helper)
                _end(process)
                why = (
                    "was ended with the build"
                    if self._stopped()
                    else f"did not end within {self._seconds:g} s"
                )
                raise HelperProblem(f"{program} {why}") from None
            return process.returncode, printed


def _end(process: subprocess.Popen[bytes]) -> None:
    if hasattr(os, "killpg"):
        with suppress(OSError):  # macOS refuses to kill a group whose leader has just ended
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(OSError):  # closing flushes to a pipe without a reader
                stream.close()
    process.wait()


def _first_line(printed: bytes) -> str:
    """Return the first line of a helper's error message, without control characters."""
    line = printed.decode(errors="replace").strip().partition("\n")[0][:_LONGEST_REASON]
    return "".join(letter for letter in line if letter.isprintable()) or "it says nothing"
