"""Parsing a `docker run` command line into a `RunLine`, without an engine.

`flag_table` defines how the value of each flag is parsed, `assemble` which field of the `RunLine` it sets.

Source of the rules and of the messages: docker/cli 28, `cli/command/container/opts.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from docker_run.docker_cli import assemble, file_flags
from docker_run.docker_cli.container_options import RunLine
from docker_run.docker_cli.parsed_flags import ParsedFlags
from docker_run.docker_cli.pflag import Arguments
from docker_run.docker_cli.values.scalars import BadValue
from docker_run.errors import FlagProblem
from docker_run.shell.argv import split

_COMMON = frozenset({"detach", "interactive", "name", "rm", "tty"})
"""Flags that set a field of the line itself, and that on their own conflict with none."""


def parse(
    text: str,
    *,
    allow: Collection[str] | None,
    read: Callable[[str], str],
    environ: Mapping[str, str] | None = None,
    proxies: Mapping[str, str] | None = None,
    directory: str = "/",
) -> RunLine:
    """Parse `text`: what follows `docker run` on a command line, e.g. `--rm busybox ls /bin`.

    `allow` has the names, without dashes, of the flags that may reach into the host; None allows all.
    `read` returns the text of a file that `--env-file`, `--label-file` or `--security-opt seccomp=…`
    names; it may raise `OSError` and `UnicodeDecodeError`. `environ` has the values for `-e NAME`, if that
    is allowed. `proxies` are the variables that every container gets, unless `-e` sets them.
    Paths of the host like `./data` are relative to `directory`, an absolute path.

    Raises `SyntaxProblem` for shell syntax, `FlagProblem` with the CLI's own message for an error in the
    flags, and `RefusedFlag`.
    """
    arguments = Arguments(split(text))
    flags = ParsedFlags(allow=allow)
    flags.read(arguments)
    if not arguments.rest:
        raise FlagProblem(_no_image(text))
    try:
        return _line(
            flags,
            arguments.rest,
            read=read,
            environ=environ or {},
            proxies=proxies or {},
            directory=directory,
        )
    except BadValue as error:
        raise FlagProblem(f"{error}. {error.hint}" if error.hint else f"{error}") from error


def _line(
    flags: ParsedFlags,
    rest: tuple[str, ...],
    *,
    read: Callable[[str], str],
    environ: Mapping[str, str],
    proxies: Mapping[str, str],
    directory: str,
) -> RunLine:
    line = RunLine(
        image=rest[0],
        command=rest[1:],
        name=flags.last("name", ""),
        tty=flags.last("tty", default=False),
        interactive=flags.last("interactive", default=False),
        detach=flags.last("detach", default=False),
        auto_remove=flags.last("rm", default=False),
    )
    # Fast path: most lines have no other flags, and all groups of options have their defaults.
    if flags.are_only(_COMMON) and not proxies:
        return line
    return line._replace(
        # In the order of the CLI's checks: it reports only the first error.
        client=assemble.client(flags),
        resources=assemble.resources(flags),
        namespaces=assemble.namespaces(flags),
        storage=assemble.storage(flags, directory=directory),
        process=assemble.process(flags, read=read, environ=environ, proxies=proxies),
        security=assemble.security(flags, read=read),
        health=assemble.health(flags),
        log=assemble.log(flags),
        restart=assemble.restart_policy(flags),
        network=assemble.network(flags),
        labels=file_flags.labels(flags, read=read),
        attach=assemble.attach(flags),
        annotations=flags.pairs("annotation"),
        platform=flags.last("platform", ""),
        runtime=flags.last("runtime", ""),
        isolation=flags.last("isolation", ""),
    )


def _no_image(text: str) -> str:
    words = split(text)
    took = ""
    if len(words) > 1 and not words[-1].startswith("-") and words[-2].startswith("-"):
        took = f" ({words[-2]} took {words[-1]} as its value)"
    return (
        f"'docker run' requires at least 1 argument{took}: name the image after the flags, e.g. --rm busybox"
    )
