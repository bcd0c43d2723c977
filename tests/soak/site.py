"""The site that is built under faults: a few pages, in a git repository of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

CATALOGUE = Path(__file__).parents[2] / "docs" / "images"
IMAGES = ("debian", "busybox", "registry")
"""What the pages and labs need of the catalogue."""

CONF = """
extensions = ["myst_parser", "docker_run"]
exclude_patterns = ["images/**"]
html_theme = "basic"
root_doc = "index"
docker_run_images = "images"
docker_run_timeout = 60
"""
# Where a page has {round}, its text is another one each time: there is something new to be recorded.
DIRECT = {
    "index": """# Direct

```{docker-run} --rm busybox sh -c 'echo start; sleep 0.2; echo round {round}'
```

```{docker-run} --rm busybox sh -c 'seq 200; echo error >&2; exit 3'
:exit-code: 3
```
""",
    "names": """# Names

```{docker-run} -d --name web busybox sleep 100
```

```{docker-run} --name web busybox true
:exit-code: 125
```

```{docker-run} --rm -v data:/data busybox sh -c 'echo {round} > /data/file; cat /data/file'
```
""",
    "typed": """# Typed

```{docker-run} -it --rm busybox sh
echo typed {round}
exit
```

```{docker-run} -i --rm busybox wc -c
some text
more of it
```
""",
}
LABS = {
    "index": """# A lab

```{docker-run}
$ echo round {round}
$ docker run --rm busybox echo hello
```

```{docker-run}
$ docker run -d --name web busybox sleep 100
$ docker exec web echo {round}
$ false # exit-code: 1
```
""",
    "second": """# Another lab

```{docker-run}
$ echo second {round}
$ seq 100
$ docker pull busybox
```
""",
}
_ROUND = re.compile(r"[\w-]+ {round}")
WAYS = {"direct": (DIRECT, ""), "lab": (LABS, 'docker_run_lab = "lab"\n')}
"""How commands are run: the pages, and what `conf.py` has besides."""


@dataclass
class Site:
    """A project that is kept in git; `way` is a key of `WAYS`."""

    folder: Path
    way: str
    round: int = 0
    environ: dict[str, str] = field(default_factory=dict)
    """What builds have in their environment besides."""

    def __post_init__(self) -> None:
        pages, more = WAYS[self.way]
        (self.folder / "images").mkdir(parents=True)
        self.recordings.mkdir()
        self.temporary.mkdir()
        for image in IMAGES:
            (self.folder / "images" / image).symlink_to(CATALOGUE / image)
        toctree = "".join(f"{page}\n" for page in pages if page != "index")
        self._tail = f"\n```{{toctree}}\n{toctree}```\n"
        (self.folder / "conf.py").write_text(CONF + more)
        (self.folder / ".gitignore").write_text(".recording-*.tmp\n*.unreadable\n")
        self.git("init", "-q")
        self.next_round()

    @property
    def recordings(self) -> Path:
        """Where its recordings are."""
        return self.folder / "recordings"

    @property
    def temporary(self) -> Path:
        """The folder for temporary files of its builds."""
        return self.folder.parent / "tmp"

    @property
    def out(self) -> Path:
        """What its builds make."""
        return self.folder.parent / "out"

    def next_round(self) -> None:
        """Change the pages, so that there is something new to be run."""
        self.round += 1
        for page, text in WAYS[self.way][0].items():
            tail = self._tail if page == "index" else ""
            (self.folder / f"{page}.md").write_text(text.replace("{round}", str(self.round)) + tail)

    def phrases(self) -> dict[str, str]:
        """Return what is said in this round alone, of each page."""
        found = {page: _ROUND.search(text) for page, text in WAYS[self.way][0].items()}
        return {page: match[0].format(round=self.round) for page, match in found.items() if match}

    def git(self, *words: str) -> str:
        """Run git in it; return what that printed."""
        identity = ("-c", "user.name=soak", "-c", "user.email=soak@localhost")
        done = subprocess.run(
            ["git", *identity, *words], cwd=self.folder, capture_output=True, text=True, check=True
        )
        return done.stdout

    def commit(self) -> None:
        """Commit everything."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", f"round {self.round}")

    def start(
        self, url: str, *arguments: str, out: Path | None = None, within: Sequence[str] = ()
    ) -> subprocess.Popen[str]:
        """Start a build on the engine at `url`, in a process group of its own; `within` starts it."""
        out = out or self.out
        log = out.with_suffix(".log")
        environ = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "DOCKER_HOST": url,
            "TMPDIR": str(self.temporary),
            **self.environ,
        }
        words = ["-m", "sphinx", "-d", str(out / "doctrees"), str(self.folder), str(out / "html"), *arguments]
        with log.open("w") as output:
            return subprocess.Popen(
                [*within, sys.executable, *words],
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )

    def log(self, out: Path | None = None) -> str:
        """Return what the last build printed."""
        return (out or self.out).with_suffix(".log").read_text(errors="replace")
