"""What holds for every classifier: one suite over the canned one and every runtime and dtype."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sorterd.classifiers.bundle import load
from sorterd.classifiers.canned import CannedClassifier
from sorterd.classifiers.runtimes import MODULES, Runtime
from sorterd.classifiers.tflite import open_part
from sorterd.clock import ManualClock
from sorterd.ports import Classifier, DeviceUnavailable, InputSpec

TINY = Path(__file__).parent.parent / "classifiers" / "tiny"
LABELS = ("red", "green", "blue")
SIZES = (1, 2, 4)
RUNTIMES: tuple[Runtime, ...] = ("ai-edge-litert", "tflite-runtime")


def open_canned() -> Classifier:
    """Return a classifier that reads from a table."""
    spec = InputSpec(16, 16, "int8", 1 / 127.5, -1.0, scale=1 / 127.5, zero_point=-1)
    return CannedClassifier(LABELS, [[8, 1, 1], [1, 8, 1]], spec=spec, batch_sizes=SIZES)


def opener(runtime: Runtime, dtype: str) -> Callable[[], Classifier]:
    """Return what opens a tiny model of one dtype on one runtime, or skips where it is absent."""

    def open_tiny() -> Classifier:
        try:
            return open_part(
                load(TINY / dtype),
                runtime=runtime,
                threads=1,
                batch_sizes=SIZES,
                clock=ManualClock(),
            )
        except DeviceUnavailable as fault:
            pytest.skip(str(fault))

    return open_tiny


OPENERS = {"canned": open_canned} | {
    f"{runtime} {dtype}": opener(runtime, dtype)
    for runtime in RUNTIMES
    for dtype in ("int8", "uint8", "float32")
}


@pytest.fixture(params=OPENERS)
def subject(request: pytest.FixtureRequest) -> Classifier:
    """Open one kind of classifier."""
    return OPENERS[request.param]()


def fill(subject: Classifier, size: int) -> None:
    """Write noise into every slot."""
    slots = subject.slots(size)
    numbers = np.random.default_rng(size).uniform(-1, 1, slots.shape)
    slots[:] = np.round(numbers / subject.spec.scale + subject.spec.zero_point).clip(
        *limits(subject.spec)
    )


def limits(spec: InputSpec) -> tuple[float, float]:
    """Return the least and the greatest number that a slot can hold."""
    if spec.dtype == "float32":
        return -1.0, 1.0
    return float(np.iinfo(spec.dtype).min), float(np.iinfo(spec.dtype).max)


def test_every_runtime_has_its_row() -> None:
    """It should run this suite on every runtime that the settings can name."""
    assert set(RUNTIMES) == set(MODULES)


def test_slots_are_the_declared_input(subject: Classifier) -> None:
    """It should give one slot per crop, of the declared shape and dtype, that can be written."""
    for size in subject.batch_sizes:
        slots = subject.slots(size)
        assert slots.shape == (size, subject.spec.height_px, subject.spec.width_px, 3)
        assert slots.dtype == subject.spec.dtype
        assert slots.flags.writeable


def test_sizes_rise_and_labels_differ(subject: Classifier) -> None:
    """It should declare what a planner can rely on."""
    assert subject.batch_sizes == tuple(sorted(set(subject.batch_sizes)))
    assert len(set(subject.labels)) == len(subject.labels)


@pytest.mark.parametrize("size", SIZES)
def test_scores_are_probabilities(subject: Classifier, size: int) -> None:
    """It should give one row for each used slot, non-negative, summing to 1."""
    for used in range(1, size + 1):
        fill(subject, size)
        scores = subject.scores(size, used)
        assert scores.shape == (used, len(subject.labels))
        assert scores.dtype == np.float32
        assert (scores >= 0).all()
        assert np.abs(scores.sum(axis=1) - 1).max() < 1e-3


def test_answers_outlive_the_next_batch(subject: Classifier) -> None:
    """It should hand out scores that are the caller's own."""
    fill(subject, 2)
    first = subject.scores(2, 2)
    kept = first.copy()

    fill(subject, 4)
    subject.scores(4, 4)
    fill(subject, 2)
    subject.scores(2, 1)

    assert (first == kept).all()


def test_two_of_one_kind_answer_alike(subject: Classifier, request: pytest.FixtureRequest) -> None:
    """It should be deterministic."""
    other = OPENERS[request.node.callspec.params["subject"]]()
    for one in (subject, other):
        fill(one, 4)

    assert (subject.scores(4, 4) == other.scores(4, 4)).all()


def test_kept_slots_are_refused(subject: Classifier) -> None:
    """It should fail while its input is referenced, not read half-written crops."""
    kept = subject.slots(1)

    with pytest.raises(RuntimeError, match="reference"):
        subject.scores(1, 1)
    assert kept.shape[0] == 1


@pytest.mark.parametrize(("size", "used"), [(3, 1), (2, 0), (2, 3), (0, 0)])
def test_impossible_batches_are_bugs(subject: Classifier, size: int, used: int) -> None:
    """It should refuse a size it has no interpreter for, and more crops than slots."""
    with pytest.raises(ValueError, match="batch of"):
        subject.scores(size, used)


def test_close_may_be_repeated(subject: Classifier) -> None:
    """It should let go once, and refuse to answer afterwards."""
    subject.close()
    subject.close()

    with pytest.raises(RuntimeError, match="closed"):
        subject.scores(1, 1)


@pytest.mark.parametrize("name", [name for name in OPENERS if name != "canned"])
def test_a_tiny_model_knows_its_colours(name: str) -> None:
    """It should read int8, uint8 and float32 numbers for what they stand for, in any slot."""
    subject = OPENERS[name]()
    spec = subject.spec
    slots = subject.slots(4)
    for place in range(3):
        pixels = np.full((16, 16, 3), 30.0)
        pixels[:, :, place] = 220.0
        numbers = pixels * spec.gain + spec.offset
        slots[place] = (
            numbers if spec.dtype == "float32" else np.round(numbers / spec.scale) + spec.zero_point
        )
    del slots

    scores = subject.scores(4, 3)

    assert scores.argmax(axis=1).tolist() == [0, 1, 2]
    assert (scores.max(axis=1) > 0.9).all()


def test_the_canned_one_reads_row_after_row() -> None:
    """It should go through its table, crop by crop, and begin again."""
    subject = open_canned()

    told = [subject.scores(2, used).argmax(axis=1).tolist() for used in (1, 2, 2)]

    assert told == [[0], [1, 0], [1, 0]]


@pytest.mark.parametrize("table", [[[1.0, 0.0]], [[1.0, -1.0, 1.0]], [1.0, 0.0, 0.0]])
def test_a_table_must_fit_the_labels(table: list[list[float]]) -> None:
    """It should refuse rows of the wrong length or sign."""
    with pytest.raises(ValueError, match="does not hold scores of 3 labels"):
        CannedClassifier(LABELS, table, spec=InputSpec(16, 16, "uint8", 1.0, 0.0))
