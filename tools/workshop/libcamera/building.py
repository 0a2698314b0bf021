"""Build a libcamera whose cameras exist in memory alone, and a picamera2 that uses it.

Debian's own source, of its newest release, for only that has the virtual pipeline and a binding
that today's picamera2 asks for. apt checks its signature; its lists lie in our folder, and the
machine's own are left alone. A step that was done is not done again; one that was broken off
begins anew.
"""

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from tools.workshop.faults import WorkshopFault
from tools.workshop.libcamera.places import Places
from tools.workshop.libcamera.running import run

ROOT: Final = Path(__file__).resolve().parents[3]

PACKAGES: Final = (
    "dpkg-dev",
    "g++",
    "libcap-dev",
    "libevent-dev",
    "libgnutls28-dev",
    "libjpeg-dev",
    "libudev-dev",
    "libyaml-dev",
    "libyuv-dev",
    "pkg-config",
)
BUILDERS: Final = ("meson", "ninja", "pybind11", "jinja2", "ply", "pyyaml")
PICAMERA2: Final = "picamera2==0.3.38"
"""With what sorterd's camera needs; other releases of it have not been tried."""
BESIDE: Final = ("numpy", "opencv-python-headless", "pydantic-settings", "pillow")

SOURCE_LIST: Final = (
    "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
    " http://deb.debian.org/debian sid main\n"
)
OPTIONS: Final = (
    "--buildtype=release",
    "--libdir=lib",
    "-Dwerror=false",
    "-Dpipelines=virtual",
    "-Dipas=",
    "-Dpycamera=enabled",
    "-Dcam=enabled",
    "-Dudev=enabled",
    *(
        f"-D{name}=disabled"
        for name in (
            "gstreamer",
            "qcam",
            "documentation",
            "lc-compliance",
            "v4l2",
            "tracing",
            "libdw",
            "libunwind",
            "softisp-gpu",
            "rpi-awb-nn",
        )
    ),
    "-Dtest=false",
)
"""One pipeline, and nothing that a test does not look at."""

SIZE_PX: Final = (640, 480)
COLOURS_BGR: Final = ((40, 40, 200), (40, 200, 40), (200, 40, 40))
"""What the first camera shows, picture after picture."""
CAMERAS: Final = """\
%YAML 1.1
---
"Virtual0":
  supported_formats:
  - width: 640
    height: 480
    frame_rates: [30, 60]
  frames:
    path: "{pictures}/"
  model: "coloured_paper"
"Virtual1":
  supported_formats:
  - width: 640
    height: 480
    frame_rates: [30, 60]
  test_pattern: "bars"
  model: "bars"
"""

