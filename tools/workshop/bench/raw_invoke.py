"""The floor: one bare invoke of an interpreter of the same model, runtime and threads.

Nothing is cropped and no answer is read. The input holds a picture, for a runtime may be quicker
with nothing but zeros. It runs on a thread of its own with the same place in line as a station's
infer thread, or the floor would lie lower for the station: by 3% on a quiet machine, by far more on
a busy one.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from sorterd.classifiers.bundle import Bundle
from sorterd.classifiers.runtimes import Runtime, usable_runtime, without_chatter
from sorterd.clock import thread_cpu_ns
from sorterd.ports import Clock
from sorterd.realtime import go_first, priorities_here

_WARM_UPS = 5


class RawInvoke:
    """An interpreter for one crop, warm.

    Args:
        bundle: Whose model is run.
        runtime: "auto", or one by name.
        threads: Of the interpreter.
        clock: Of the bench.

    Raises:
        DeviceUnavailable: The runtime does not work here.
        BundleFault: It cannot read the model.

    Attributes:
        runtime: Which one it is.
        dtype: Of the model's input.
    """

    def __init__(self, bundle: Bundle, *, runtime: Runtime, threads: int, clock: Clock) -> None:
        with without_chatter():
            found = usable_runtime(runtime, bundle.model_path, threads)
            self._one = found.build()
            given = self._one.get_input_details()[0]
            shape = (1, *(int(edge) for edge in given["shape"][1:]))
            self._one.resize_tensor_input(given["index"], list(shape))
            self._one.allocate_tensors()
        self.runtime = found.name
        self._now_ns = clock.now_ns
        noise = np.random.default_rng(1).integers(-100, 100, shape)
        dtype = np.dtype(given["dtype"])
        self.dtype = dtype.name
        levels = noise % 128 if dtype == np.uint8 else noise / (1 if dtype == np.int8 else 128)
        self._one.tensor(given["index"])()[:] = levels.astype(dtype)
        self._thread = ThreadPoolExecutor(1, "raw", _take_place)
        for _ in range(_WARM_UPS):
            self.once()

    def here(self) -> None:
        """Invoke on the calling thread, in the place that it has."""
        self._one.invoke()

    def once(self) -> tuple[int, int]:
        """Invoke; return how long it took and the processor time that took, nanoseconds."""
        return self._thread.submit(self._invoked).result()

    def typical_ns(self, times: int) -> float:
        """Return the median of so many invokes."""
        return float(np.median([self.once()[0] for _ in range(times)]))

    def _invoked(self) -> tuple[int, int]:
        cpu_ns, began_ns = thread_cpu_ns(), self._now_ns()
        self._one.invoke()
        return self._now_ns() - began_ns, thread_cpu_ns() - cpu_ns


def _take_place() -> None:
    if (priority := priorities_here().get("infer")) is not None:
        go_first(priority)
