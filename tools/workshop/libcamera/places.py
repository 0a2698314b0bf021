"""Where a libcamera that was built for tests has its things: all of it in one folder."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

USUAL: Final = Path.home() / ".cache" / "sorterd" / "libcamera"


@dataclass(frozen=True, slots=True)
class Places:
    """The folder's parts. It must stay where it is: what was built knows its own path.

    Attributes:
        folder: All of it.
    """

    folder: Path

    @property
    def log(self) -> Path:
        """What the steps said."""
        return self.folder / "build.log"

    @property
    def downloads(self) -> Path:
        """What came from Debian, with apt's own lists."""
        return self.folder / "downloads"

    @property
    def source(self) -> Path:
        """What libcamera is built from."""
        return self.folder / "source"

    @property
    def objects(self) -> Path:
        """Where it is compiled."""
        return self.folder / "objects"

    @property
    def prefix(self) -> Path:
        """Where it is installed."""
        return self.folder / "prefix"

    @property
    def libraries(self) -> Path:
        """What the binding is linked with; LD_LIBRARY_PATH must name it."""
        return self.prefix / "lib"

    @property
    def binding(self) -> Path:
        """The folder that holds libcamera's Python binding."""
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return self.libraries / version / "site-packages"

    @property
    def cameras(self) -> Path:
        """The virtual pipeline's own list of cameras."""
        return self.prefix / "share" / "libcamera" / "pipeline" / "virtual" / "virtual.yaml"

    @property
    def pictures(self) -> Path:
        """What the first of them shows."""
        return self.folder / "pictures"

    @property
    def venv(self) -> Path:
        """Python with picamera2."""
        return self.folder / "venv"

    @property
    def python(self) -> Path:
        """That Python."""
        return self.venv / "bin" / "python"

    def mark(self, step: str) -> Path:
        """Return the file that says that a step is done."""
        return self.folder / "done" / step
