"""A model's last layers, read and replaced without TensorFlow: by value, on both runtimes."""

from importlib import import_module
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sorterd.classifiers.bundle import find, load
from sorterd.classifiers.runtimes import MODULES, without_chatter
from tools.workshop.export.flat_model import FlatModel
from tools.workshop.faults import WorkshopFault
from tools.workshop.teach.last_layer import Dense, embedding_of, put_dense, read_dense

TINY = Path(__file__).resolve().parents[1] / "classifiers" / "tiny"
KINDS = ("heads", "float32", "int8", "uint8")
Numbers = npt.NDArray[np.float32]


def answers(model: Path, pixels: Numbers, runtime: str = "ai_edge_litert.interpreter") -> Numbers:
    """Return what every output says to some pictures of numbers, read as numbers, side by side."""
    with without_chatter():
        one = import_module(runtime).Interpreter(model_path=str(model))
        begin = one.get_input_details()[0]
        one.resize_tensor_input(begin["index"], pixels.shape)
        one.allocate_tensors()
    scale, zero_point = begin["quantization"]
    levels = pixels if not scale else np.round(pixels / scale) + zero_point
    limits = None if not scale else np.iinfo(begin["dtype"])
    clipped = levels if limits is None else np.clip(levels, limits.min, limits.max)
    one.set_tensor(begin["index"], clipped.astype(begin["dtype"]))
    one.invoke()
    given = []
    for end in one.get_output_details():
        scale, zero_point = end["quantization"]
        numbers = one.get_tensor(end["index"]).astype(np.float32)
        given.append((numbers - zero_point) * scale if scale else numbers)
    return np.concatenate(given, axis=1)


def colours(seed: int, n: int = 12) -> Numbers:
    """Return pictures of one colour each, -1 to 1; a tiny model's embedding is that colour."""
    rng = np.random.default_rng(seed)
    return np.asarray(rng.uniform(-1, 1, (n, 1, 1, 3)) * np.ones((1, 16, 16, 1)), np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_comes_back_as_it_was(kind: str, tmp_path: Path) -> None:
    """It should give the same answers after it was taken apart and put together."""
    before = TINY / kind / "model.tflite"
    after = tmp_path / "model.tflite"
    after.write_bytes(FlatModel(before).packed())
    pixels = colours(1)

    assert np.array_equal(answers(before, pixels), answers(after, pixels))


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_layer_is_read_by_value(kind: str) -> None:
    """It should find the weights that were set by hand, whatever numbers the file keeps."""
    model = FlatModel(TINY / kind / "model.tflite")
    outputs = load(TINY / kind).manifest.outputs

    found = read_dense(model, outputs.index("stage_two"))

    assert np.allclose(found.weights, 4 * np.eye(3), atol=0.04)
    assert np.allclose(found.bias, 2, atol=0.04)


def test_two_heads_read_the_embedding() -> None:
    """It should say from which tensor a head reads: the one that the bundle gives as embedding."""
    model = FlatModel(TINY / "heads" / "model.tflite")
    outputs = load(TINY / "heads").manifest.outputs
    embedding = int(model.graph.outputs[outputs.index("embedding")])

    assert embedding == embedding_of(model, outputs.index("stage_one"))
    assert embedding == embedding_of(model, outputs.index("stage_two"))


@pytest.mark.parametrize("runtime", MODULES.values())
@pytest.mark.parametrize("kind", KINDS)
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**32 - 1), size=st.sampled_from([0.01, 1.0, 30.0]))
def test_a_new_layer_answers_as_it_would_in_float(
    kind: str, runtime: str, seed: int, size: float, tmp_path: Path
) -> None:
    """It should give what the float layer gives, to a level or two, at any size of weights."""
    pytest.importorskip(runtime)
    rng = np.random.default_rng(seed)
    model = FlatModel(TINY / kind / "model.tflite")
    output = load(TINY / kind).manifest.outputs.index("stage_two")
    new = Dense(
        np.asarray(rng.normal(0, size, (3, 3)), np.float32),
        np.asarray(rng.normal(0, size, 3), np.float32),
    )
    pixels = colours(seed)
    wanted = new(pixels[:, 0, 0])

    put_dense(model, output, new, wanted)
    path = tmp_path / "model.tflite"
    path.write_bytes(model.packed())

    width = [3 * output, 3 * output + 3]
    found = answers(path, pixels, runtime)[:, width[0] : width[1]]
    reach = float(wanted.max() - wanted.min()) + size
    assert np.abs(found - wanted).max() <= (1e-4 if kind in {"heads", "float32"} else 0.02) * reach


