"""A gate's place from pieces that run past it, against a truth that was drawn."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from sorterd import exit_codes
from sorterd.calibration import gate
from sorterd.calibration.gate_runs import GateRun, GateRuns
from sorterd.calibration.marks import given, heard, presses
from sorterd.calibration.spots import gate_spot
from sorterd.calibration.spread import NotMeasured
from sorterd.cli import main
from sorterd.clock import ManualClock
from sorterd.ports import Tell
from sorterd.settings import Settings, load
from tests.calibration.running_piece import START_NS, Running

AT_MM = 520.0


VIEW = "[view]\nwidth_px = 320\nheight_px = 120\nmm_per_px = 1\n"


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a film of one piece, which passes `AT_MM` after 4.6 s."""
    path = tmp_path_factory.mktemp("film") / "gate.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (320, 120))
    for frame in Running().film(4.0):
        writer.write(frame.pixels)
    writer.release()
    return path


def settings(**flags: object) -> Settings:
    """Return a station that fits the films."""
    return load(None, {"view.width_px": 320, "view.height_px": 120, "view.mm_per_px": 1.0, **flags})


def runs_of(
    running: Running, marks_s: list[float], wanted: int = 9, **flags: object
) -> tuple[list[GateRun], list[str]]:
    """Follow a film to its end; return the runs that count and what was said."""
    said: list[str] = []
    instants_ns = [START_NS + round(mark_s * 1e9) for mark_s in marks_s]
    found = gate.watch(
        running.film(max(marks_s) + 0.5),
        GateRuns(settings(**flags)),
        given(instants_ns),
        wanted=wanted,
        tell=lambda _: None,
        say=said.append,
    )
    return found, said


def test_an_exact_instant_gives_the_gates_place() -> None:
    """It should place the gate within its error where the instant is exact."""
    running = Running()
    found, said = runs_of(running, [running.passes_s(0, AT_MM)])

    placed = gate.place(found, settings(), by_hand=False)

    assert placed.at_mm.value == pytest.approx(AT_MM, abs=placed.at_mm.error)
    assert placed.at_mm.value == pytest.approx(AT_MM, abs=2.0)
    assert said == [f"run 1: {placed.at_mm.value:.1f} mm"]


def test_a_belt_that_is_a_little_faster_than_its_settings() -> None:
    """It should give the place by which the station, with that same fault, will be right."""
    running = Running(speed_mm_s=203.0)
    found, _ = runs_of(running, [running.passes_s(0, AT_MM)])

    assert found[0].at_mm == pytest.approx(AT_MM, abs=1.5)  # 3 of the 200 unseen mm, uncorrected
    assert found[0].speed_mm_s == pytest.approx(203, rel=0.01)


def test_runs_by_hand_are_averaged() -> None:
    """It should narrow the error with more runs, and never below a person's habit."""
    running = Running(fronts_s=(2.0, 8.0, 14.0, 20.0))
    late_s = (0.03, -0.02, 0.05, 0.0)
    marks = [running.passes_s(n, AT_MM) + late_s[n] for n in range(4)]
    found, _ = runs_of(running, marks)

    one = gate.place(found[:1], settings(), by_hand=True)
    four = gate.place(found, settings(), by_hand=True)

    assert len(found) == 4
    assert one.at_mm.error == pytest.approx(41, abs=1)
    assert 10 < four.at_mm.error < 20
    assert four.at_mm.value == pytest.approx(AT_MM, abs=four.at_mm.error)


def test_what_does_not_count_is_said() -> None:
    """It should not take a press without a piece, nor one with two pieces on the way."""
    running = Running(fronts_s=(2.5, 4.2, 9.0))
    found, said = runs_of(running, [2.0, running.passes_s(0, AT_MM), running.passes_s(2, AT_MM)])

    assert "no piece was seen before" in said[0]
    assert "2 pieces were on the way: run one at a time" in said[1]
    assert said[2].startswith("run 1: 5")
    assert len(found) == 1


def test_it_ends_after_the_runs_that_were_asked_for() -> None:
    """It should not wait for more pieces than it was asked for."""
    running = Running(fronts_s=(2.0, 8.0))
    frames = running.film(60)
    gate.watch(
        frames,
        GateRuns(settings()),
        given([START_NS + round(running.passes_s(0, AT_MM) * 1e9)]),
        wanted=1,
        tell=lambda _: None,
        say=lambda _: None,
    )

    assert next(frames).exposed_ns < START_NS + 6 * 10**9


