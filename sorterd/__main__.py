"""The program: what has to be said before the first import, then the command line.

It is for a quick start, in processor time, measured on two cores:
    numpy's OpenBLAS starts a thread for each core and lets them spin, for products of matrices
    that nothing here makes: 45 of 95 ms of its import;
    pydantic looks through every installed package for plugins, of which sorterd has none: 20 to
    30 ms;
    garbage is collected over and over while modules are made, and there is none: 10 ms;
and for memory: glibc gives each thread a heap of its own, 2.4 MiB in all that nobody needs.
"""

import ctypes
import gc
import os
import sys
from importlib import import_module
from typing import Final

M_ARENA_MAX: Final = -8
"""From glibc's malloc.h."""


def main() -> int:
    """Run the command line; the entry point of the installed program."""
    start_lean()
    cli = import_module("sorterd.cli")
    gc.enable()
    return int(cli.main())


def start_lean() -> None:
    """Set what has to be set before the first import; a person's own choice stays."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    gc.disable()
    # Not every Linux has glibc.
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(M_ARENA_MAX, 1)


if __name__ == "__main__":
    sys.exit(main())
