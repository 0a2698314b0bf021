"""Runs a bundle's second model, which says of each place of a picture whether a piece covers it.

One interpreter for one picture, checked against the manifest, warmed and timed at opening. What
the numbers mean for regions is `sorterd.vision.segments`; what a picture must look like
is the `spec` here, and `sorterd.vision.crops` writes it. Nothing here reads a clock of its own.
"""

import threading
from pathlib import Path
from typing import cast, get_args

import numpy as np
import numpy.typing as npt

from sorterd.classifiers.bundle import BundleFault, Segments
from sorterd.classifiers.runtimes import (
    Interpreter,
    Runtime,
    one_line,
    usable_runtime,
    without_chatter,
)
from sorterd.classifiers.tensors import Dtype, Output, output_of, quantisation, timed
from sorterd.ports import Clock, DeviceFault, InputSpec


class TfliteSegmenter:
    """A bundle's segments model, ready to answer. Made by `open_segmenter`.

    Meets `sorterd.vision.segments.Segmenter`. Belongs to the thread that first asks it for
    anything after opening; another one is an error.

    Attributes:
        spec: What a picture must look like.
        runtime: Which runtime answers.
        cost: (p50_ns, p99_ns) of one call, measured at opening.
    """

    def __init__(
        self, interpreter: Interpreter, spec: InputSpec, output: Output, *, runtime: str
    ) -> None:
        self.spec = spec
        self.runtime = runtime
        self.cost = (0, 0)
        self._interpreter: Interpreter | None = interpreter
        self._output = output
        self._input = interpreter.tensor(interpreter.get_input_details()[0]["index"])
        self._answer = interpreter.tensor(output.index)
        self._owner: int | None = None

    def slot(self) -> npt.NDArray[np.generic]:
        """Return the interpreter's own input, `spec.dtype`[H, W, 3], to be written into.

        The array must not be kept: `numbers` fails while it is referenced.
        """
        self._check()
        return np.asarray(self._input()[0])

    def numbers(self) -> npt.NDArray[np.float32]:
        """Ask the model about what was written into the slot.

        Returns:
            float32[rows, columns], the caller's own: higher where a piece is.

        Raises:
            DeviceFault: The runtime failed, or answered with no numbers.
        """
        interpreter = self._check()
        try:
            interpreter.invoke()
        except (RuntimeError, ValueError) as fault:
            if "reference" in str(fault):  # a slot was kept: the caller's bug, not the device's
                raise
            raise DeviceFault(
                f"{self.runtime} failed on the segments model ({one_line(fault)}): "
                "restart, or choose another runtime"
            ) from fault
        numbers = self._output.numbers(self._answer()[0, :, :, 0])
        # 8 bits always are a number.
        if self._output.dtype == "float32" and not np.isfinite(numbers).all():
            raise DeviceFault(
                f"{self.runtime} answered with no numbers to the segments model: check the model"
            )
        return numbers

    def hand_over(self) -> None:
        """Let the next thread that asks own it."""
        self._owner = None

    def close(self) -> None:
        """Let go of the interpreter. Harmless when repeated."""
        self._interpreter = None
        del self._input, self._answer
        self._input = self._answer = _closed

    def _check(self) -> Interpreter:
        if self._interpreter is None:
            raise RuntimeError("the segmenter is closed")
        here = threading.get_ident()
        if self._owner is None:
            self._owner = here
        elif self._owner != here:
            raise RuntimeError("a second thread asked the segmenter: it belongs to the first")
        return self._interpreter


def open_segmenter(
    path: Path,
    wanted: Segments,
    *,
    runtime: Runtime,
    threads: int,
    clock: Clock,
    delegate: str | None = None,
) -> TfliteSegmenter:
    """Build, check, warm and time a segments model.

    Args:
        path: The .tflite file.
        wanted: What its bundle's manifest says of it.
        runtime: By name, or "auto" for the first that works.
        threads: Of the interpreter; leave one core to the gates.
        clock: For the timing.
        delegate: An accelerator's library; None for the processor.

    Raises:
        DeviceUnavailable: No runtime works here, or the delegate does not.
        BundleFault: The model does not fit its manifest.
    """
    with without_chatter():
        found = usable_runtime(runtime, path, threads, delegate)
        interpreter = found.build()
        spec, output = _fitted(interpreter, wanted, where=str(path))
        try:
            interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as fault:
            raise BundleFault(
                f"{path} cannot be run by {found.name} ({one_line(fault)}): export it anew"
            ) from fault
        segmenter = TfliteSegmenter(interpreter, spec, output, runtime=found.name)
        segmenter.cost = _timed(segmenter, clock)
    segmenter.hand_over()
    return segmenter


def _fitted(one: Interpreter, wanted: Segments, *, where: str) -> tuple[InputSpec, Output]:
    """Compare the model's input and output with the manifest, and read their numbers."""
    inputs, outputs = one.get_input_details(), one.get_output_details()
    if len(inputs) != 1 or len(outputs) != 1:
        raise BundleFault(
            f"{where} has {len(inputs)} inputs and {len(outputs)} outputs, not one of each: "
            "export it with one answer a place"
        )
    shape = [int(edge) for edge in inputs[0]["shape"]]
    if shape != [1, wanted.height_px, wanted.width_px, 3]:
        raise BundleFault(
            f"{where} takes {shape}, the manifest says "
            f"[1, {wanted.height_px}, {wanted.width_px}, 3]: correct one of them"
        )
    given = [int(edge) for edge in outputs[0]["shape"]]
    if len(given) != 4 or given[0] != 1 or given[3] != 1 or min(given) < 1:
        raise BundleFault(
            f"{where} gives {given}, not [1, rows, columns, 1]: export it with one answer a place"
        )
    dtypes = [np.dtype(each[0]["dtype"]).name for each in (inputs, outputs)]
    for dtype in dtypes:
        if dtype not in get_args(Dtype):
            raise BundleFault(f"{where} works with {dtype}: export it as int8, uint8 or float32")
    scale, zero_point = quantisation(inputs[0])
    spec = InputSpec(
        wanted.width_px,
        wanted.height_px,
        cast("Dtype", dtypes[0]),
        gain=wanted.gain,
        offset=wanted.offset,
        scale=scale,
        zero_point=zero_point,
    )
    return spec, output_of(outputs[0])


def _timed(segmenter: TfliteSegmenter, clock: Clock) -> tuple[int, int]:
    """Typical and worst time of one call, nanoseconds: (p50_ns, p99_ns)."""
    # The runtime's memory holds anything at first, which as float32 may be no number at all.
    segmenter.slot()[:] = segmenter.spec.zero_point
    return timed(segmenter.numbers, clock)


def _closed() -> npt.NDArray[np.generic]:
    raise RuntimeError("the segmenter is closed")
