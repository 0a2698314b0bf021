"""The bench's road: timed parts change nothing, cameras keep the belt's time, figures add up."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from sorterd.classifiers.bundle import load
from sorterd.clock import ManualClock
from sorterd.core.records import Outcome
from sorterd.lockstep import Lockstep, NominalCost
from sorterd.settings import Settings
from sorterd.wiring.models import Model, open_model
from tools.workshop.bench import batches, road
from tools.workshop.bench.bench_camera import PacedCamera, ToldCamera
from tools.workshop.bench.driving import Drive, Road, one_bin
from tools.workshop.bench.frames import FRAME_NS, Pixels, belt_frames, empty_frames
from tools.workshop.bench.load import Load, _Slower
from tools.workshop.bench.opening import bench_settings
from tools.workshop.bench.opening import road as station_of
from tools.workshop.bench.riding import Outcomes
from tools.workshop.bench.rows import Bench, Depth
from tools.workshop.bench.stopwatch import Stamp, Stopwatch, figures, timed
from tools.workshop.bench.watched import watched_station

TINY = Path(__file__).resolve().parents[1] / "classifiers" / "tiny" / "int8"
MS = 1_000_000
SHALLOW = Depth(pairs=10, load_s=0.1, shots=1, starts=1, frames=1, wide=False)


@pytest.fixture(scope="module")
def bench() -> Bench:
    """Return a bench with the smallest network there is."""
    return Bench(load(TINY), "auto", SHALLOW)


@pytest.fixture
def settings(bench: Bench) -> Settings:
    """Return a station whose pieces all go to one gate."""
    given = one_bin(bench, at_mm=400.0, move_ms=20, margin_mm=5.0)
    return bench_settings(
        bench, {**given, "belt.length_mm": 450.0, "model.batch_sizes": (1,), "lead_ms": 100}
    )


@pytest.fixture
def model(bench: Bench, settings: Settings) -> Iterator[Model]:
    """Open the model and close it afterwards."""
    opened = open_model(settings, bench.clock)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def film() -> list[Pixels]:
    """Draw a belt with a piece always in view."""
    return belt_frames(1, count=42)


class Ending(PacedCamera):
    """A paced camera whose film is over after a while."""

    left = 150

    def _next_ns(self) -> int | None:
        self.left -= 1
        return super()._next_ns() if self.left else None


def outcomes_of(
    settings: Settings, model: Model, film: list[Pixels], watch: Stopwatch | None
) -> tuple[list[Outcome], list[str]]:
    """Run a station in lockstep, watched or not; return its outcomes and the stages seen."""
    clock, outcomes = ManualClock(), Outcomes()
    if watch is None:
        station = station_of(settings, model, clock)
        answered = 0
    else:
        station, pipeline = watched_station(settings, model, model.costs, watch, clock)
    camera = Ending(clock, empty_frames(), film, tick_ns=FRAME_NS)
    Lockstep(
        clock=clock,
        station=station,
        camera=camera,
        sinks=[outcomes],
        cost=NominalCost(2 * MS, 0),
    ).run(None)
    stages = [] if watch is None else [stamp.stage for stamp in watch.take()]
    if watch is not None:
        answered = sum(len(each.crops) for each in pipeline.seen.answers)
        assert answered == stages.count("crop")
    return outcomes.all, stages


def test_watching_changes_no_outcome(settings: Settings, model: Model, film: list[Pixels]) -> None:
    """It should end every piece as it does unwatched, at the same instants."""
    plain, _ = outcomes_of(settings, model, film, None)
    watched, _ = outcomes_of(settings, model, film, Stopwatch(ManualClock()))

    assert len(plain) >= 4
    assert plain == watched


def test_every_stage_of_the_road_is_stamped(
    settings: Settings, model: Model, film: list[Pixels]
) -> None:
    """It should stamp every stage, and one invoke within each call of the classifier."""
    _, stages = outcomes_of(settings, model, film, Stopwatch(ManualClock()))

    wanted = {"frame taken", "expect", "find", "follow", "job put", "job taken", "crop", "infer"}
    assert wanted | {"scores", "answer taken", "judge", "pulse taken", "move"} <= set(stages)
    assert stages.count("infer") == stages.count("scores") == stages.count("judge")


def test_a_timed_part_is_the_part() -> None:
    """It should pass on arguments, results and whatever else the part has."""

    class Part:
        name = "finder"

        def find(self, pixels: int, *, twice: bool) -> int:
            return pixels * (2 if twice else 1)

    watch = Stopwatch(ManualClock())
    part = timed(Part(), watch, {"find": "find"})

    assert part.name == "finder"
    assert part.find(21, twice=True) == 42
    assert [stamp.stage for stamp in watch.take()] == ["find"]
    assert watch.take() == []


def test_a_stage_may_be_told_from_the_call() -> None:
    """It should ask for the name with the arguments and the result."""
    watch = Stopwatch(ManualClock())
    watch.around(lambda given, result: f"{given[0]} gives {result}", abs)(-3)

    assert [stamp.stage for stamp in watch.take()] == ["-3 gives 3"]


def test_a_film_is_shown_by_the_clock_and_not_by_count(film: list[Pixels]) -> None:
    """It should show the picture of the instant, whatever was missed before it."""
    clock = ManualClock()
    camera = PacedCamera(clock, film[:2], film, tick_ns=FRAME_NS)
    for _ in range(2):
        camera.read()
    first = camera.read()
    clock.sleep_until(clock.now_ns() + 10 * FRAME_NS)
    late = camera.read()

    assert first is not None
    assert late is not None
    assert first.pixels is film[0]
    assert late.exposed_ns - first.exposed_ns == 10 * FRAME_NS
    assert late.pixels is film[10]
    assert late.sequence == first.sequence + 1


def test_a_told_camera_shows_only_its_places(film: list[Pixels]) -> None:
    """It should wait for the next place that is shown, one frame for each word."""
    clock = ManualClock()
    camera = ToldCamera(clock, [], film, tick_ns=MS, shown=(11, 32))
    places = []
    for _ in range(4):
        camera.tell()
        frame = camera.read()
        assert frame is not None
        places.append(next(n for n, pixels in enumerate(film) if pixels is frame.pixels))
        clock.sleep_until(clock.now_ns() + 2 * MS)
    camera.close()

    assert places == [11, 32, 11, 32]
    assert camera.read() is None


def a_road(
    took_ms: float = 1.8, own_ms: float = 1.2, raw_ms: float = 1.5, find_from_ms: float = 0.1
) -> Road:
    """Return a road with an invoke and a look that takes half a millisecond."""

    def ns(t_ms: float) -> int:
        return 10**9 + round(t_ms * MS)

    stamps = (
        Stamp("frame taken", ns(0.02), ns(0.02), 0),
        Stamp("find", ns(find_from_ms), ns(find_from_ms + 0.5), 400_000),
        Stamp("job put", ns(0.1), ns(0.1), 0),
        Stamp("job taken", ns(0.15), ns(0.16), 0),
        Stamp("crop", ns(0.16), ns(0.2), 0),
        Stamp("infer", ns(0.3), ns(0.3 + own_ms), 0),
        Stamp("scores", ns(0.3), ns(0.35 + own_ms), 0),
        Stamp("answer taken", ns(0.4 + own_ms), ns(0.4 + own_ms), 0),
        Stamp("judge", ns(0.4 + own_ms), ns(0.5 + own_ms), 0),
    )
    return Road(round(took_ms * MS), 0, round(own_ms * MS), round(raw_ms * MS), 0, 10**9, stamps)


def test_goals_are_ratios_pair_by_pair() -> None:
    """It should divide each road by its own raw invoke, so that a busy spell cancels out."""
    driven = Drive("any", [a_road(1.8, 1.2, 1.5), a_road(5.4, 3.6, 4.5), a_road(2.4, 1.6, 2.0)])

    assert driven.ratio() == pytest.approx(1.2)
    assert driven.beside_ratio() == pytest.approx(0.4)
    assert driven.tail_ratio() == pytest.approx(1.2, rel=0.01)


@pytest.mark.parametrize(("from_ms", "beside"), [(0.0, 0.4), (0.5, 1.0), (1.6, 0.0)])
def test_what_runs_beside_the_invoke_is_told(from_ms: float, beside: float) -> None:
    """It should tell how much of a stage lay within the invoke."""
    share = road._beside_frac([a_road(find_from_ms=from_ms)], "find")

    assert share == pytest.approx(beside)


def test_hand_offs_are_told_apart() -> None:
    """It should tell each hand-off from the end of one stage to the beginning of the next."""
    rows = road._stages(Drive("any", [a_road()], [a_road()]), stamp_ns=1000.0)
    told = {row.name: row.figures["p50_ms"] for row in rows}

    assert told["hand-off: frame"] == pytest.approx(0.02)
    assert told["hand-off: job"] == pytest.approx(0.05)
    assert told["hand-off: answer"] == pytest.approx(0.05)
    assert told["read the answer"] == pytest.approx(0.05)
    assert told["the stopwatch itself"] == pytest.approx(0.009)


def test_a_stage_that_was_never_seen_has_no_figures() -> None:
    """It should give an empty table rather than fail."""
    assert figures([]) == {}
    assert road._stages(Drive("any"), stamp_ns=1000.0) == []


def test_batches_tell_the_worst(bench: Bench) -> None:
    """It should judge the goal by the batch that costs most, singles beside it."""
    chapter = batches.measure(bench)
    ratios = dict(zip(chapter.series["batch"], chapter.series["cost_ratio"], strict=True))

    assert list(ratios) == [1, 2, 4, 8]
    assert chapter.goals == {"G4": max(ratios[2], ratios[4], ratios[8])}
    assert min(ratios.values()) > 0


def test_load_really_asks_the_network() -> None:
    """It should ask as often as the load wants, and answer once."""

    class Counting:
        labels = ("a",)
        asked = 0

        def scores(self, size: int, used: int) -> npt.NDArray[np.float32]:
            self.asked += 1
            return np.full((used, size), self.asked, np.float32)

    own = Counting()
    slower = _Slower(own, 7, ManualClock())  # type: ignore[arg-type]  # it asks for no more
    answer = slower.scores(2, 1)

    assert own.asked == 7
    assert answer.tolist() == [[7.0, 7.0]]
    assert slower.labels == ("a",)


def test_load_is_judged_by_its_own_invoke() -> None:
    """It should allow one frame period and two invokes."""
    load_told = Load(
        offered_x=2.0,
        calls=12,
        call_ms=16.0,
        ages_ms=np.array([30.0] * 99 + [60.0]),
        decision_ages_ms=np.array([]),
        fired_late=0,
        refused_late=0,
        fired=0,
        superseded=0,
        pieces=0,
        missed=0,
        reasons={},
        drops={},
    )

    assert load_told.bound_ms == pytest.approx(FRAME_NS / MS + 32)
    assert 30.0 <= load_told.age_p99_ms <= 60.0
    assert load_told.missed_frac == 0.0
