"""What holds for the sorter of a station with lids, whatever people put down and take away."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count, pairwise
from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from sorterd.core.lid_sorter import LidPlan, LidSorter, LidStation
from sorterd.core.records import Box, Crop, FrameSeen, Region, RunBatch
from tests.properties.belt_world import BINS, COSTS, JUDGING, LABELS
from tests.properties.player import Answer, Played, Player, held, shifted

MS = 1_000_000
SECOND_NS = 1_000_000_000
STATION = LidStation(
    mm_per_px=0.5,
    lids={name: LidPlan(name, 200 * MS, 300 * MS) for name in ("metal", "glass", "compost")},
    bins=BINS,
    judging=JUDGING,
    still_ns=300 * MS,
    patience_ns=2000 * MS,
    open_ns=1000 * MS,
    lead_ns=40 * MS,
    max_age_ns=250 * MS,
    stall_ns=500 * MS,
)


@dataclass(frozen=True, slots=True)
class Scenes:
    """What lies before the camera, scene after scene.

    Attributes:
        scenes: For how long (ms), and which boxes.
        period_ms: From one exposure to the next.
        kept: Which frames are not dropped; from the beginning again at the end.
        labels: What the model says of a crop.
        latencies_ms: What the model needs for one call.
        answers: What the lids do with one pulse.
        origin_ns: The instant at which it all begins.
    """

    scenes: tuple[tuple[int, tuple[Box, ...]], ...]
    period_ms: int
    kept: tuple[bool, ...]
    labels: tuple[str, ...]
    latencies_ms: tuple[int, ...]
    answers: tuple[Answer, ...]
    origin_ns: int = 7_003_000_019

    @property
    def end_ns(self) -> int:
        """When the station stops."""
        return self.origin_ns + sum(length_ms for length_ms, _ in self.scenes) * MS

    def frames(self) -> Iterator[FrameSeen]:
        """Yield the frames that are not dropped."""
        begin_ms = 0
        for length_ms, boxes in self.scenes:
            regions = tuple(Region(box, box.width_px * box.height_px) for box in boxes)
            for t_ms in range(begin_ms, begin_ms + length_ms, self.period_ms):
                if self.kept[t_ms // self.period_ms % len(self.kept)]:
                    exposed_ns = self.origin_ns + t_ms * MS
                    yield FrameSeen(t_ms + 1, exposed_ns, exposed_ns + 5 * MS, regions)
            # The last frame of a scene may lie less than a period before the next scene.
            begin_ms += -(-length_ms // self.period_ms) * self.period_ms

    def score(self, crop: Crop) -> tuple[float, ...]:
        """Tell one label of each crop."""
        label = self.labels[crop.sequence % len(self.labels)]
        return tuple(0.97 if each == label else 0.01 for each in LABELS)


BOXES = st.builds(
    Box, st.integers(0, 500), st.integers(0, 400), st.integers(20, 100), st.integers(20, 80)
)
LYING = st.just(()) | st.tuples(BOXES) | st.tuples(BOXES) | st.tuples(BOXES, BOXES)
SCENES = st.builds(
    Scenes,
    scenes=st.lists(st.tuples(st.integers(50, 2500), LYING), min_size=1, max_size=8).map(tuple),
    period_ms=st.sampled_from((33, 17, 100)),
    kept=st.just((True,)) | st.lists(st.booleans(), min_size=1, max_size=9).map(tuple),
    labels=st.lists(st.sampled_from(LABELS), min_size=1, max_size=3).map(tuple),
    latencies_ms=st.lists(st.sampled_from((20, 70, 900)), min_size=1, max_size=4).map(tuple),
    answers=st.lists(st.sampled_from(get_args(Answer)), min_size=1, max_size=4).map(tuple),
)


def run(
    scenes: Scenes,
    sorter: LidSorter | None = None,
) -> Played:
    """Play all scenes to their end."""
    player = Player(
        sorter or LidSorter(STATION, COSTS),
        latencies_ms=scenes.latencies_ms,
        answers=scenes.answers,
        score=scenes.score,
    )
    return player.play(scenes.frames(), scenes.end_ns)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(scenes=SCENES, by_s=st.integers(-6, 1_000_000))
def test_same_events_same_commands_at_any_time(scenes: Scenes, by_s: int) -> None:
    """It should do the same whenever it is told the same: it knows no other clock."""
    by_ns = by_s * SECOND_NS
    moved = replace(scenes, origin_ns=scenes.origin_ns + by_ns)

    commands = [(at + by_ns, shifted(each, by_ns)) for at, each in run(scenes).commands]

    assert run(moved).commands == commands


@settings(derandomize=True, deadline=None, max_examples=200)
@given(scenes=SCENES)
def test_each_piece_ends_once_and_one_lid_opens_at_a_time(scenes: Scenes) -> None:
    """It should end every piece that it numbered, once, and open one lid at a time, in time."""
    sorter = LidSorter(STATION, COSTS)
    played = run(scenes, sorter)

    ended = [outcome.piece for outcome in played.outcomes]
    assert sorted(ended) == list(range(1, len(ended) + 1))
    assert sorter.views(scenes.end_ns) == ()
    for at_ns, pulse in played.pulses:
        assert at_ns + STATION.lead_ns <= pulse.start_ns
        assert pulse.start_ns < pulse.open_ns < pulse.close_ns < pulse.clear_ns
    assert all(one.clear_ns <= other.start_ns for (_, one), (_, other) in pairwise(played.pulses))
    assert len({pulse.piece for _, pulse in played.pulses}) == len(played.pulses)


@settings(derandomize=True, deadline=None, max_examples=10)
@given(scenes=SCENES, rounds=st.integers(10, 20))
def test_memory_is_bounded_by_the_pieces_before_the_camera(scenes: Scenes, rounds: int) -> None:
    """It should hold no more after many pieces than after few, but for those that lie there."""
    sorter = LidSorter(STATION, COSTS)
    empty, looks = held(sorter), count()

    def watch(now_ns: int, batch: RunBatch | None) -> None:
        if next(looks) % 5 == 0:  # counting costs more than sorting
            lying = sorter.views(now_ns)
            assert batch or held(sorter) <= empty + 20 + 30 * len(lying)

    long = replace(scenes, scenes=scenes.scenes * rounds)
    player = Player(
        sorter,
        latencies_ms=long.latencies_ms,
        answers=long.answers,
        score=long.score,
        watch=watch,
    )
    player.play(long.frames(), long.end_ns)
    assert held(sorter) <= empty + 20
