"""Run an exported model on a bundle's golden inputs, as a program that knows no bundles would."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from sorterd.classifiers.bundle import Bundle, Golden, Temperatures
from sorterd.classifiers.heads import Heads
from sorterd.classifiers.runtimes import Interpreter, usable_runtime, without_chatter
from tools.workshop.export.phone_model import heads_of


def furthest_from(bundle: Bundle, content: bytes) -> float:
    """How far the exported model's scores are from the golden answers, at most; 0 to 1.

    Args:
        bundle: Loaded.
        content: The exported file.

    Raises:
        DeviceUnavailable: No runtime works here.
        BundleFault: The runtime cannot read the exported model.
    """
    with TemporaryDirectory() as folder, without_chatter():
        path = Path(folder) / "exported.tflite"
        path.write_bytes(content)
        one = usable_runtime("auto", path, 1).build()
        one.allocate_tensors()
        found = [np.abs(_scores(one, bundle, golden) - golden.scores) for golden in bundle.golden]
    return float(np.max(found))


def _scores(one: Interpreter, bundle: Bundle, golden: Golden) -> npt.NDArray[np.float32]:
    """The labels' scores, put together from the two heads."""
    begin = one.get_input_details()[0]
    picture = golden.pixels
    if begin["dtype"] == np.float32:
        wanted = bundle.manifest.preprocessing
        picture = np.asarray(picture * np.float32(wanted.gain) + np.float32(wanted.offset))
    one.tensor(begin["index"])()[0] = picture
    one.invoke()
    names = heads_of(bundle.manifest)
    # Softmax of a logarithm is the share itself.
    given: dict[str, npt.NDArray[np.float32]] = {
        name: np.log(np.maximum(one.tensor(end["index"])(), 1e-9)).astype(np.float32)
        for name, end in zip(names, one.get_output_details(), strict=True)
    }
    plain = bundle.manifest.model_copy(update={"temperatures": Temperatures(stage_two=1.0)})
    return np.asarray(Heads(plain).scores(given)[0])
