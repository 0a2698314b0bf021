#!/usr/bin/env python3
"""Build libcamera with cameras that exist in memory alone, and try sorterd's Pi camera on them.

The real picamera2 on the real libcamera, without a Pi: what a stand-in cannot show. Needs Debian
or what is made of it, some 10 minutes the first time, and 500 MB.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sorterd.clock import RealClock
from tools.workshop.faults import EXIT_DONE, EXIT_MISSED, WorkshopFault, ended
from tools.workshop.libcamera.building import ROOT, Step, built, steps
from tools.workshop.libcamera.places import USUAL, Places

TEST = "tests/cameras/test_pi_real.py"
NAMED_BY = "LIBCAMERA_VIRTUAL"
S_NS = 1_000_000_000

_EXAMPLE = f"""\
examples:
  tools/libcamera_virtual.py build         once; broken off, it goes on where it was
  tools/libcamera_virtual.py test          {TEST} on it
  {NAMED_BY}={USUAL} python -m pytest {TEST}
                                           the same

exit codes: 0 done, 1 the test failed, 2 bad input or a step that failed (one line says what),
130 interrupted (what was finished is kept; run it again).
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    options = _options(arguments)
    places = Places(options.folder.expanduser().resolve())
    work = {"build": _build, "test": _test}[options.command]
    return ended("libcamera_virtual", partial(work, places))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/libcamera_virtual.py",
        description=__doc__,
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=("build", "test"), help="what to do")
    parser.add_argument(
        "--folder", type=Path, default=USUAL, help="where it is (default: %(default)s)"
    )
    return parser.parse_args(arguments)


def _build(places: Places) -> int:
    try:
        places.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkshopFault(
            f"{places.folder}: cannot be made ({error.strerror}); name another by --folder"
        ) from error
    todo = steps(places)
    for number, step in enumerate(todo, 1):
        _carry_out(places, step, f"{number}/{len(todo)} {step.name:<10}")
    print(f"{places.folder} is complete")
    return EXIT_DONE


def _carry_out(places: Places, step: Step, name: str) -> None:
    if step.done(places):
        print(f"{name} is done")
        return
    live = sys.stdout.isatty()
    print(f"{name} {step.does}", flush=True)
    clock = RealClock()
    begin_ns = clock.now_ns()

    def watch(line: str) -> None:
        if live:
            print(f"\r\x1b[K    {line[:90]}", end="", flush=True)

    try:
        step.carry_out(places, watch)
    finally:
        if live:
            print("\r\x1b[K", end="", flush=True)
    print(f"{name} took {(clock.now_ns() - begin_ns) / S_NS:.0f} s", flush=True)


def _test(places: Places) -> int:
    if not built(places):
        raise WorkshopFault(
            f"{places.folder}: is not complete; run `tools/libcamera_virtual.py build` first"
        )
    done = subprocess.run(  # noqa: S603  # our own interpreter
        [sys.executable, "-m", "pytest", TEST],
        cwd=ROOT,
        env={**os.environ, NAMED_BY: str(places.folder)},
        check=False,
    )
    return EXIT_DONE if done.returncode == 0 else EXIT_MISSED


if __name__ == "__main__":
    sys.exit(main())
