"""The road without threads, on a finder and a mind."""

import numpy as np
import numpy.typing as npt
import pytest

from sorterd.clock import ManualClock
from sorterd.core.batching import Cost
from sorterd.core.belt import Belt
from sorterd.core.deciding import Bins
from sorterd.core.judging import JudgingRules
from sorterd.core.records import ScoresReady
from sorterd.core.scheduling import GatePlan
from sorterd.core.sorter import BeltStation, Sorter
from sorterd.pipeline import Job, Pipeline, Todo
from sorterd.ports import Frame
from sorterd.vision.regions import Finding, RegionFinder, RegionRules

MS = 1_000_000


@pytest.fixture
def clock() -> ManualClock:
    """A clock that moves with the frames."""
    return ManualClock()


@pytest.fixture
def subject(belt: Belt, bins: Bins, judging: JudgingRules, clock: ManualClock) -> Pipeline:
    """A belt station up to the runtime."""
    gates = {
        name: GatePlan(name, 500.0 + 100.0 * place, 100 * MS, 10.0, 100 * MS)
        for place, name in enumerate(bins.gate_of.values())
    }
    station = BeltStation(
        belt=belt,
        gates=gates,
        bins=bins,
        judging=judging,
        lead_ns=40 * MS,
        moving_at_once=2,
        max_age_ns=250 * MS,
        stall_ns=500 * MS,
    )
    sorter = Sorter(station, {1: Cost(10 * MS, 20 * MS)})
    return Pipeline(RegionFinder(RegionRules(view=belt.view)), sorter, clock)


def next_frame(clock: ManualClock, number: int, left_px: int | None) -> Frame:
    """Return the next frame of a dark belt, with a pale box on it or without."""
    clock.sleep_until(clock.now_ns() + 33 * MS)
    pixels = np.full((480, 640, 3), 90, np.uint8)
    if left_px is not None:
        pixels[200:300, max(left_px, 0) : left_px + 140] = 220
    return Frame(number, clock.now_ns(), pixels)


def show(subject: Pipeline, clock: ManualClock, number: int, left_px: int | None) -> list[Todo]:
    """Show the next frame, and return all that is to be done."""
    return list(subject.see(next_frame(clock, number, left_px)))


def test_frames_that_teach_the_belt_say_nothing(subject: Pipeline, clock: ManualClock) -> None:
    """It should not tell the mind of frames before the empty belt is known."""
    for number in range(3):
        assert show(subject, clock, number, None) == []

    assert subject.mind.frames_seen == 0


def test_a_whole_piece_is_sent_to_the_runtime_with_its_pixels(
    subject: Pipeline, clock: ManualClock
) -> None:
    """It should ask for scores once all of the piece shows, and hand over that very frame."""
    for number in range(60):
        show(subject, clock, number, None)
    assert subject.mind.frames_seen > 0

    jobs = []
    for step in range(20):
        # 200 mm/s are 13.2 px in 33 ms.
        todo = show(subject, clock, 60 + step, round(-130 + 13.2 * step))
        jobs += [each for each in todo if isinstance(each, Job)]

    ((pixels, box),) = jobs[0].cuts
    assert len(jobs) == 1  # the runtime has not answered yet
    assert pixels[box.top_px + box.height_px // 2, box.left_px + box.width_px // 2, 0] == 220
    assert box.left_px > 0


def test_a_known_piece_is_sent_before_its_frame_is_looked_at(
    belt: Belt, subject: Pipeline, clock: ManualClock
) -> None:
    """It should hand out the crop while the frame still waits for its look."""

    class Watched(RegionFinder):
        looks = 0

        def find(self, pixels: npt.NDArray[np.uint8], exposed_ns: int) -> Finding:
            self.looks += 1
            return super().find(pixels, exposed_ns)

    finder = Watched(RegionRules(view=belt.view))
    pipeline = Pipeline(finder, subject.mind, clock)
    for number in range(60):
        show(pipeline, clock, number, None)
    looks_before: list[int] = []
    for step in range(20):
        looks, jobs = finder.looks, list[Job]()
        for todo in pipeline.see(next_frame(clock, 60 + step, round(-130 + 13.2 * step))):
            if isinstance(todo, Job):
                looks_before.append(finder.looks - looks)
                jobs.append(todo)
        for job in jobs:
            unsure = ((0.25, 0.25, 0.25, 0.25),)
            pipeline.step(ScoresReady(job.batch, clock.now_ns(), unsure, 1))

    assert looks_before[:3] == [1, 0, 0]


def test_frames_of_an_empty_belt_are_passed_over_and_counted(
    subject: Pipeline, clock: ManualClock
) -> None:
    """It should see every frame while it learns, and then one in six of an empty belt."""
    worth = []
    for number in range(60):
        frame = next_frame(clock, number, None)
        worth.append(subject.worth_seeing(frame))
        if worth[-1]:
            list(subject.see(frame))

    learning = 60 - subject.mind.frames_seen - subject.not_needed
    assert all(worth[: learning + 1])
    assert sum(worth[learning:]) == subject.mind.frames_seen
    # 40 mm at 200 mm/s are 6.06 frames.
    assert subject.not_needed / (60 - learning) == pytest.approx(6 / 7, abs=0.05)
