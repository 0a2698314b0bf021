"""The classifier that runs a bundle's model on tflite-runtime or its successor ai-edge-litert.

One interpreter for each batch size, made, resized, warmed and timed at opening: a resize in the
loop costs up to 1.3 ms and is a known source of faults. The golden answers are compared at
opening, before the model is trusted with a piece.

Nothing here crops, decides or reads a clock of its own.
"""

import threading
from collections.abc import Mapping
from typing import cast, get_args

import numpy as np
import numpy.typing as npt

from sorterd.classifiers.bundle import STAGES, Bundle, BundleFault
from sorterd.classifiers.heads import Heads
from sorterd.classifiers.runtimes import (
    Interpreter,
    Runtime,
    one_line,
    usable_runtime,
    without_chatter,
)
from sorterd.classifiers.tensors import Dtype, Output, output_of, quantisation, timed
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
        given: dict[str, npt.NDArray[np.float32]] = {
            name: self._heads[name].numbers(self._outputs[size][name]()[:used])
            for name in self._joint.reads
        }
        scores = self._joint.scores(given)
        if not np.isfinite(scores).all():
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
) -> TfliteClassifier:
    """Build, check, warm and time a bundle's model.

    Args:
        bundle: Loaded.
        runtime: By name, or "auto" for the first that works.
        threads: Of each interpreter; leave one core to the gates.
        batch_sizes: Rising, each 1 or more; one interpreter each.
        clock: For the timing.

    Raises:
        DeviceUnavailable: No runtime works here.
        BundleFault: The model does not fit its manifest, or gives other than the golden answers.
        ValueError: The batch sizes do not rise.
    """
    if not batch_sizes or batch_sizes[0] < 1 or tuple(sorted(set(batch_sizes))) != batch_sizes:
        raise ValueError(f"batch sizes {batch_sizes} must be 1 or more and rise")
    with without_chatter():
        found = usable_runtime(runtime, bundle.model_path, threads)
        interpreters = {size: found.build() for size in batch_sizes}
        spec, heads = _fitted(interpreters[batch_sizes[0]], bundle)
        for size, one in interpreters.items():
            _resize(one, size, spec, bundle)
        classifier = TfliteClassifier(interpreters, spec, heads, bundle=bundle, runtime=found.name)
        _compare_golden(classifier, bundle)
        classifier.costs = {size: _timed(classifier, size, clock) for size in batch_sizes}
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


def _resize(one: Interpreter, size: int, spec: InputSpec, bundle: Bundle) -> None:
    try:
        index = one.get_input_details()[0]["index"]
        one.resize_tensor_input(index, [size, spec.height_px, spec.width_px, 3])
        one.allocate_tensors()
        given = [int(output["shape"][0]) for output in one.get_output_details()]
    except (RuntimeError, ValueError) as fault:
        raise BundleFault(
            f"{bundle.model_path} cannot take a batch of {size} ({one_line(fault)}): "
            "export it with a free batch size"
        ) from fault
    if given != [size] * len(given):
        raise BundleFault(
            f"{bundle.model_path} gives {given} answers for a batch of {size}: "
            "export it with a free batch size"
        )


def _compare_golden(classifier: TfliteClassifier, bundle: Bundle) -> None:
    size = classifier.batch_sizes[0]
    tolerance = bundle.manifest.golden_tolerance
    for golden in bundle.golden:
        classifier.slots(size)[0] = _encoded(golden.pixels, classifier.spec)
        scores = classifier.scores(size, 1)[0]
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


def _encoded(pixels: npt.NDArray[np.uint8], spec: InputSpec) -> npt.NDArray[np.generic]:
    numbers = pixels * np.float64(spec.gain) + spec.offset
    if spec.dtype == "float32":
        return numbers.astype(np.float32)
    limits = np.iinfo(spec.dtype)
    levels = np.round(numbers / spec.scale) + spec.zero_point
    return np.asarray(np.clip(levels, limits.min, limits.max).astype(spec.dtype))


def _timed(classifier: TfliteClassifier, size: int, clock: Clock) -> tuple[int, int]:
    """Typical and worst time of one call, nanoseconds: (p50_ns, p99_ns)."""
    # The runtime's memory holds anything at first, which as float32 may be no number at all.
    classifier.slots(size)[:] = classifier.spec.zero_point
    return timed(lambda: classifier.scores(size, size), clock)
