"""Building a libcamera without cameras: what is done, what is not done twice, what is said."""

import os
import sys
from pathlib import Path

import pytest

from sorterd.recordings.pictures import Unusable, load_picture
from tools import libcamera_virtual
from tools.workshop.faults import WorkshopFault
from tools.workshop.libcamera import building
from tools.workshop.libcamera.building import Step, built, steps
from tools.workshop.libcamera.places import Places
from tools.workshop.libcamera.running import run


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Return a folder in which nothing was built yet."""
    return Places(tmp_path)


def quiet(line: str) -> None:
    """Watch nothing."""
    del line


def test_a_program_that_fails_is_named_with_its_last_words(places: Places) -> None:
    """It should say in one line which program failed and why, and log the rest."""
    program = "print('looking for libyuv'); print('no libyuv'); raise SystemExit(3)"
    seen: list[str] = []
    with pytest.raises(WorkshopFault, match="no libyuv; all it said is in") as raised:
        run([sys.executable, "-c", program], places.log, seen.append)
    assert "\n" not in str(raised.value)
    assert seen == ["looking for libyuv", "no libyuv"]
    assert "looking for libyuv" in places.log.read_text()


def test_a_program_that_is_not_there_is_named(places: Places) -> None:
    """It should tell to install it."""
    with pytest.raises(WorkshopFault, match="no-such-program: cannot be run"):
        run(["no-such-program"], places.log, quiet)


def test_a_program_ends_with_us(places: Places) -> None:
    """It should not go on building when somebody pressed Ctrl-C."""
    program = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
    pids: list[int] = []

    def interrupted(line: str) -> None:
        pids.append(int(line))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run([sys.executable, "-c", program], places.log, interrupted)
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_what_is_done_is_not_done_again(places: Places) -> None:
    """It should mark a step only when it came to its end."""
    done: list[str] = []

    def fail(watch: building.Watch) -> None:
        del watch
        raise WorkshopFault("the disk is full")

    good = Step("good", "does good", lambda _: done.append("good"))
    bad = Step("bad", "does bad", fail)
    good.carry_out(places, quiet)
    with pytest.raises(WorkshopFault, match="full"):
        bad.carry_out(places, quiet)
    assert good.done(places)
    assert not bad.done(places)
    assert done == ["good"]


def test_a_build_goes_on_where_it_was_broken_off(
    places: Places, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It should do the steps that are left, in order, and end with where it all is."""
    todo: list[str] = []
    names = [step.name for step in steps(places)]

    def noted(name: str) -> Step:
        return Step(name, "works", lambda _: todo.append(name))

    left = [noted(name) for name in names]
    monkeypatch.setattr(libcamera_virtual, "steps", lambda _: left)
    for step in left[:3]:
        step.carry_out(places, quiet)
    todo.clear()
    assert libcamera_virtual.main(["build", "--folder", str(places.folder)]) == 0
    assert todo == names[3:]
    assert capsys.readouterr().out.endswith(f"{places.folder} is complete\n")
    assert built(places)


def test_nothing_is_tested_that_was_not_built(
    places: Places, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should say what to run first."""
    assert libcamera_virtual.main(["test", "--folder", str(places.folder)]) == 2
    said = capsys.readouterr().err
    assert "libcamera_virtual: " in said
    assert "build` first" in said


def test_packages_need_root(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """It should give the line that a person with sudo can paste."""
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/apt-get")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(building, "_is_installed", lambda name: name != "libyuv-dev")
    packages = next(step for step in steps(places) if step.name == "packages")
    with pytest.raises(WorkshopFault, match=r"sudo apt-get install libyuv-dev$"):
        packages.carry_out(places, quiet)


def test_the_cameras_show_coloured_paper(places: Places) -> None:
    """It should give each camera an id and a model, and the first its pictures."""
    next(step for step in steps(places) if step.name == "cameras").carry_out(places, quiet)
    told = places.cameras.read_text()
    assert f'path: "{places.pictures}/"' in told
    assert told.count("model:") == 2
    for number, colour in enumerate(building.COLOURS_BGR):
        pixels = load_picture(places.pictures / f"{number}.jpg", longer_px=640)
        assert not isinstance(pixels, Unusable)
        assert abs(int(pixels[240, 320, 0]) - colour[0]) <= 3


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    """It should show how the test is run, and what the exit codes mean."""
    with pytest.raises(SystemExit):
        libcamera_virtual.main(["--help"])
    said = capsys.readouterr().out
    assert "tests/cameras/test_pi_real.py" in said
    assert "exit codes" in said
