"""What the road asks of clock, camera, classifier, gate, trigger and sink; the device errors.

A new part is one new file in its room that meets one of these protocols. Every
part is opened by its constructor or its module's `open_part`, belongs to one
thread afterwards, and is let go of by `close`.

numpy is named here and not imported: what makes the gates safe after a station was killed does
without, and starts in two thirds of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict

from sorterd.core.records import Outcome

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class PartSettings(BaseModel):
    """The settings of one part, declared in the part's own file as `class Settings(PartSettings)`.

    `kind` is the name of that file; every other key is the part's own. Unknown keys are errors.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    kind: str
    """Which part this is: the name of its file."""

    def takes(self) -> Mapping[str, str]:
        """Return what no two parts may share, beside pins: in words, by the key that names it."""
        return {}


class DeviceUnavailable(OSError):
    """A device could not be opened. The message says what, where and what to do, in one line."""


class DeviceFault(OSError):
    """A device that was open stopped working. Gates go safe; reopening may help."""


class Clock(Protocol):
    """The one source of time. Any thread may use it."""

    def now_ns(self) -> int:
        """Return the present on the host's monotonic clock, nanoseconds."""
        ...

    def sleep_until(self, due_ns: int) -> None:
        """Return at `due_ns` or later; at once if it has passed."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture. The pixels belong to whoever holds the frame and are never written to.

    Attributes:
        sequence: Rising by one for each frame the camera made, also for those nobody read.
        exposed_ns: The instant of exposure on the host's monotonic clock.
        pixels: uint8[H, W, 3], BGR.
    """

    sequence: int
    exposed_ns: int
    pixels: npt.NDArray[np.uint8]


class Camera(Protocol):
    """Makes frames of one size. Read by one thread; `close` may come from another."""

    width_px: int
    height_px: int

    @property
    def due_ns(self) -> int:
        """The earliest instant at which `read` can have its next frame; the past if unknown."""
        ...

    def read(self) -> Frame | None:
        """Wait for the next frame, and return it; None when a recording is over.

        Raises:
            DeviceFault: No frame came within the camera's own time limit, or what came is broken.
        """
        ...

    def close(self) -> None:
        """Let go of the device. Harmless when repeated."""
        ...


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What one crop must look like in a model's input.

    A pixel value x (0 to 255, RGB) stands for the number `x * gain + offset`; a quantised input
    holds `round(number / scale) + zero_point`, clipped to its dtype.

    Attributes:
        width_px: Columns.
        height_px: Rows.
        dtype: Of the model's input tensor.
        gain: Multiplies the pixel value (MobileNet: 1 / 127.5).
        offset: Added afterwards (MobileNet: -1).
        scale: Quantisation step; 1.0 for float32.
        zero_point: Quantised zero; 0 for float32.
    """

    width_px: int
    height_px: int
    dtype: Literal["int8", "uint8", "float32"]
    gain: float
    offset: float
    scale: float = 1.0
    zero_point: int = 0

    def levels(self) -> npt.NDArray[np.generic]:
        """What each of the 256 pixel values becomes in the model's input.

        Returns:
            `dtype`[256]: `round((x * gain + offset) / scale) + zero_point`, clipped to the dtype;
            for float32 the number itself.
        """
        numpy: Any = import_module("numpy")
        numbers = numpy.arange(256, dtype=numpy.float64) * self.gain + self.offset
        levels: npt.NDArray[np.generic] = numbers
        if self.dtype != "float32":
            limits = numpy.iinfo(self.dtype)
            levels = numpy.round(numbers / self.scale) + self.zero_point
            levels = numpy.clip(levels, limits.min, limits.max)
        return levels.astype(self.dtype)


class Classifier(Protocol):
    """A model that scores a batch of crops. Belongs to one thread; warm when constructed.

    Use: write crops into `slots(size)`, drop that array, call `scores(size, used)`.
    """

    labels: tuple[str, ...]
    spec: InputSpec
    batch_sizes: tuple[int, ...]
    """Rising; one interpreter each, made at construction."""

    def slots(self, size: int) -> npt.NDArray[np.generic]:
        """Return the interpreter's own input, `spec.dtype`[size, H, W, 3], to be written into.

        The array must not be kept: `scores` fails while it is referenced.
        """
        ...

    def scores(self, size: int, used: int) -> npt.NDArray[np.float32]:
        """Score the first `used` slots.

        Returns:
            float32[used, len(labels)]; each row is non-negative and sums to 1 within 1e-3.

        Raises:
            DeviceFault: The runtime or accelerator failed.
            ValueError: `size` is not a batch size, or `used` is not in 1..size: a caller's bug.
        """
        ...

    def close(self) -> None:
        """Let go of the interpreters. Harmless when repeated."""
        ...


class Gate(Protocol):
    """A diverter or a lid. Belongs to one thread. Does not move when constructed."""

    name: str

    def open(self) -> None:
        """Begin to move into the open position; returns at once.

        Raises:
            DeviceFault: The device did not take the command.
        """
        ...

    def shut(self) -> None:
        """Begin to move into the safe position; returns at once.

        Raises:
            DeviceFault: The device did not take the command.
        """
        ...

    def close(self) -> None:
        """Let go of the device. Never raises; harmless when repeated."""
        ...


Tell = Callable[[int], None]
"""Takes the instant of an edge, nanoseconds on the station's clock; never waits."""


class Trigger(Protocol):
    """Tells the instants at which something passes a place. Opened without telling anything."""

    @property
    def mock(self) -> bool:
        """Whether its device is a mock one, so that nothing is ever told."""
        ...

    def listen(self, tell: Tell) -> None:
        """Tell of every edge from now on; on which thread is the part's own matter. Called once."""
        ...

    def close(self) -> None:
        """Tell no more, and let go of the device. Never raises; harmless when repeated."""
        ...


class Sink(Protocol):
    """Takes outcomes off the road. Belongs to one thread; never makes the road wait."""

    def write(self, outcome: Outcome) -> None:
        """Take one outcome; may be held back until `flush`."""
        ...

    def flush(self) -> None:
        """Bring what was taken to where it lasts.

        Raises:
            DeviceFault: It could not be written. What was taken is kept for another try.
        """
        ...

    def close(self) -> None:
        """Flush and let go. Harmless when repeated."""
        ...
