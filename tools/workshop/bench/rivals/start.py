"""One peer as a program of its own, from its start until it has handled its first frame."""

import sys
from importlib import import_module

import numpy as np

from tools.workshop.bench.resident import ready
from tools.workshop.bench.rivals.given import Network


def main() -> None:
    """Start the peer that the command line names; says what it holds and ends."""
    key, *given = sys.argv[1:]
    loop = import_module(f"tools.workshop.bench.rivals.{key}").Loop(Network.of(given))
    label = loop.handle(np.full((480, 640, 3), 110, np.uint8))
    ready(label=-1 if label is None else label)