def test_runs_of_two_gates_are_no_measurement() -> None:
    """It should refuse places that cannot be of one gate, and no runs at all."""
    running = Running(fronts_s=(2.0, 8.0))
    found, _ = runs_of(running, [running.passes_s(0, AT_MM), running.passes_s(1, AT_MM + 250)])

    with pytest.raises(NotMeasured, match="do not agree"):
        gate.place(found, settings(), by_hand=True)
    with pytest.raises(NotMeasured, match="no piece was followed"):
        gate.place([], settings(), by_hand=True)


def test_advice_names_what_to_mend() -> None:
    """It should say when the error is wider than the gate's margin, or the belt is another."""
    running = Running(speed_mm_s=220.0)
    found, _ = runs_of(running, [running.passes_s(0, AT_MM)])
    placed = gate.place(found, settings(), by_hand=True)

    notes = "\n".join(
        gate.advice(gate_spot("glass", settings()), placed, settings(**{"belt.length_mm": 400}))
    )

    assert "more than gates.glass.margin_mm = 15" in notes
    assert "belt.speed_mm_s is 200: calibrate the belt first" in notes
    assert "belt.length_mm = 400 is less" in notes


def test_enter_is_a_mark_at_its_instant() -> None:
    """It should take the instant at which Enter was pressed, and end with the terminal."""
    clock = ManualClock()
    read, write = os.pipe()
    marks = presses(read, clock)
    assert marks() is None

    os.write(write, b"\n")
    mark = None
    while mark is None:  # until the thread has read it
        mark = marks()
    assert mark == clock.now_ns()
    assert marks() is None
    os.close(write)


class Barrier:
    """A light barrier that tells what it is made to."""

    mock = True
    tell: Tell

    def listen(self, tell: Tell) -> None:
        """Keep whom to tell."""
        self.tell = tell

    def close(self) -> None:
        """Do nothing."""


def test_a_light_barrier_marks_by_itself() -> None:
    """It should take each edge once, in its order."""
    barrier = Barrier()
    marks = heard(barrier)
    barrier.tell(5)
    barrier.tell(9)

    assert [marks(), marks(), marks()] == [5, 9, None]


def test_the_light_barriers_own_place(
    film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should write the place of the station's light barrier, or say that there is none."""
    config = tmp_path / "station.toml"
    config.write_text(f"{VIEW}[trigger]\nkind = 'beam'\npin = 22\nat_mm = 400\n")
    asked = ["calibrate", "trigger", "--recording", str(film), "--at-s", "4.6"]

    assert main([*asked, "--config", str(config), "--out", str(tmp_path / "station.d")]) == 0
    assert "the light barrier is at" in capsys.readouterr().out
    trigger = load(config, {}).trigger
    assert trigger is not None
    assert trigger.at_mm == pytest.approx(AT_MM, abs=4)

    (tmp_path / "bare.toml").write_text(VIEW)
    assert main([*asked, "--config", str(tmp_path / "bare.toml")]) == exit_codes.UNFIT
    assert "this station has no light barrier" in capsys.readouterr().err


def test_a_recording_with_its_instant_becomes_a_fragment(
    film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should write a fragment that a station reads, and the pictures."""
    config = tmp_path / "station.toml"
    config.write_text(f"{VIEW}[gates.glass]\nmove_ms = 90\n")
    asked = ["calibrate", "gate", "glass", "--config", str(config), "--recording", str(film)]

    code = main([*asked, "--at-s", "4.6", "--out", str(tmp_path / "station.d")])

    assert code == exit_codes.DONE
    assert "gate glass is at" in capsys.readouterr().out
    assert load(config, {}).gates["glass"].at_mm == pytest.approx(AT_MM, abs=4)
    text = (tmp_path / "station.d" / "gate-glass.toml").read_text()
    assert "Goes with view.mm_per_px = 1, belt.speed_mm_s = 200" in text
    for name in ("piece", "runs"):
        picture = cv2.imdecode(
            np.fromfile(tmp_path / "station.d" / f"gate-glass-{name}.png", np.uint8), 1
        )
        assert picture.shape[1] == {"piece": 320, "runs": 640}[name]

    assert main([*asked[:2], "paper", *asked[3:], "--at-s", "1"]) == exit_codes.UNFIT
    assert "paper: no such gate in the settings; there are: glass" in capsys.readouterr().err
    assert main(asked) == exit_codes.UNFIT
    assert "--recording and --at-s go together" in capsys.readouterr().err
