"""Programs that are started and told of: the account of a start, the reel, memory, empty belt."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorterd.classifiers.bundle import load as load_bundle
from sorterd.clock import ManualClock, RealClock
from sorterd.holding import hold
from sorterd.settings import load
from tools.workshop.bench import empty_belt, frames, memory, reel, startup
from tools.workshop.bench.opening import bench_settings
from tools.workshop.bench.programs import inherited, run_program
from tools.workshop.bench.roster import PEERS, Peer, network_of
from tools.workshop.bench.rows import FULL, QUICK, Bench, Depth
from tools.workshop.bench.station_file import write_settings
from tools.workshop.faults import WorkshopFault

TINY = Path(__file__).resolve().parents[1] / "classifiers" / "tiny"
SHORT = Depth(pairs=4, load_s=0.5, shots=4, starts=1, frames=200, wide=False)


@pytest.fixture
def bench() -> Bench:
    """A short bench of a tiny bundle."""
    return Bench(load_bundle(TINY / "int8"), "ai-edge-litert", SHORT)


def test_a_program_is_told_by_its_own_account(bench: Bench) -> None:
    """It should know what a bare program used, how long it took and what it held."""
    network = network_of(bench)
    heard = []

    run = run_program(
        "bare.main",
        [str(network.model), network.module],
        bench.clock,
        hear=lambda name, figure: heard.append((name, figure)),
    )

    assert run.cpu_ms > 1
    assert run.wall_ms > 1
    assert run.rss_mib > 10
    assert dict(heard) == {name: figures[-1] for name, figures in run.said.items()}


def test_a_program_that_fails_is_one_line(tmp_path: Path) -> None:
    """It should say which program failed, and its last words."""
    with pytest.raises(WorkshopFault, match=r"bare\.main ended with exit code 1: ") as fault:
        run_program(
            "bare.main", [str(tmp_path / "none"), "ai_edge_litert.interpreter"], RealClock()
        )

    assert "\n" not in str(fault.value)


def test_programs_do_not_inherit_what_the_station_sets_for_itself() -> None:
    """It should keep a station's settings and its own choices from those that are measured."""
    given_on = {"PATH": "/bin", "HOME": "/root"}
    kept_back = {
        "OPENBLAS_NUM_THREADS": "1",
        "SORTERD_BELT__SPEED_MM_S": "10",
        "PYTHONDONTWRITEBYTECODE": "1",
    }

    assert inherited(given_on | kept_back) == given_on


def test_the_stations_file_reads_back(bench: Bench, tmp_path: Path) -> None:
    """It should be the bench's station, with a camera's settings and a bundle that is found."""
    path = write_settings(tmp_path / "station.toml", bench, {"belt.speed_mm_s": 150.0})

    settings = load(path, {})

    usual = bench_settings(bench, {})
    assert settings.camera.kind == "v4l2"
    assert settings.belt.speed_mm_s == 150.0
    assert settings.bins == usual.bins
    assert settings.gates == usual.gates
    assert Path(settings.model.bundle).is_absolute()


def test_the_reel_is_the_benchs_belt() -> None:
    """It should have the size and pace of the frames that are drawn for it."""
    assert (reel.WIDTH_PX, reel.HEIGHT_PX) == (frames.WIDTH_PX, frames.HEIGHT_PX)
    assert reel.FRAME_NS == frames.FRAME_NS
    assert reel.WARM >= frames.WARM_UP
    assert frames.USUAL_COUNT % reel.COUNT == 0


@given(st.sampled_from(["empty", "mixed"]), st.integers(0, 600))
def test_a_plan_is_as_long_as_was_asked(which: str, count: int) -> None:
    """It should begin with the empty belt and show pieces only where it is mixed."""
    plan = list(reel.plan_of(which, count))

    assert len(plan) == reel.WARM + count
    assert all(number < reel.COUNT for number in plan[: reel.WARM])
    with_pieces = [number for number in plan if number >= reel.COUNT]
    assert bool(with_pieces) == (which == "mixed" and count > 0)
    assert all(number < 2 * reel.COUNT for number in with_pieces)


def test_the_camera_shows_what_was_written(tmp_path: Path) -> None:
    """It should hand over each frame of the plan in memory of its own, a period apart."""
    shape = (reel.HEIGHT_PX, reel.WIDTH_PX, 3)
    halves = [
        [np.full(shape, 2 * n + half, np.uint8) for n in range(reel.COUNT)] for half in (0, 1)
    ]
    reel.write_reel(tmp_path / "reel.raw", *halves)
    clock = ManualClock()
    ended: list[reel.ReelCamera] = []
    plan = reel.plan_of("mixed", 3)
    camera = reel.ReelCamera(clock, tmp_path / "reel.raw", plan, ended.append)

    shown = []
    while (frame := camera.read()) is not None:
        shown.append(frame)
    camera.close()

    assert [int(one.pixels.max()) for one in shown[-4:]] == [2 * (reel.WARM - 1), 1, 3, 5]
    assert all(one.pixels.min() == one.pixels.max() for one in shown)
    assert len({one.pixels.ctypes.data for one in shown}) == len(shown)
    assert {b.exposed_ns - a.exposed_ns for a, b in pairwise(shown)} == {reel.FRAME_NS}
    assert ended == [camera]
    assert camera.cpu_ms_a_frame >= 0


