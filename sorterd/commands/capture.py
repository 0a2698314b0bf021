"""`sorterd capture FILE`: a picture or a short film of what the station's camera sees.

It is what the road would be given: the same camera, opened by the same settings, in the same size.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import cv2

from sorterd import exit_codes
from sorterd.clock import RealClock
from sorterd.commands.arguments import add_settings, number, settings_of, whole_number
from sorterd.commands.signals import STOPS, own_signals
from sorterd.holding import hold
from sorterd.ports import Camera, Clock, DeviceFault, Frame, PartSettings
from sorterd.settings import Settings, ask_for_a_camera
from sorterd.sinks.film import open_film
from sorterd.wiring.devices import open_camera

PICTURES: Final = (".png", ".jpg", ".jpeg")
FILMS: Final = (".mp4", ".avi", ".gif")
S_NS: Final = 1_000_000_000
WARM_S: Final = 1.0
"""A picture is the last frame of so long: a USB camera's exposure is on its way before."""
FILM_S: Final = 10.0
USUAL_HZ: Final = 30.0

_EXAMPLES: Final = f"""\
examples:
  sorterd capture belt.png                 one picture
  sorterd capture belt.mp4                 a film of {FILM_S:g} s; Ctrl-C ends it sooner
  sorterd capture belt.avi --seconds 60    a longer one
  sorterd capture belt.png --set camera.exposure_us=4000

The station must not be running: sudo systemctl stop sorterd

{exit_codes.TOLD}
"""


def describe(parser: argparse.ArgumentParser) -> None:
    """Say what the command does and takes."""
    parser.description = (
        "Write a picture, or a short film, of what the station's camera sees: the same camera, "
        "settings and size that the road gets."
    )
    parser.epilog = _EXAMPLES
    parser.add_argument(
        "file", type=_file, metavar="FILE", help=f"ends in {' '.join((*PICTURES, *FILMS))}"
    )
    parser.add_argument(
        "--seconds",
        type=partial(number, least=0.1, most=3600),
        metavar="S",
        help=f"length of a film ({FILM_S:g})",
    )
    parser.add_argument(
        "--frames",
        type=partial(whole_number, least=1, most=100_000),
        metavar="N",
        help="end a film after so many frames",
    )
    add_settings(parser)


def _file(text: str) -> Path:
    """Read where to write, and try it: a camera takes seconds to open.

    Raises:
        argparse.ArgumentTypeError: It has another ending, or nothing can be written there.
    """
    path = Path(text)
    endings = (*PICTURES, *FILMS)
    if path.suffix.lower() not in endings:
        raise argparse.ArgumentTypeError(f"{text}: must end in one of {' '.join(endings)}")
    beside = _beside(path)
    try:
        if path.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        beside.open("wb").close()
        beside.unlink()
    except OSError as error:
        raise argparse.ArgumentTypeError(
            f"{text}: nothing can be written there ({error.strerror}); name a file in a folder "
            "that exists and that you may write to"
        ) from error
    return path


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.stem}.part{path.suffix}")


def run(arguments: argparse.Namespace) -> int:
    """Open the camera and write what it shows.

    Raises:
        SettingsFault: The settings cannot work, or name no camera that exists.
        DeviceUnavailable: Another program holds the devices, or the camera cannot be opened.
        DeviceFault: The camera failed, or the file could not be written.
    """
    path: Path = arguments.file
    one = path.suffix.lower() in PICTURES
    if one and (arguments.seconds or arguments.frames):
        print(
            f"sorterd: {path}: a picture has no --seconds or --frames; name a film, {FILMS[0]}",
            file=sys.stderr,
        )
        return exit_codes.SETTINGS
    settings = settings_of(arguments)
    _check_camera(settings)
    clock = RealClock()
    with hold("sorterd capture"):
        camera = open_camera(settings.camera, settings.view, clock)
        try:
            if one:
                told = picture(camera, path, clock, 0 if _recorded(settings.camera) else WARM_S)
            else:
                told = film(
                    camera,
                    path,
                    clock,
                    seconds=arguments.seconds or FILM_S,
                    frames=arguments.frames,
                    rate_hz=getattr(settings.camera, "rate_hz", None) or USUAL_HZ,
                )
        finally:
            camera.close()
    print(f"{path}: {camera.width_px}x{camera.height_px} from {named(settings.camera)}, {told}")
    return exit_codes.DONE


