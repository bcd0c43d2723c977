"""What labs may do on the machine that hosts them, and that their life ends."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest

from docker_run.engine.engine import DockerEngine
from docker_run.engine.labs.privileges import CAPABILITIES, rights
from docker_run.engine.open_engine import open_engine as open_engine_of
from docker_run.engine.settings import EngineSettings
from docker_run.errors import LabProblem
from docker_run.model import LabSettings
from lab_sessions import session, shown, step
from told import Quiet

pytestmark = pytest.mark.engine

CATALOGUE = Path(__file__).parents[2] / "docs" / "images"
# https://docs.docker.com/engine/containers/run/#runtime-privilege-and-linux-capabilities
OF_ALL_CONTAINERS = (
    "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID "
    "SETPCAP SETUID SYS_CHROOT"
)

Run = Callable[..., list[str]]


@pytest.fixture
def run_on(engine_url: str) -> Iterator[Run]:
    """Give a function that runs commands on a lab of its own with other settings: what each printed."""
    with ExitStack() as stack:

        def run_on(*commands: str, **labs: object) -> list[str]:
            settings = EngineSettings(engine=engine_url, catalogue=CATALOGUE)
            settings = replace(settings, labs=settings.labs._replace(**labs))
            engine: DockerEngine = stack.enter_context(
                closing(open_engine_of(settings, environ=os.environ, progress=Quiet()))
            )
            asked = step(*commands)
            with engine.session(session(asked)) as running:
                return [shown(recording) for recording in running.run(asked)]

        yield run_on


OPENED = r"""opened() { mknod /tmp/device $1 ${2%:*} ${2#*:} && head -c 1 /tmp/device > /dev/null 2>/tmp/said
status=$?; rm /tmp/device; ((status == 0)) || grep -q 'not permitted' /tmp/said || cat /tmp/said
return $status; }"""


def test_a_lab_can_open_no_device_of_the_machine(run_on: Run) -> None:
    _, blocks, disks, kernel, null, capabilities = run_on(
        OPENED,
        "cat /sys/class/block/*/dev | wc -l",
        "for dev in $(cat /sys/class/block/*/dev); do opened b $dev && echo $dev; done",
        "for dev in 1:1 1:11 10:229 10:237; do opened c $dev && echo $dev; done",
        "opened c 1:3 || opened c 1:5 && echo as any container",
        "capsh --decode=$(awk '/CapBnd/ { print $2 }' /proc/self/status)",
    )
    assert int(blocks) > 0, "a machine without a disk shows nothing"
    assert (disks, kernel) == ("", "")
    assert null == "as any container"
    names = capabilities.replace("\n", "").partition("=")[2].split(",")
    held = {name.removeprefix("cap_").upper() for name in names}
    assert held == {*OF_ALL_CONTAINERS.split(), *CAPABILITIES}


def test_what_the_settings_ask_for_is_there(run_on: Run) -> None:
    capsh = "capsh --decode=$(awk '/CapBnd/ { print $2 }' /proc/self/status)"
    (capabilities,) = run_on(capsh, capabilities=("SYSLOG",))
    assert "cap_syslog" in capabilities.replace("\n", "")
    try:
        (device,) = run_on("ls /dev/fuse; exec 5<> /dev/fuse && echo opened", devices=("/dev/fuse",))
    except LabProblem as problem:
        if "no such file or directory" not in str(problem):
            raise
        pytest.skip("the engine's machine has no /dev/fuse")
    assert device == "/dev/fuse\nopened"


def test_all_devices_let_a_lab_have_containers_with_all_of_them(run_on: Run) -> None:
    made, said = run_on(
        "mknod /tmp/fuse c 10 229; exec 5<> /tmp/fuse && echo opened",
        "docker run --rm --privileged busybox echo privileged",
        devices=("all",),
    )
    assert made == "opened"
    assert said.splitlines()[-1] == "privileged"


def test_what_is_not_there_is_a_problem_of_the_lab(run_on: Run) -> None:
    with pytest.raises(LabProblem, match=r"/dev/no-such-device.*`docker_run_lab_devices`"):
        run_on("true", devices=("/dev/no-such-device",))
    with pytest.raises(LabProblem, match=r"(?i)capability.*`docker_run_lab_capabilities`"):
        run_on("true", capabilities=("NO_SUCH_THING",))


def test_a_lab_that_stops_its_own_end_is_ended_from_outside(run_on: Run) -> None:
    with pytest.raises(LabProblem, match="ended from outside when its life was over"):
        run_on("kill -STOP $(pgrep -x timeout)", "sleep 1000", life=5.0)


def test_no_lab_is_privileged() -> None:
    for settings in (LabSettings(), LabSettings(devices=("all",), capabilities=("SYS_TIME",))):
        assert "Privileged" not in rights(settings)
    assert rights(LabSettings())["DeviceCgroupRules"] == ["c 10:200 rwm"]
