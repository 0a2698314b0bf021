"""The classifier that runs a bundle's model on tflite-runtime or its successor ai-edge-litert.

One interpreter for each batch size, made, resized, warmed and timed at opening: a resize in the
loop costs up to 1.3 ms and is a known source of faults. The golden answers are compared at
opening, before the model is trusted with a piece; the same calls say what one costs.

Nothing here crops, decides or reads a clock of its own.
"""

import threading
from collections.abc import Mapping, Sequence
from functools import partial
from typing import cast, get_args

import numpy as np
import numpy.typing as npt

from sorterd.classifiers.bundle import STAGES, Bundle, BundleFault, Golden
from sorterd.classifiers.heads import Heads
from sorterd.classifiers.probing import AGAIN, gains, trial
from sorterd.classifiers.runtimes import (
    Interpreter,
    Runtime,
    UsableRuntime,
    one_line,
    usable_runtime,
    without_chatter,
)
from sorterd.classifiers.tensors import (
    TIMED,
    WARM_UPS,
    Dtype,
    Output,
    output_of,
    quantisation,
    time_of,
    timed,
    typical_and_worst,
)
from sorterd.ports import Clock, DeviceFault, InputSpec


class TfliteClassifier:
    """A bundle's model, ready to answer. Meets `sorterd.ports.Classifier`; made by `open_part`.

    Belongs to the thread that first asks it for anything after opening; another one is an error.

    Attributes:
        labels: In the order of the scores.
        spec: What a crop must look like.
        batch_sizes: Rising.
        runtime: Which runtime answers.
        costs: Batch size -> (p50_ns, p99_ns) of one call, measured at opening.
    """

    def __init__(
        self,
        interpreters: Mapping[int, Interpreter],
        spec: InputSpec,
        heads: Mapping[str, Output],
        *,
        bundle: Bundle,
        runtime: str,
    ) -> None:
        self.labels = bundle.labels
        self.spec = spec
        self.batch_sizes = tuple(interpreters)
        self.runtime = runtime
        self.costs: Mapping[int, tuple[int, int]] = {}
        self._interpreters = dict(interpreters)
        self._heads = dict(heads)
        self._joint = Heads(bundle.manifest)
        self._readers = {name: self._joint.reader(name, heads[name]) for name in self._joint.reads}
        self._may_be_odd = any(heads[name].dtype == "float32" for name in self._readers)
        self._inputs = {
            size: one.tensor(one.get_input_details()[0]["index"])
            for size, one in self._interpreters.items()
        }
        self._outputs = {
            size: {name: one.tensor(head.index) for name, head in heads.items()}
            for size, one in self._interpreters.items()
        }
        self._owner: int | None = None

    def slots(self, size: int) -> npt.NDArray[np.generic]:
        """Return the interpreter's own input; see `sorterd.ports.Classifier`."""
        self._check(size)
        return self._inputs[size]()

    def scores(self, size: int, used: int) -> npt.NDArray[np.float32]:
        """Score the first `used` slots; see `sorterd.ports.Classifier`."""
        self._invoke(size, used)
        return self._scores(size, used)

    def answers(self, size: int, used: int) -> dict[str, npt.NDArray[np.float32]]:
        """Ask for all that the model gives for the first `used` slots, for teaching and measuring.

        Returns:
            Each of the manifest's outputs as numbers, float32[used, width], before any
            temperature; and `scores` as `scores` returns them.

        Raises:
            DeviceFault: The runtime failed.
        """
        self._invoke(size, used)
        given = {
            name: head.numbers(self._outputs[size][name]()[:used])
            for name, head in self._heads.items()
        }
        return {**given, "scores": self._scores(size, used)}

    def _invoke(self, size: int, used: int) -> None:
        self._check(size)
        if not 1 <= used <= size:
            raise ValueError(f"{used} crops in a batch of {size}")
        try:
            self._interpreters[size].invoke()
        except (RuntimeError, ValueError) as fault:
            if "reference" in str(
                fault
            ):  # a slot array was kept: the caller's bug, not the device's
                raise
            raise DeviceFault(
                f"{self.runtime} failed on a batch of {size} ({one_line(fault)}): "
                "reopen the classifier, or choose another runtime"
            ) from fault

    def _scores(self, size: int, used: int) -> npt.NDArray[np.float32]:
        outputs = self._outputs[size]
        scores = self._joint.shared(
            {name: read(outputs[name]()[:used]) for name, read in self._readers.items()}
        )
        # 8 bits always are a number.
        if self._may_be_odd and not np.isfinite(scores).all():
            raise DeviceFault(f"{self.runtime} answered with no numbers: check the model")
        return scores

    def close(self) -> None:
        """Let go of the interpreters. Harmless when repeated."""
        self._inputs.clear()
        self._outputs.clear()
        self._interpreters.clear()

    def _check(self, size: int) -> None:
        if not self._interpreters:
            raise RuntimeError("the classifier is closed")
        here = threading.get_ident()
        if self._owner is None:
            self._owner = here
        elif self._owner != here:
            raise RuntimeError("a second thread asked the classifier: it belongs to the first")
        if size not in self._interpreters:
            raise ValueError(f"no interpreter for a batch of {size}: there are {self.batch_sizes}")

    def hand_over(self) -> None:
        """Let the next thread that asks own it."""
        self._owner = None