@given(
    st.floats(-1e-4, 1e-4),
    st.floats(0, 50),
    st.integers(20, 200),
)
def test_growth_is_a_slope_after_the_warm_up(mib_a_frame: float, jump: float, count: int) -> None:
    """It should find a steady growth and not count what was taken in the first tenth."""
    shown = [1000.0 * (n + 1) for n in range(count)]
    held = [100 + each * mib_a_frame + jump * (each >= shown[-1] * 0.05) for each in shown]
    counted = [each for each in shown if each >= shown[-1] * 0.1]
    wanted = mib_a_frame * (counted[-1] - counted[0])

    growth = memory.growth_of(shown, held)

    assert growth["growth_mib"] == pytest.approx(wanted, abs=1e-3)
    assert growth["last_less_first_mib"] == pytest.approx(wanted, abs=1e-3)


def test_the_empty_belts_ratio_leaves_the_camera_out() -> None:
    """It should take what the camera uses off both, round by round."""
    used = {
        empty_belt.STATION: [0.2, 0.3, 0.2],
        empty_belt.NAIVE: [2.1, 4.2, 4.1],
        empty_belt.WAITING: [0.1, 0.2, 0.1],
    }

    chapter = empty_belt.told(used, 60)

    assert chapter.goals["G10"] == pytest.approx(0.1 / 4.0)
    station = next(row for row in chapter.rows if row.name == empty_belt.STATION)
    assert station.figures["cpu_ms"] == pytest.approx(0.1)


def test_the_station_is_started_beside_a_bare_program(bench: Bench) -> None:
    """It should start the real command line until it is ready, and divide processor times."""
    chapter = startup.measure(bench)

    rows = {row.name: row.figures for row in chapter.rows}
    assert set(rows) == {startup.BARE, startup.STATION}
    assert rows[startup.BARE]["bare_x"] == 1
    assert chapter.goals["G8"] == rows[startup.STATION]["bare_x"] > 1
    assert rows[startup.STATION]["rss_mib"] > rows[startup.BARE]["rss_mib"]


def test_a_station_that_holds_the_devices_is_not_in_the_way(bench: Bench, tmp_path: Path) -> None:
    """It should start where another program holds the devices: of two benches, one was refused."""
    config = write_settings(tmp_path / "station.toml", bench)
    usual = tmp_path / "usual"
    usual.mkdir()

    with hold("sorterd run", usual):
        run = run_program(
            "station_program.start",
            [str(config)],
            bench.clock,
            environment={"TMPDIR": str(usual)},
        )

    assert run.rss_mib > 10


def test_memory_is_read_from_the_stations_own_processes(bench: Bench) -> None:
    """It should tell what a running station holds, and drive pieces through the long run."""
    chapter = memory.measure(bench)

    assert chapter.goals["G9.rss"] > 1
    assert abs(chapter.goals["G9.growth_mib"]) < 50
    assert len(chapter.series["frames"]) == len(chapter.series["rss_mib"]) >= 100
    assert chapter.rows[-1].figures["pieces"] >= 1


def test_an_empty_belt_is_shown_to_all_three(bench: Bench) -> None:
    """It should run the station, the plain loop and the camera alone on the same frames."""
    chapter = empty_belt.measure(bench)

    assert [row.name for row in chapter.rows] == [
        empty_belt.STATION,
        empty_belt.NAIVE,
        empty_belt.WAITING,
    ]
    assert np.isfinite(chapter.goals["G10"])


def test_the_road_without_threads_tells_its_parts(bench: Bench, tmp_path: Path) -> None:
    """It should tell what finding used, and what the whole road of a frame used."""
    belt = [np.full((reel.HEIGHT_PX, reel.WIDTH_PX, 3), 90, np.uint8)] * reel.COUNT
    reel.write_reel(tmp_path / "reel.raw", belt, belt)
    config = write_settings(tmp_path / "station.toml", bench)

    run = run_program(
        "pipeline_program.look",
        [str(config), str(tmp_path / "reel.raw"), "empty", "6"],
        bench.clock,
    )

    assert 0 < run.last("find_cpu_ms") < run.last("see_cpu_ms")


@pytest.mark.parametrize("part", [startup, memory, empty_belt])
def test_a_deep_run_says_that_it_takes_longer(part: object) -> None:
    """It should estimate more for more, and less than a quarter of an hour for the most."""
    quick, full = (getattr(part, "seconds")(depth) for depth in (QUICK, FULL))  # noqa: B009

    assert 0 < quick < full < 900


def test_peers_are_started_in_a_deep_run(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It should have a row for each peer, or why there is none.

    That every peer starts is shown beside the peers; here one that is always there will do.
    """
    naive = next(peer for peer in PEERS if peer.key == "naive")
    absent = Peer("odd", "Odd", "", package="no_such_package", install="pip install it")
    monkeypatch.setattr(startup, "PEERS", (naive, absent))

    chapter = startup.measure(replace(bench, depth=replace(SHORT, wide=True)))

    rows = {row.name: row for row in chapter.rows}
    assert set(rows) == {startup.BARE, startup.STATION, startup.ONE_BLAS, naive.name, "Odd"}
    assert rows[naive.name].figures["bare_x"] > 0
    assert (rows["Odd"].figures, rows["Odd"].note) == ({}, absent.missing)
