"""What recordings must be after a build, whatever happened to it."""

from __future__ import annotations

from pathlib import Path

from docker_run.model import Recording
from docker_run.recordings.compare import differences
from docker_run.recordings.reader import loads
from soak.site import Site


def snapshot(site: Site) -> dict[str, bytes]:
    """Return the recordings of `site`, by page."""
    return {path.stem: path.read_bytes() for path in sorted(site.recordings.glob("*.txt"))}


def losses(before: dict[str, bytes], now: dict[str, bytes], truth: dict[str, bytes]) -> list[str]:
    """Return what is wrong with the recordings `now`, after a build that something happened to.

    Each has to be what it was `before`, byte for byte, or else hold the beginning of what the commands
    print: `truth` are the recordings of a build to which nothing happened.
    """
    found = [f"{page}: its recording is gone" for page in before if page not in now]
    for page, data in now.items():
        if data == before.get(page):
            continue
        try:
            recording = loads(data.decode(), source=page)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it
            found.append(f"{page}: its recording can't be read: {error}")
            continue
        found += [
            f"{page}: {problem}" for problem in _wrong(recording, loads(truth[page].decode(), source=page))
        ]
    return found


def _wrong(recording: Recording, truth: Recording) -> list[str]:
    keys = [step.key for step in recording.steps]
    expected = [step.key for step in truth.steps[: len(keys)]]
    if keys != expected:
        return ["its recording is of other steps"]
    if any(
        len(one.commands) != len(two.commands) for one, two in zip(recording.steps, truth.steps, strict=False)
    ):
        return ["a step has not all of its commands"]
    return [
        f"`{each.command}` is recorded with another output:\n{each.diff}"
        for each in differences(truth, recording, volatile={})
        if each.step < len(keys)
    ]


def not_run(site: Site) -> list[str]:
    """Return which pages have another recording than one of what they say in this round."""
    return [
        f"{page} says {phrase!r}, and its recording does not"
        for page, phrase in site.phrases().items()
        if phrase not in (site.recordings / f"{page}.txt").read_text(encoding="utf-8", errors="replace")
    ]


def crashed(log: str, out: Path) -> list[str]:
    """Return the signs of an exception that reached Sphinx, or the user."""
    signs = ("Traceback (most recent call last)", "Extension error", "Sphinx error")
    found = [f"the log says {sign!r}" for sign in signs if sign in log and "KeyboardInterrupt" not in log]
    return found + [f"left {path}" for path in out.rglob("sphinx-err-*.log")]
