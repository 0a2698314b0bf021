"""The settings of the bench's station as a file, for programs that read them as a station does."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from sorterd.settings import explain
from tools.workshop.bench.opening import bench_settings
from tools.workshop.bench.rows import Bench

_NOTHING: Mapping[str, object] = MappingProxyType({})


def write_settings(path: Path, bench: Bench, given: Mapping[str, object] = _NOTHING) -> Path:
    """Write the usual settings with the bench's bundle, a USB camera and simulated gates.

    Args:
        path: The file.
        bench: Says which bundle and runtime.
        given: Other settings than the usual ones, dotted keys.

    Returns:
        `path`.
    """
    # No device is ever opened: the programs give the station a camera in its place.
    camera = {"camera": {"kind": "v4l2", "device": "/dev/video0"}}
    folder = str(bench.bundle.folder.resolve())
    settings = bench_settings(bench, {**camera, "model.bundle": folder, **given})
    path.write_text(explain(settings), encoding="utf-8")
    return path
