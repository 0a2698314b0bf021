"""Whether batches pay is found out by asking a model whose calls cost what the test says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sorterd.classifiers import runtimes
from sorterd.classifiers.bundle import load
from sorterd.classifiers.probing import gains, trial
from sorterd.classifiers.runtimes import MODULES, usable_runtime
from sorterd.classifiers.tflite import TfliteClassifier, open_part
from sorterd.clock import ManualClock
from sorterd.core.batching import WORTH_FRAC

TINY = Path(__file__).parent / "tiny"
MS_NS = 1_000_000
Opener = Callable[..., TfliteClassifier]


@pytest.fixture(params=["int8", "float32"])
def opened(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Opener:
    """Return what opens a real model whose every call takes as long as it is told to."""
    name = usable_runtime("auto", TINY / "int8" / "model.tflite", 1).name
    module = pytest.importorskip(MODULES[name])
    real: Any = module.Interpreter

    def open_it(
        call_ms: float, crop_ms: float, *, probing: bool = True, timing: bool = True
    ) -> TfliteClassifier:
        clock = ManualClock()

        class Costly(real):  # type: ignore[misc]  # has no types
            def invoke(self) -> None:
                super().invoke()
                crops = int(self.get_input_details()[0]["shape"][0])
                clock.sleep_until(clock.now_ns() + round((call_ms + crops * crop_ms) * MS_NS))

        monkeypatch.setattr(module, "Interpreter", Costly)
        monkeypatch.setattr(runtimes, "MODULES", {name: MODULES[name]})
        return open_part(
            load(TINY / request.param),
            runtime="auto",
            threads=1,
            batch_sizes=(1, 2, 4),
            clock=clock,
            probing=probing,
            timing=timing,
        )

    return open_it


def test_a_processor_ends_in_singles(opened: Opener) -> None:
    """It should keep no batches where four crops take as long as four times one."""
    subject = opened(0.0, 2.0)

    assert subject.batch_sizes == (1,)
    assert dict(subject.costs) == {1: (2 * MS_NS, 2 * MS_NS)}
    assert subject.scores(1, 1).shape == (1, 3)
    with pytest.raises(ValueError, match="no interpreter for a batch of 4"):
        subject.slots(4)


def test_a_cost_per_call_ends_in_batches(opened: Opener) -> None:
    """It should build and time all sizes where a call has a cost of its own."""
    subject = opened(3.0, 1.0)

    assert subject.batch_sizes == (1, 2, 4)
    assert {size: cost[0] / MS_NS for size, cost in subject.costs.items()} == {1: 4, 2: 5, 4: 7}


@pytest.mark.parametrize(("call_ms", "sizes"), [(0.025, (1,)), (0.06, (1, 2, 4))])
def test_a_gain_that_the_planner_would_not_use_is_none(
    opened: Opener, call_ms: float, sizes: tuple[int, ...]
) -> None:
    """It should hold a batch against what the planner wants of it."""
    # A crop in a batch of four saves three quarters of a call: 1.8% and 4.2% of 1.025 and 1.06 ms.
    assert opened(call_ms, 1.0).batch_sizes == sizes


def test_given_sizes_may_be_kept_unasked(opened: Opener) -> None:
    """It should have every size on every machine where nobody probes."""
    assert opened(0.0, 2.0, probing=False).batch_sizes == (1, 2, 4)


def test_given_sizes_may_be_kept_untimed(opened: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """It should ask each larger size once, to warm it, where nobody wants to know its time."""
    asked_of: list[int] = []
    scores = TfliteClassifier.scores

    def watched(subject: TfliteClassifier, size: int, count: int) -> npt.NDArray[np.float32]:
        asked_of.append(size)
        return scores(subject, size, count)

    monkeypatch.setattr(TfliteClassifier, "scores", watched)
    subject = opened(3.0, 1.0, probing=False, timing=False)

    assert [size for size in asked_of if size > 1] == [2, 4]
    assert {size: cost[0] / MS_NS for size, cost in subject.costs.items()} == {1: 4, 2: 5, 4: 7}


class Told:
    """Calls that take as long as a list says; counts them."""

    def __init__(self, took_ns: list[int]) -> None:
        self.clock = ManualClock()
        self.left_ns = list(took_ns)

    def __call__(self) -> None:
        """Take as long as is next on the list."""
        self.clock.sleep_until(self.clock.now_ns() + self.left_ns.pop(0))


def asked(*took_ns: int) -> tuple[bool, int]:
    """Try a batch of four against singles of 100 ns: whether it gains, how many calls were left."""
    call = Told([*took_ns, *[999] * 20])
    batch_ns = trial(call, [100] * 8, crops=4, clock=call.clock)
    return gains(batch_ns, [100] * 8, crops=4), len(took_ns) + 20 - len(call.left_ns)


def test_a_processor_is_asked_twice() -> None:
    """It should spend no more calls than it takes to know."""
    assert asked(400, 400) == (False, 2)


def test_a_slow_first_call_is_forgiven() -> None:
    """It should not count the call in which an accelerator gets ready against it."""
    assert asked(90_000, 200, 200, 200) == (True, 4)
    assert asked(200, 200, 200, 200) == (True, 4)


@pytest.mark.parametrize("place", range(4))
def test_one_hiccup_changes_nothing(place: int) -> None:
    """It should get over any one disturbed call, of a batch that pays and of one that does not."""
    good, poor = [200] * 5, [400] * 5
    good[place] = poor[place] = 50_000
    assert asked(*good)[0]
    assert not asked(*poor)[0]


def test_noise_is_no_gain() -> None:
    """It should not take singles that were disturbed for a batch that is cheaper."""
    noisy_ns = [100, 130, 128, 131, 140, 129, 130, 135]
    assert not gains([396, 398, 397], noisy_ns, crops=4)
    assert gains([380, 700, 382], noisy_ns, crops=4)


@given(
    single_ns=st.integers(1_000, 10**9),
    crops=st.integers(2, 32),
    share=st.floats(0.01, 3.0),
)
def test_what_gains_is_what_the_planner_wants(single_ns: int, crops: int, share: float) -> None:
    """It should agree with the planner's own rule, and a clock that stands still proves nothing."""
    batch_ns = round(share * crops * single_ns)
    assert gains([batch_ns], [single_ns], crops=crops) == (
        batch_ns / crops < single_ns * (1 - WORTH_FRAC)
    )
    assert not gains([0], [0], crops=crops)
