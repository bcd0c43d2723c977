"""Refusals and failures told apart, by answers that engines 20.10.24 and 28.5.2 have given.

`engine_answers.json` has an entry for each: what was asked, or what was done to the engine (`situation`);
the request, the status and the message of the answer; and the exit status of docker 28.2.2 for the same
line on the same engine, null for a failure of the engine.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from docker_run.engine.error_classification import exit_status, is_before_program, is_failure

ANSWERS: list[dict[str, Any]] = json.loads(
    Path(__file__).with_name("engine_answers.json").read_text(encoding="utf-8")
)


def name(answer: dict[str, Any]) -> str:
    return f"{answer['engine']} {answer['situation']}"


@pytest.mark.parametrize("answer", ANSWERS, ids=name)
def test_an_answer_means_what_the_cli_makes_of_it_or_a_failure(answer: dict[str, Any]) -> None:
    assert exit_status(answer["status"], answer["message"]) == answer["exit_status"]


def test_both_engines_have_refused_and_failed_in_many_ways() -> None:
    for engine in ("20.10.24", "28.5.2"):
        answers = [answer for answer in ANSWERS if answer["engine"] == engine]
        assert len([answer for answer in answers if answer["exit_status"] is None]) >= 5
        assert {125, 126, 127} <= {answer["exit_status"] for answer in answers}
        # The status alone tells nothing: there are failures with 400, and refusals with 500.
        assert {400, 500} <= {answer["status"] for answer in answers if answer["exit_status"] is None}
        assert {400, 500} <= {answer["status"] for answer in answers if answer["exit_status"]}


@pytest.mark.parametrize("status", [None, 200, 401, 407, 408, 429, 500, 502, 503, 504])
def test_what_is_unknown_is_a_failure(status: int | None) -> None:
    assert exit_status(status, "something that no engine has said so far") is None


@pytest.mark.parametrize("answer", [answer for answer in ANSWERS if answer["exit_status"]], ids=name)
def test_a_refusal_does_not_sound_like_a_failure(answer: dict[str, Any]) -> None:
    assert not is_failure(answer["message"])


def test_the_loss_of_a_container_is_no_refusal_and_that_of_another_is() -> None:
    assert exit_status(404, f"No such container: {'0' * 64}") is None
    assert exit_status(404, "No such container: database") == 125


@pytest.mark.parametrize(
    "said",
    [
        "waiting for init preliminary setup: read init-p: connection reset by peer: unknown",
        "can't get final child's PID from pipe: EOF: unknown",
    ],
)
def test_a_runtime_that_died_before_the_program_began_has_failed(said: str) -> None:
    message = f"failed to create task for container: failed to create shim task: runc create failed: {said}"
    assert is_before_program(message)
    assert exit_status(400, message) is None
    assert exit_status(500, message) is None


@pytest.mark.parametrize("answer", [answer for answer in ANSWERS if answer["exit_status"]], ids=name)
def test_nothing_that_is_refused_is_tried_again(answer: dict[str, Any]) -> None:
    assert not is_before_program(answer["message"])
