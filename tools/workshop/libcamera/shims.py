"""What picamera2 wants of a machine and virtual cameras do not have.

Raw pictures, memory that hardware could fill, a screen. It is put into picamera2's own modules,
and nothing of it into sorterd. Only the Python that has picamera2 can import it.
"""

import mmap
import os
import sys
from importlib import import_module
from typing import Any, Final
from unittest.mock import MagicMock

RAW_MODE: Final = {"format": "SRGGB10", "size": (640, 480)}
"""picamera2 asks each camera for its largest raw picture, and virtual ones have none."""


def import_picamera2(binding: str) -> None:
    """Make `import picamera2` work, and its cameras take virtual ones.

    Args:
        binding: The folder of libcamera's own Python module.
    """
    sys.path.insert(0, binding)
    sys.modules["pykms"] = MagicMock()  # drives a screen, and is asked for its formats
    part: Any = import_module("picamera2.picamera2")
    part.DmaAllocator = OrdinaryMemory
    part.Picamera2._get_raw_modes = lambda _: [RAW_MODE]  # noqa: SLF001 - there is no other way


class Mapped:
    """A frame's memory, mapped while somebody looks at it."""

    def __init__(self, allocator: object, buffer: object, write: object) -> None:
        del allocator, write
        self._buffer: Any = buffer
        self._map: mmap.mmap | None = None

    def __enter__(self) -> mmap.mmap:
        planes = self._buffer.planes
        self._map = mmap.mmap(planes[0].fd, sum(plane.length for plane in planes))
        return self._map

    def __exit__(self, *_: object) -> None:
        # Not closed: picamera2 may still have an array of it, and it goes with the last.
        self._map = None


class OrdinaryMemory:
    """A picamera2 allocator: each buffer a nameless file, with both planes of NV12."""

    needs_sync = False

    def __init__(self) -> None:
        self.sync = Mapped
        self._files: list[int] = []
        self._buffers: dict[object, list[object]] = {}

    def allocate(self, libcamera_config: Any, use_case: object) -> None:  # noqa: ANN401 - it has no types
        """Make the buffers of each stream."""
        del use_case
        self.close()
        for each in libcamera_config:
            size = each.stride * each.size.height
            self._buffers[each.stream] = [self._buffer(size) for _ in range(each.buffer_count)]

    def buffers(self, stream: object) -> list[object]:
        """Return a stream's buffers."""
        return self._buffers[stream]

    def acquire(self, buffers: object) -> None:
        """Nothing is counted."""

    def release(self, buffers: object) -> None:
        """Nothing is counted."""

    def close(self) -> None:
        """Let go of the memory."""
        for file in self._files:
            os.close(file)
        self._files = []
        self._buffers = {}

    def _buffer(self, size: int) -> object:
        file = os.memfd_create("frame")
        self._files.append(file)
        os.ftruncate(file, size * 3 // 2)
        buffers: Any = import_module("libcamera").FrameBuffer
        planes = []
        for offset, length in ((0, size), (size, size // 2)):
            plane = buffers.Plane()
            plane.fd, plane.offset, plane.length = file, offset, length
            planes.append(plane)
        made: object = buffers(planes)
        return made