def test_the_other_head_stays_as_it_was(tmp_path: Path) -> None:
    """It should not touch a constant that two heads share: both biases are one in this file."""
    before = TINY / "heads" / "model.tflite"
    model = FlatModel(before)
    outputs = load(TINY / "heads").manifest.outputs
    new = Dense(np.zeros((3, 3), np.float32), np.arange(3, dtype=np.float32))
    put_dense(model, outputs.index("stage_two"), new, np.zeros((1, 3), np.float32))
    after = tmp_path / "model.tflite"
    after.write_bytes(model.packed())
    pixels = colours(2)

    was, now = answers(before, pixels), answers(after, pixels)

    parts = {name: slice(3 * place, 3 * place + 3) for place, name in enumerate(outputs)}
    assert np.array_equal(was[:, parts["stage_one"]], now[:, parts["stage_one"]])
    assert np.array_equal(was[:, parts["embedding"]], now[:, parts["embedding"]])
    assert np.allclose(now[:, parts["stage_two"]], np.arange(3))


def test_a_layer_of_another_shape_is_a_bug() -> None:
    """It should not write a layer that does not fit."""
    model = FlatModel(TINY / "int8" / "model.tflite")
    wide = Dense(np.zeros((4, 3), np.float32), np.zeros(4, np.float32))

    with pytest.raises(ValueError, match="does not fit"):
        put_dense(model, 0, wide, np.zeros((1, 4), np.float32))


def test_an_output_without_a_dense_layer_cannot_be_taught() -> None:
    """It should say in one line that this output cannot be taught."""
    model = FlatModel(TINY / "heads" / "model.tflite")
    embedding = load(TINY / "heads").manifest.outputs.index("embedding")

    with pytest.raises(WorkshopFault, match="cannot be taught"):
        read_dense(model, embedding)


@pytest.mark.parametrize("spoil", ["missing", "empty", "text", "cut"])
def test_a_broken_file_is_one_line(spoil: str, tmp_path: Path) -> None:
    """It should name the file, and raise nothing of the flatbuffers library."""
    path = tmp_path / "model.tflite"
    whole = (TINY / "int8" / "model.tflite").read_bytes()
    if spoil != "missing":
        path.write_bytes({"empty": b"", "text": b"not a model at all", "cut": whole[:900]}[spoil])

    with pytest.raises(WorkshopFault, match=r"model\.tflite") as caught:
        FlatModel(path)

    assert "\n" not in str(caught.value)


def test_numbers_behind_the_flatbuffer_are_found(tmp_path: Path) -> None:
    """It should read buffers that lie behind the flatbuffer, as large models have them."""
    model = FlatModel(TINY / "int8" / "model.tflite")
    kernel = int(model.makers(int(model.graph.outputs[0]))[0].inputs[1])
    buffer = model.model.buffers[model.graph.tensors[kernel].buffer]
    behind = bytes(buffer.data)
    # The place is known only when the rest is packed; its number does not change the length.
    buffer.data, buffer.offset, buffer.size = None, 1 << 20, len(behind)
    buffer.offset = len(model.packed())
    path = tmp_path / "model.tflite"
    path.write_bytes(model.packed() + behind)

    assert np.allclose(read_dense(FlatModel(path), 0).weights, 4 * np.eye(3), atol=0.04)


def test_the_shipped_model_can_be_taken_apart(tmp_path: Path) -> None:
    """It should find the heads of the shipped bundle, and write it back to the same answers."""
    shipped = load(find("waste"))
    path = tmp_path / "model.tflite"
    model = FlatModel(shipped.model_path)

    path.write_bytes(model.packed())

    for place, name in enumerate(shipped.manifest.outputs):
        if name != "embedding":
            width = 3 if name == "stage_one" else len(shipped.labels)
            assert read_dense(model, place).bias.shape == (width,)
    size_px = shipped.manifest.preprocessing.width_px
    pixels = np.random.default_rng(3).uniform(-1, 1, (1, size_px, size_px, 3)).astype(np.float32)
    assert np.array_equal(answers(shipped.model_path, pixels), answers(path, pixels))