Watch = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the building.

    Attributes:
        name: Of its mark.
        does: What it does, for whoever watches.
        work: Does it; may be repeated.
    """

    name: str
    does: str
    work: Callable[[Watch], None]

    def done(self, places: Places) -> bool:
        """Tell whether it is done."""
        return places.mark(self.name).exists()

    def carry_out(self, places: Places, watch: Watch) -> None:
        """Do it, and mark it as done.

        Raises:
            WorkshopFault: It cannot be done.
        """
        places.mark(self.name).parent.mkdir(parents=True, exist_ok=True)
        self.work(watch)
        places.mark(self.name).touch()


def steps(places: Places) -> Sequence[Step]:
    """Return all steps, in order."""
    return (
        Step("packages", "installs what it is built with", partial(_packages, places)),
        Step("source", "fetches libcamera's source from Debian", partial(_source, places)),
        Step("venv", f"installs {PICAMERA2} and the build's tools", partial(_venv, places)),
        Step("configure", "configures", partial(_configure, places)),
        Step("compile", "compiles: 6 to 8 minutes on two cores", partial(_compile, places)),
        Step("install", "installs", partial(_install, places)),
        Step("cameras", "sets two cameras up", partial(_cameras, places)),
    )


def built(places: Places) -> bool:
    """Tell whether all is done."""
    return all(step.done(places) for step in steps(places))


def _packages(places: Places, watch: Watch) -> None:
    if shutil.which("apt-get") is None:
        raise WorkshopFault("this machine has no apt-get; libcamera is built on Debian's packages")
    missing = [name for name in PACKAGES if not _is_installed(name)]
    if not missing:
        return
    if os.geteuid() != 0:
        raise WorkshopFault(f"packages are missing: sudo apt-get install {' '.join(missing)}")
    run(["apt-get", "update"], places.log, watch)
    run(["apt-get", "install", "-y", "--no-install-recommends", *missing], places.log, watch)


def _is_installed(package: str) -> bool:
    # With its architecture in the name where several can be there at once.
    names = (f"{package}.list", f"{package}:*.list")
    return any(list(Path("/var/lib/dpkg/info").glob(name)) for name in names)


def _source(places: Places, watch: Watch) -> None:
    here = places.downloads
    for place in (places.source, here):
        shutil.rmtree(place, ignore_errors=True)
    for folder in ("lists/partial", "cache/archives/partial"):
        (here / folder).mkdir(parents=True)
    (here / "sources.list").write_text(SOURCE_LIST)
    apt = [
        "apt-get",
        *("-o", f"Dir::Etc::sourcelist={here / 'sources.list'}"),
        *("-o", "Dir::Etc::sourceparts=-"),
        *("-o", f"Dir::State::lists={here / 'lists'}"),
        *("-o", f"Dir::Cache={here / 'cache'}"),
        *("-o", "APT::Sandbox::User="),
    ]
    run([*apt, "update"], places.log, watch)
    run([*apt, "source", "--download-only", "libcamera"], places.log, watch, cwd=here)
    (description,) = here.glob("libcamera_*.dsc")
    run(["dpkg-source", "--no-check", "-x", description, places.source], places.log, watch)


def _venv(places: Places, watch: Watch) -> None:
    run([sys.executable, "-m", "venv", "--clear", places.venv], places.log, watch)
    pip: list[str | Path] = [places.python, "-m", "pip", "install"]
    kept: list[str | Path] = ["-c", ROOT / "constraints.txt"]
    run([*pip, *kept, *BUILDERS, PICAMERA2, *BESIDE], places.log, watch)


def _configure(places: Places, watch: Watch) -> None:
    shutil.rmtree(places.objects, ignore_errors=True)
    _in_venv(
        places,
        watch,
        "meson",
        "setup",
        places.objects,
        places.source,
        f"--prefix={places.prefix}",
        *OPTIONS,
    )


def _compile(places: Places, watch: Watch) -> None:
    _in_venv(places, watch, "ninja", "-C", places.objects)


def _install(places: Places, watch: Watch) -> None:
    shutil.rmtree(places.prefix, ignore_errors=True)
    _in_venv(places, watch, "ninja", "-C", places.objects, "install")
    if not places.binding.is_dir():
        raise WorkshopFault(
            f"{places.binding}: libcamera's Python binding is not there; see {places.log}"
        )


def _cameras(places: Places, watch: Watch) -> None:
    watch("pictures")
    places.pictures.mkdir(exist_ok=True)
    width_px, height_px = SIZE_PX
    for number, colour in enumerate(COLOURS_BGR):
        pixels = np.full((height_px, width_px, 3), colour, np.uint8)
        # libyuv reads JPEGs whose colours are halved both ways, as NV12 has them.
        halved = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420)
        _, encoded = cv2.imencode(".jpg", pixels, halved)
        (places.pictures / f"{number}.jpg").write_bytes(encoded.tobytes())
    places.cameras.parent.mkdir(parents=True, exist_ok=True)
    places.cameras.write_text(CAMERAS.format(pictures=places.pictures))


def _in_venv(places: Places, watch: Watch, program: str, *words: str | Path) -> None:
    """Run one of the build's tools; it finds the others beside itself."""
    path = f"{places.python.parent}{os.pathsep}{os.environ['PATH']}"
    run([places.python.parent / program, *words], places.log, watch, env={"PATH": path})