def open_part(
    bundle: Bundle,
    *,
    runtime: Runtime,
    threads: int,
    batch_sizes: tuple[int, ...],
    clock: Clock,
    delegate: str | None = None,
    probing: bool = False,
    timing: bool = True,
) -> TfliteClassifier:
    """Build, check, warm and time a bundle's model.

    Args:
        bundle: Loaded.
        runtime: By name, or "auto" for the first that works.
        threads: Of each interpreter; leave one core to the gates.
        batch_sizes: Rising, each 1 or more; one interpreter each.
        clock: For the timing.
        delegate: An accelerator's library; None for the processor.
        probing: Keep only the smallest size where crops are no cheaper in the largest. The
            classifier's `batch_sizes` says what is there.
        timing: Time the larger sizes; without, one call warms each of them, and is what is known of
            its cost.

    Raises:
        DeviceUnavailable: No runtime works here, or the delegate does not.
        BundleFault: The model does not fit its manifest, cannot take a batch of some size, or
            gives other than the golden answers.
        ValueError: The batch sizes do not rise.
    """
    if not batch_sizes or batch_sizes[0] < 1 or tuple(sorted(set(batch_sizes))) != batch_sizes:
        raise ValueError(f"batch sizes {batch_sizes} must be 1 or more and rise")
    smallest, *larger = batch_sizes
    with without_chatter():
        found = usable_runtime(runtime, bundle.model_path, threads, delegate)
        one = found.build()
        spec, heads = _fitted(one, bundle)
        made = partial(TfliteClassifier, spec=spec, heads=heads, bundle=bundle, runtime=found.name)
        _allocate(one, found, bundle)
        _resize(one, smallest, bundle)
        classifier = made({smallest: one})
        single_ns = _proven(classifier, bundle, bundle.golden, TIMED, clock)
        if larger and probing:
            tried = made({larger[-1]: one})
            if not _batches_pay(classifier, one, tried, single_ns, bundle, clock):
                larger = []
        others = {size: found.build() for size in larger}
        for size, other in others.items():
            _resize(other, size, bundle)
        classifier = made({smallest: one, **others})
        costs = {size: _timed(classifier, size, clock, timing=timing) for size in larger}
        classifier.costs = {smallest: typical_and_worst(single_ns), **costs}
    classifier.hand_over()
    return classifier


def _fitted(one: Interpreter, bundle: Bundle) -> tuple[InputSpec, dict[str, Output]]:
    """Compare the model's input and outputs with the manifest, and read their numbers."""
    inputs, outputs = one.get_input_details(), one.get_output_details()
    wanted = bundle.manifest.preprocessing
    where = bundle.model_path
    named = bundle.manifest.outputs
    if len(inputs) != 1 or len(outputs) != len(named):
        raise BundleFault(
            f"{where} has {len(inputs)} inputs and {len(outputs)} outputs, "
            f"not 1 and the {len(named)} of its manifest: correct one of them"
        )
    shape = tuple(int(edge) for edge in inputs[0]["shape"])
    if shape[1:] != (wanted.height_px, wanted.width_px, 3):
        raise BundleFault(
            f"{where} takes {list(shape)}, the manifest says "
            f"[n, {wanted.height_px}, {wanted.width_px}, 3]: correct one of them"
        )
    for name, output in zip(named, outputs, strict=True):
        given = tuple(int(edge) for edge in output["shape"])
        widths = {"stage_one": len(STAGES), "stage_two": len(bundle.labels)}
        if len(given) != 2 or given[1] != widths.get(name, given[-1]):
            raise BundleFault(
                f"{where} gives {list(given)} as {name}, not [n, {widths.get(name, 'any')}] as its "
                "manifest has it: correct one of them"
            )
    dtype = np.dtype(inputs[0]["dtype"]).name
    for number in (dtype, *(np.dtype(output["dtype"]).name for output in outputs)):
        if number not in get_args(Dtype):
            raise BundleFault(f"{where} works with {number}: export it as int8, uint8 or float32")
    scale, zero_point = quantisation(inputs[0])
    spec = InputSpec(
        wanted.width_px,
        wanted.height_px,
        cast("Dtype", dtype),
        gain=wanted.gain,
        offset=wanted.offset,
        scale=scale,
        zero_point=zero_point,
    )
    heads: dict[str, Output] = {
        name: output_of(output) for name, output in zip(named, outputs, strict=True)
    }
    return spec, heads


