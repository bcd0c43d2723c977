"""`docker run …` as a value: what the CLI would send to the engine for a command line.

Nothing here talks to an engine. The result holds arguments of docker-py 7; where docker-py has none,
or would send something else than the CLI, the field of the Engine API stands in `raw_container` or
`raw_host`. `flags.FLAGS` says of each flag where it goes.

Source of the rules and of the messages: docker/cli 28, `cli/command/container/opts.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from docker_run.docker_cli import assemble
from docker_run.docker_cli.flag import Goes
from docker_run.docker_cli.flag_table import FLAGS
from docker_run.docker_cli.parsed_flags import Given
from docker_run.docker_cli.pflag import Arguments
from docker_run.docker_cli.values.scalars import BadValue
from docker_run.errors import FlagProblem
from docker_run.model import RunLine
from docker_run.shell.argv import split

_CAPABILITIES = ("cap-add", "cap-drop")


def parse(
    text: str,
    *,
    allow: Collection[str] | None,
    read: Callable[[str], str],
    environ: Mapping[str, str] | None = None,
    proxies: Mapping[str, str] | None = None,
    directory: str = "/",
) -> RunLine:
    """Take apart `text`: what follows `docker run` on a command line, e.g. `--rm busybox ls /bin`.

    `allow` has the names, without dashes, of the flags that may reach into the host; None allows all.
    `read` returns the text of a file that `--env-file`, `--label-file` or `--security-opt seccomp=…`
    names; it may raise `OSError` and `UnicodeDecodeError`. `environ` has the values for `-e NAME`, where
    that is allowed. `proxies` are the variables that every container gets, unless `-e` names them.
    `directory`, an absolute path, is where paths of the host like `./data` begin.

    In the result, `client` has all of: `detach` (bool), `attach` (a tuple of `stdin`, `stdout`,
    `stderr`), `detach_keys` (str), `sig_proxy` (bool), `pull` (`always`, `missing`, `never`), `quiet`
    (bool), `cidfile` (str), and `api_versions`: for flags that only later engines know, the first
    version of the Engine API that does.

    Raises `SyntaxProblem` for what only a shell could read, `FlagProblem` with the CLI's own words for
    a mistake in the flags, and `RefusedFlag`.
    """
    arguments = Arguments(split(text))
    given = Given(allow=allow)
    given.read(arguments)
    if not arguments.rest:
        raise FlagProblem(_no_image(text))
    try:
        return _line(
            given,
            arguments.rest,
            read=read,
            environ=environ or {},
            proxies=proxies or {},
            directory=directory,
        )
    except BadValue as error:
        raise FlagProblem(f"{error}. {error.hint}" if error.hint else f"{error}") from error


def _line(
    given: Given,
    rest: tuple[str, ...],
    *,
    read: Callable[[str], str],
    environ: Mapping[str, str],
    proxies: Mapping[str, str],
    directory: str,
) -> RunLine:
    assemble.check_modes(given)
    volumes, mounted = assemble.mounted(given, directory=directory)
    ports, bindings = assemble.published(given)
    devices, device_requests = assemble.device_arguments(given)
    variables = assemble.environment(given, read=read, environ=environ, proxies=proxies)
    security, paths = assemble.security(given, read=read)
    health, raw_health = assemble.health(given)
    log = assemble.log_config(given)
    restart = assemble.restart_policy(given)
    mode, endpoints = assemble.network(given)
    labels = assemble.labels(given, read=read)
    cidfile = given.last("cidfile", "")

    container = _simple(given, Goes.CONTAINER) | volumes | ports | health | _entrypoint(given)
    container |= {"detach": given.last("detach", default=False)}
    container |= {"environment": variables} if variables else {}
    container |= {"labels": labels} if labels else {}
    container |= _mac_address(given, endpoints.get(mode, {}))
    host = _simple(given, Goes.HOST) | mounted | devices | security | log | restart
    host |= {"network_mode": mode} | _modes(given)
    raw_host = _simple(given, Goes.RAW_HOST) | device_requests | paths
    raw_host |= {"ContainerIDFile": cidfile} if cidfile else {}
    if mode == "host" and bindings:
        # docker-py refuses this; the engine takes it, and warns that it publishes nothing.
        raw_host["PortBindings"] = _port_map(bindings)
    elif bindings:
        host["port_bindings"] = bindings
    return RunLine(
        image=rest[0],
        command=rest[1:],
        container=container,
        host=host,
        endpoints=endpoints,
        client=_client(given, cidfile),
        raw_container=assemble.stream_fields(given) | raw_health,
        raw_host=assemble.sent_anyway(host) | raw_host,
    )


def _simple(given: Given, goes: Goes) -> dict[str, object]:
    """Return the arguments that one flag decides alone."""
    return {flag.argument: given.taken(flag) for flag in given if flag.goes is goes and not flag.combined}


def _entrypoint(given: Given) -> dict[str, object]:
    return {"entrypoint": [given.last("entrypoint", "")]} if "entrypoint" in given else {}


def _mac_address(given: Given, endpoint: Mapping[str, object]) -> dict[str, object]:
    """Return the container's own address, which engines before API 1.44 want, and later ones don't."""
    address = given.last("mac-address", "") or endpoint.get("mac_address", "")
    return {"mac_address": address} if address else {}


def _modes(given: Given) -> dict[str, object]:
    """Return the arguments whose values have been checked already."""
    taken = {FLAGS[name].argument: given.last(name, "") for name in ("pid", "userns", "uts") if name in given}
    swappiness = given.last("memory-swappiness", -1)
    links = given.all("link", tuple)
    return {
        **taken,
        **({"mem_swappiness": swappiness} if "memory-swappiness" in given else {}),
        **({"links": links} if links else {}),
        **{
            FLAGS[name].argument: sorted(set(given.all(name, str))) for name in _CAPABILITIES if name in given
        },
        **({"ulimits": _ulimits(given)} if "ulimit" in given else {}),
    }


def _ulimits(given: Given) -> list[object]:
    """Return the limits by name, the last of each, as the CLI sends them."""
    by_name = {str(limit["Name"]): limit for limit in given.all("ulimit", dict)}
    return [by_name[name] for name in sorted(by_name)]


def _port_map(bindings: Mapping[str, list[tuple[str, str]]]) -> dict[str, object]:
    return {
        port: [{"HostIp": address, "HostPort": host_port} for address, host_port in published]
        for port, published in bindings.items()
    }


def _client(given: Given, cidfile: str) -> dict[str, object]:
    return {
        "detach": given.last("detach", default=False),
        "attach": assemble.attached(given),
        "detach_keys": given.last("detach-keys", ""),
        "sig_proxy": given.last("sig-proxy", default=True),
        "pull": given.last("pull", "") or "missing",
        "quiet": given.last("quiet", default=False),
        "cidfile": cidfile,
        "api_versions": given.api_versions(),
    }


def _no_image(text: str) -> str:
    words = split(text)
    took = ""
    if len(words) > 1 and not words[-1].startswith("-") and words[-2].startswith("-"):
        took = f" ({words[-2]} took {words[-1]} as its value)"
    return (
        f"'docker run' requires at least 1 argument{took}: name the image after the flags, e.g. --rm busybox"
    )
