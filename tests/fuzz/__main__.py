"""Fuzzing with atheris, which looks at what the code does with an input before it makes the next.

    make fuzz                         # a minute for each target
    make fuzz TARGET=output SECONDS=600

What it finds is written to `build/fuzz`; keep it in `tests/fuzz/seeds/TARGET`, with a name that says what
was wrong: every `make test` tries the seeds again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from fuzz.targets import TARGETS

SEEDS = Path(__file__).parent / "seeds"
FOUND = Path("build/fuzz")


def main() -> int:
    """Fuzz each target in a process of its own; return 1 where one of them found something."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--target", choices=sorted(TARGETS))
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        fuzz(options.target, options.seconds)
    failed = []
    for name in [options.target] if options.target else sorted(TARGETS):
        words = ["-m", "fuzz", "--here", "--target", name, "--seconds", str(options.seconds)]
        if subprocess.run([sys.executable, *words], check=False).returncode:
            failed.append(name)
    print(f"something was found: {', '.join(failed)}" if failed else "nothing was found")
    return 1 if failed else 0


def fuzz(name: str, seconds: int) -> None:
    """Fuzz one target; does not return."""
    import atheris  # noqa: PLC0415 (installed by `make fuzz`)

    corpus, seeds = FOUND / "corpus" / name, SEEDS / name
    corpus.mkdir(parents=True, exist_ok=True)
    folders = [str(corpus), *([str(seeds)] if seeds.is_dir() else [])]
    limits = [f"-max_total_time={seconds}", "-max_len=4096", "-timeout=20", "-rss_limit_mb=2048"]
    atheris.instrument_all()
    atheris.Setup(
        [sys.argv[0], *limits, f"-artifact_prefix={FOUND}/{name}-", "-print_final_stats=1", *folders],
        TARGETS[name],
    )
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
