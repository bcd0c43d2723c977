"""Reading Dockerfiles: instructions and their lines, what they copy, and what is left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from docker_run.catalogue.dockerfile import Instruction, copy_sources, ignore_patterns, instructions

DOCKERFILE = """\
# A comment

ARG BASE=nginx
from ${BASE}
RUN one \\
    # a comment within
 && two \\

 && three
  COPY page /srv
CMD
"""


def test_instructions_know_their_lines() -> None:
    assert instructions(DOCKERFILE) == (
        Instruction(3, "ARG", "BASE=nginx"),
        Instruction(4, "FROM", "${BASE}"),
        Instruction(5, "RUN", "one && two && three"),
        Instruction(10, "COPY", "page /srv"),
        Instruction(11, "CMD", ""),
    )


def test_a_file_that_ends_within_an_instruction() -> None:
    assert instructions("RUN one \\\n") == (Instruction(1, "RUN", "one "),)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("COPY one two /srv/", ["one", "two"]),
        ("ADD --chown=1:1 one /srv", ["one"]),
        ('COPY ["a b", "c", "/srv/"]', ["a b", "c"]),
        ("COPY --from=build /image /", []),
        ("COPY --chmod=644 --from=build /image /", []),
        ("COPY *.html ${NAME} /srv/", []),
        ("ADD https://example.org/file /srv", []),
        ("COPY [broken /srv", []),
        ("RUN one two", []),
    ],
)
def test_what_is_copied(text: str, expected: list[str]) -> None:
    (instruction,) = instructions(text)
    assert list(copy_sources(instruction)) == expected


def test_the_own_list_of_a_dockerfile_goes_before_that_of_the_folder(tmp_path: Path) -> None:
    other = tmp_path / "other" / "Dockerfile"
    other.parent.mkdir()
    assert ignore_patterns(tmp_path, other) == []
    (tmp_path / ".dockerignore").write_text("# a comment\n\n  build  \n!build/html\n")
    assert ignore_patterns(tmp_path, other) == ["build", "!build/html"]
    (other.parent / "Dockerfile.dockerignore").write_text("*\n")
    assert ignore_patterns(tmp_path, other) == ["*"]