def _allocate(one: Interpreter, found: UsableRuntime, bundle: Bundle) -> None:
    """Let the runtime take its memory for the model as it was exported."""
    try:
        one.allocate_tensors()
    except (RuntimeError, ValueError) as fault:
        raise BundleFault(
            f"{bundle.model_path} cannot be run by {found.name} ({one_line(fault)}): "
            "export it anew, or name its delegate in model.delegate if it is for an accelerator"
        ) from fault


def _resize(one: Interpreter, size: int, bundle: Bundle) -> None:
    details = one.get_input_details()[0]
    _, *edges_px = map(int, details["shape"])
    if int(details["shape"][0]) == size:
        return
    try:
        one.resize_tensor_input(details["index"], [size, *edges_px])
        one.allocate_tensors()
        given = [int(output["shape"][0]) for output in one.get_output_details()]
    except (RuntimeError, ValueError) as fault:
        raise BundleFault(
            f"{bundle.model_path} cannot take a batch of {size} ({one_line(fault)}): write "
            "model.batch_sizes = [1] if it was compiled for an accelerator, as for an Edge TPU, or "
            "export it with a free batch size"
        ) from fault
    if given != [size] * len(given):
        raise BundleFault(
            f"{bundle.model_path} gives {given} answers for a batch of {size}: "
            "export it with a free batch size"
        )


def _proven(
    classifier: TfliteClassifier,
    bundle: Bundle,
    golden: Sequence[Golden],
    calls: int,
    clock: Clock,
) -> list[int]:
    """Compare golden answers in the smallest size, and time those same calls.

    Returns:
        What `calls` calls or more took, nanoseconds, the first ones left out.
    """
    (size,) = classifier.batch_sizes
    table = classifier.spec.levels()
    _blank(classifier, size)
    took_ns: list[int] = []
    while len(took_ns) < max(WARM_UPS + calls, len(golden)):
        known = golden[len(took_ns) % len(golden)] if golden else None
        if known is not None:
            classifier.slots(size)[0] = table[known.pixels]
        before_ns = clock.now_ns()
        scores = classifier.scores(size, size)
        took_ns.append(clock.now_ns() - before_ns)
        if known is not None:
            _compare(classifier, bundle, known, scores[0])
    return took_ns[WARM_UPS:]


def _compare(
    classifier: TfliteClassifier, bundle: Bundle, golden: Golden, scores: npt.NDArray[np.float32]
) -> None:
    tolerance = bundle.manifest.golden_tolerance
    expected, found = int(golden.scores.argmax()), int(scores.argmax())
    off_frac = float(np.abs(scores - golden.scores).max())
    # Labels that were level in the manifest may change places.
    lead_frac = float(golden.scores[expected] - golden.scores[found])
    if off_frac > tolerance or lead_frac > tolerance:
        raise BundleFault(
            f"{bundle.folder / golden.file} is {bundle.labels[expected]} "
            f"{golden.scores.max():.2f} by the manifest and {bundle.labels[found]} "
            f"{scores.max():.2f} on {classifier.runtime}: "
            "choose another runtime, or make the bundle anew"
        )


def _batches_pay(
    classifier: TfliteClassifier,
    one: Interpreter,
    largest: TfliteClassifier,
    single_ns: Sequence[int],
    bundle: Bundle,
    clock: Clock,
) -> bool:
    """Try the largest size on the smallest's own interpreter, and bring that back to its size."""
    (small,), (large,) = classifier.batch_sizes, largest.batch_sizes
    crops = large / small
    _resize(one, large, bundle)
    _blank(largest, large)
    batch_ns = trial(lambda: largest.scores(large, large), single_ns, crops=crops, clock=clock)
    _resize(one, small, bundle)
    pays = gains(batch_ns, single_ns, crops=crops)
    # A resize is a known source of faults: what it answers is looked at again in either case.
    again_ns = _proven(classifier, bundle, bundle.golden[:1], AGAIN if pays else 0, clock)
    return pays and gains(batch_ns, again_ns, crops=crops)


def _blank(classifier: TfliteClassifier, size: int) -> None:
    # The runtime's memory holds anything at first, which as float32 may be no number at all.
    classifier.slots(size)[:] = classifier.spec.zero_point


def _timed(
    classifier: TfliteClassifier, size: int, clock: Clock, *, timing: bool
) -> tuple[int, int]:
    """Typical and worst time of one call, nanoseconds: (p50_ns, p99_ns)."""
    _blank(classifier, size)
    call = partial(classifier.scores, size, size)
    return timed(call, clock) if timing else typical_and_worst([time_of(call, clock)])
