"""Closing goes through all parts, whatever one of them raises."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any
from unittest.mock import MagicMock

import pytest

from docker_run.engine.engine import DockerEngine
from docker_run.engine.labs.lab_pool import LabPool
from docker_run.errors import EngineProblem, LabProblem
from docker_run.model import LabSettings
from docker_run.system.closing import close_all
from lab_sessions import session, step
from told import Quiet

ERRORS = [EngineProblem("500"), KeyError("Id"), OSError(28, "full"), KeyboardInterrupt()]


@pytest.mark.parametrize("error", ERRORS)
def test_the_first_error_is_raised_after_all_was_called(error: BaseException) -> None:
    parts = [MagicMock(), MagicMock(side_effect=error), MagicMock(side_effect=ValueError), MagicMock()]
    with pytest.raises(type(error)) as raised:
        close_all(*parts)
    assert raised.value is error
    assert [part.call_count for part in parts] == [1] * 4
    close_all(parts[0], parts[3])


@pytest.mark.parametrize("failing", ["direct", "labs", "host"])
def test_an_engine_closes_all_that_it_has(failing: str) -> None:
    parts: dict[str, Any] = {name: MagicMock() for name in ("direct", "labs", "host")}
    parts[failing].close.side_effect = ERRORS[1]
    engine = DockerEngine(parts["host"], direct=parts["direct"], labs=parts["labs"])
    with pytest.raises(KeyError):
        engine.close()
    assert all(part.close.called for part in parts.values())


@pytest.mark.parametrize("error", ERRORS)
def test_labs_close_all_that_they_have(error: BaseException) -> None:
    host, mirror = MagicMock(), MagicMock()
    host.remove.side_effect = [error, None]
    labs = LabPool(
        host, images=MagicMock(), mirror=lambda _: mirror, settings=LabSettings(), progress=Quiet()
    )
    assert labs._mirrors  # noqa: SLF001 - as a session needs one
    labs._mirrors.prepare([session(step("true"))])  # noqa: SLF001
    failed: Future[Any] = Future()
    failed.set_exception(LabProblem("it did not start"))
    for name, opening in (("a", failed), ("b", None), ("c", None)):
        future: Future[Any] = opening or Future()
        if opening is None:
            future.set_result(MagicMock(labs={}, life=None, prefix=name))
        labs._warm[name] = future  # noqa: SLF001 - as if they had been started ahead
    with pytest.raises(type(error)):
        labs.close()
    assert [call.args for call in host.remove.call_args_list] == [("b",), ("c",)]
    mirror.close.assert_called_once_with()