def _check_camera(settings: Settings) -> None:
    ask_for_a_camera(settings, "set kind to pi or v4l2, or see `sorterd --dry-run --film FILE`")


def _recorded(part: PartSettings) -> bool:
    return part.kind == "replay"


def named(part: PartSettings) -> str:
    """Return what a person calls a camera: its kind, and whichever name its settings give it."""
    names = [getattr(part, key, None) for key in ("device", "path", "sensor", "camera_id")]
    return " ".join([part.kind, *(str(name) for name in names if name is not None)])


def picture(camera: Camera, path: Path, clock: Clock, warm_s: float) -> str:
    """Write one picture.

    Args:
        camera: Open.
        path: Where; what is there is replaced.
        clock: Says how old a frame is.
        warm_s: How long to look before; the last frame is taken.

    Returns:
        What to tell of it.

    Raises:
        DeviceFault: The camera failed, or the picture could not be written.
    """
    until_ns = clock.now_ns() + round(warm_s * S_NS)
    frame = _next(camera, path)
    while clock.now_ns() < until_ns:
        frame = _next(camera, path)
    age_ms = (clock.now_ns() - frame.exposed_ns) / 1e6
    _, encoded = cv2.imencode(path.suffix.lower(), frame.pixels)
    beside = _beside(path)
    try:
        beside.write_bytes(encoded.tobytes())
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise DeviceFault(f"{path}: could not be written ({error.strerror}); make room") from error
    return f"exposed {age_ms:.1f} ms before it was there"


def _next(camera: Camera, path: Path) -> Frame:
    frame = camera.read()
    if frame is None:
        raise DeviceFault(f"{path}: not written, for the recording has no more frames")
    return frame


def film(
    camera: Camera, path: Path, clock: Clock, *, seconds: float, frames: int | None, rate_hz: float
) -> str:
    """Write a film that runs as time did: where the camera left a frame out, one stands longer.

    Ctrl-C or SIGTERM ends it; a camera that fails, too. What was filmed until then is there.

    Args:
        camera: Open.
        path: Where; what is there is replaced at the end.
        clock: Says how old a frame is.
        seconds: How long.
        frames: How many frames of the camera at most; None for any number.
        rate_hz: Of the film.

    Returns:
        What to tell of it.

    Raises:
        DeviceUnavailable: No such film can be written here.
        DeviceFault: The camera failed, or the film could not be written.
    """
    shown = open_film(path, width_px=camera.width_px, height_px=camera.height_px, rate_hz=rate_hz)
    begin_ns: int | None = None
    written = read = 0
    oldest_ns = 0
    asked_to_stop: list[bool] = []
    try:
        with own_signals() as on, _progress(seconds) as tell:
            on(STOPS, lambda: asked_to_stop.append(True))
            while not asked_to_stop and read != frames and (frame := camera.read()) is not None:
                begin_ns = frame.exposed_ns if begin_ns is None else begin_ns
                since_s = (frame.exposed_ns - begin_ns) / S_NS
                if since_s >= seconds:
                    break
                oldest_ns = max(oldest_ns, clock.now_ns() - frame.exposed_ns)
                read += 1
                tell(since_s)
                while written <= since_s * rate_hz:
                    shown.write(frame.pixels)
                    written += 1
    finally:
        shown.close()
    if not written:
        raise DeviceFault(f"{path}: not written, for no frame came")
    return (
        f"{written / rate_hz:.1f} s of {read} frames, each there within {oldest_ns / 1e6:.1f} ms"
        " of its exposure"
    )


class _Progress:
    """One line of a terminal, now and then."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._told_s = -1.0
        self._live = sys.stderr.isatty() and seconds > 1

    def __call__(self, since_s: float) -> None:
        """Tell how far it is."""
        if self._live and since_s >= self._told_s + 0.2:
            self._told_s = since_s
            sys.stderr.write(f"\r{since_s:5.1f} of {self._seconds:g} s")
            sys.stderr.flush()

    def wipe(self) -> None:
        """Leave an empty line."""
        if self._told_s >= 0:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


@contextmanager
def _progress(seconds: float) -> Iterator[_Progress]:
    progress = _Progress(seconds)
    try:
        yield progress
    finally:
        progress.wipe()
