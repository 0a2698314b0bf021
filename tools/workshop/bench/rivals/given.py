"""What every peer is given: one network, one servo, one way to be asked.

A peer is a loop as its own documentation writes it. The rule: nothing here imports sorterd, for a
peer is also started as a program of its own, and must not pay for what it does not use.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Network:
    """A model and how it is asked.

    Attributes:
        model: A .tflite file.
        module: The runtime's module that holds `Interpreter`.
        output: Which of its outputs scores the labels, counted from 0.
        gain: A pixel value x (0 to 255, RGB) enters the model as `x * gain + offset`.
        offset: See `gain`.
    """

    model: Path
    module: str
    output: int
    gain: float
    offset: float

    @property
    def mean(self) -> float:
        """The same as `gain` and `offset`, as others write it: (x - mean) / std."""
        return -self.offset / self.gain

    @property
    def std(self) -> float:
        """See `mean`."""
        return 1 / self.gain

    def interpreter(self) -> Any:  # noqa: ANN401  # neither runtime has types
        """Open it: one thread, tensors allocated."""
        make = import_module(self.module).Interpreter
        opened = make(model_path=str(self.model), num_threads=1)
        opened.allocate_tensors()
        return opened

    def as_arguments(self) -> list[str]:
        """Write it for a command line."""
        return [str(getattr(self, each.name)) for each in fields(self)]

    @classmethod
    def of(cls, arguments: Sequence[str]) -> Self:
        """Read what `as_arguments` wrote."""
        model, module, output, gain, offset = arguments
        return cls(Path(model), module, int(output), float(gain), float(offset))


class Servo:
    """A servo that only remembers where it was told to go.

    Attributes:
        angle_deg: The last word; 0 at first.
    """

    def __init__(self) -> None:
        self.angle_deg = 0.0

    def point_to(self, label: int) -> None:
        """Turn to a label's bin, one for each 15 degrees."""
        self.angle_deg = 15.0 * label


class Loop(Protocol):
    """One peer, ready to be shown frames. Opening it may take long; it belongs to one thread."""

    servo: Servo

    def handle(self, pixels: Pixels, /) -> int | None:
        """Look at one frame and command the servo.

        Args:
            pixels: uint8[H, W, 3], BGR, as cameras give it. Not written to.

        Returns:
            The likeliest label's number; None where the peer saw nothing to ask about.
        """
        ...

    def close(self) -> None:
        """Let go of what outlives a loop. Harmless when repeated."""
        ...
