"""How every test starts; and builders with defaults for those of the core.

The builders make a small belt, what is seen on it, and scores.
"""

import gc
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import hypothesis
import pytest

from sorterd.commands.signals import Handler
from sorterd.core.belt import Belt, Direction, Span
from sorterd.core.deciding import Bins
from sorterd.core.judging import JudgingRules
from sorterd.core.records import Box, FrameSeen, Region, RunBatch, ScoresReady

MS = 1_000_000

# As a station sets both for itself. Threads for small matrices and pictures spin while they wait
# for each other, on cores that other tests need; they are told before numpy and OpenCV are loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OPENCV_FOR_THREADS_NUM", "1")

GIVEN: dict[signal.Signals, Handler] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGHUP: signal.SIG_DFL,
}

# A test that fails on one run in fifty tells nobody what broke it.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.load_profile("repeatable")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long ones, lest one worker waits at the end for the other's."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_collection_finish() -> None:
    """Let the garbage collector leave alone what is there for good: a twelfth of all time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def signals_as_a_terminal_gives_them() -> Iterator[None]:
    """Start each test as a terminal starts a program, and see that its commands take theirs back.

    Tests may be deaf to Ctrl-C, as what a shell starts in the background, or to a lost connection.
    """
    before = {each: signal.signal(each, handler) for each, handler in GIVEN.items()}
    yield
    left = {each: signal.signal(each, handler) for each, handler in before.items()}
    assert left == GIVEN


@pytest.fixture(autouse=True, scope="session")
def own_devices(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Have the devices' lock where no other tests and no station of this machine look for it."""
    folder = tmp_path_factory.mktemp("devices")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sorterd.holding.PLACES", (folder,))
        yield folder


@pytest.fixture(scope="session")
def belt() -> Belt:
    """Return a belt that runs to the right at 200 mm/s; its view is 320 mm long, 240 mm wide."""
    return Belt(
        speed_mm_s=200.0,
        direction=Direction.RIGHT,
        mm_per_px=0.5,
        width_px=640,
        height_px=480,
        view=Box(0, 0, 640, 480),
        length_mm=900.0,
    )


@pytest.fixture(scope="session")
def judging() -> JudgingRules:
    """Return rules for a can, a jar, a pear and a rag."""
    return JudgingRules(
        labels=("can", "jar", "pear", "rag"),
        stages=("recyclable", "recyclable", "organic", "landfill"),
        stage_one_frac=0.7,
        stage_two_frac=0.6,
        sure_frac=0.97,
        min_views=2,
        max_views=5,
        same_view_mm=20.0,
    )


@pytest.fixture(scope="session")
def bins() -> Bins:
    """Return a bin for each label: metal, glass and compost have gates, landfill is the end bin."""
    return Bins(
        of_label={"can": "metal", "jar": "glass", "pear": "compost", "rag": "landfill"},
        gate_of={"metal": "metal", "glass": "glass", "compost": "compost"},
        end_bin="landfill",
    )


@pytest.fixture(scope="session")
def region(belt: Belt) -> Callable[..., Region]:
    """Return what builds the region of a piece whose front is at a place on the belt."""

    def build(
        front_mm: float,
        length_mm: float = 60.0,
        *,
        across_mm: float = 120.0,
        width_mm: float = 60.0,
        lobes: int = 1,
    ) -> Region:
        half_mm = width_mm / 2
        span = Span(front_mm - length_mm, front_mm, across_mm - half_mm, across_mm + half_mm)
        box = belt.visible(span)
        return Region(box, box.width_px * box.height_px, lobes)

    return build


@pytest.fixture(scope="session")
def seen() -> Callable[..., FrameSeen]:
    """Return what builds the event of a frame exposed at `t_ms`, looked at 5 ms later."""

    def build(t_ms: float, *regions: Region, covered: bool = False) -> FrameSeen:
        exposed_ns = round(t_ms * MS)
        frame = FrameSeen(round(t_ms), exposed_ns, exposed_ns + 5 * MS, regions)
        return replace(frame, covered=covered)

    return build


@pytest.fixture(scope="session")
def scored(judging: JudgingRules) -> Callable[..., ScoresReady]:
    """Return what builds a batch's answer: 0.97 for one label, by each crop's place in it."""

    def build(batch: RunBatch, *labels: str, now_ms: float, took_ms: float = 20.0) -> ScoresReady:
        rows = tuple(
            tuple(0.97 if each == label else 0.01 for each in judging.labels) for label in labels
        )
        return ScoresReady(batch.batch, round(now_ms * MS), rows, round(took_ms * MS))

    return build
