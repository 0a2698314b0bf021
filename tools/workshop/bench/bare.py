"""The smallest program that asks the model once: numpy, an interpreter, one invoke."""

import sys
from importlib import import_module

import numpy as np

from tools.workshop.bench.resident import ready


def main() -> None:
    """Run the model and the runtime's module that the command line names, once."""
    model, module = sys.argv[1:]
    one = import_module(module).Interpreter(model_path=model, num_threads=1)
    one.allocate_tensors()
    given = one.get_input_details()[0]
    one.set_tensor(given["index"], np.zeros(given["shape"], given["dtype"]))
    one.invoke()
    ready()
