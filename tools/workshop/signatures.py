"""Which output of a .tflite is which: the converter keeps the names, but not their order."""

from importlib import import_module
from pathlib import Path
from typing import get_args

from sorterd.classifiers.bundle import Output
from tools.workshop.faults import WorkshopFault


def outputs_of(model: Path) -> tuple[Output, ...]:
    """The names of a model's outputs, in the order in which an interpreter lists them.

    Args:
        model: A .tflite with a signature whose outputs are named as a manifest names them.

    Raises:
        WorkshopFault: It has no signature, or one with other names.
    """
    interpreter = import_module("ai_edge_litert.interpreter").Interpreter(model_path=str(model))
    known: dict[str, Output] = {name: name for name in get_args(Output)}
    named: dict[int, Output] = {}
    for signature in interpreter.get_signature_list():
        runner = interpreter.get_signature_runner(signature)
        for name, details in runner.get_output_details().items():
            if name in known:
                named[details["index"]] = known[name]
    places = [details["index"] for details in interpreter.get_output_details()]
    if unnamed := [place for place in places if place not in named]:
        raise WorkshopFault(
            f"{model}: outputs {unnamed} are not named {', '.join(known)}: export it with a "
            "signature that names them"
        )
    return tuple(named[place] for place in places)
