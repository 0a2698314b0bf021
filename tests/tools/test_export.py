"""The exported model: standard metadata, batch 1, and the bundle's own answers in other hands."""

import json
import subprocess
import sys
import zipfile
from importlib import import_module
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from sorterd.classifiers.bundle import STAGES, Bundle, find, load
from sorterd.classifiers.heads import softmax
from sorterd.classifiers.runtimes import without_chatter
from sorterd.classifiers.tflite import open_part
from sorterd.clock import ManualClock
from tools import export
from tools.workshop.export.flat_metadata import FIELD
from tools.workshop.export.flat_model import FlatModel

TINY = Path(__file__).resolve().parents[1] / "classifiers" / "tiny"
KINDS = ("heads", "float32", "int8", "uint8")
PROJECT = Path(__file__).resolve().parents[2]
needs_mediapipe = pytest.mark.skipif(
    find_spec("mediapipe") is None,
    reason="mediapipe is not installed: python -m pip install --no-deps mediapipe==1.2.2",
)
Scores = dict[str, npt.NDArray[np.float32]]


def bundles() -> list[Path]:
    """Return every kind of bundle, the shipped one among them."""
    return [*(TINY / kind for kind in KINDS), find("waste")]


@pytest.fixture(params=bundles(), ids=lambda path: path.name)
def exported(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Bundle, Path]:
    """Return a bundle and its export."""
    out = tmp_path / "exported.tflite"
    assert export.main([str(request.param), str(out)]) == 0
    return load(request.param), out


def pictures(bundle: Bundle) -> npt.NDArray[np.uint8]:
    """Return the golden inputs and as many pictures of noise, uint8[n, H, W, 3], RGB."""
    golden = np.stack([one.pixels for one in bundle.golden])
    rng = np.random.default_rng(11)
    coarse = rng.integers(0, 256, (len(golden), 4, 4, 3), np.uint8)
    across = golden.shape[1] // 4
    return np.concatenate([golden, coarse.repeat(across, axis=1).repeat(across, axis=2)])


def own_heads(bundle: Bundle, pixels: npt.NDArray[np.uint8]) -> Scores:
    """Return each head's scores as the bundle itself gives them."""
    with without_chatter():
        one = open_part(bundle, runtime="auto", threads=1, batch_sizes=(1,), clock=ManualClock())
    table = one.spec.levels()
    warm = bundle.manifest.temperatures.model_dump()
    found: dict[str, list[npt.NDArray[np.float32]]] = {}
    for picture in pixels:
        one.slots(1)[0] = table[picture]
        for name, numbers in one.answers(1, 1).items():
            if name in warm:
                found.setdefault(name, []).append(softmax(numbers / warm[name])[0])
    return {name: np.stack(some) for name, some in found.items()}


def metadata_of(out: Path) -> bytes:
    """Return the metadata in an exported model."""
    model = FlatModel(out)
    entry = next(one for one in model.model.metadata if one.name == FIELD.encode())
    return bytes(model.model.buffers[entry.buffer].data)


def test_it_answers_as_the_bundle_does(exported: tuple[Bundle, Path]) -> None:
    """It should give each head's own scores, one picture at a time, by name and adding up to 1."""
    bundle, out = exported
    pixels = pictures(bundle)
    wanted = own_heads(bundle, pixels)
    with without_chatter():
        one = import_module("ai_edge_litert.interpreter").Interpreter(model_path=str(out))
        runner = one.get_signature_runner()
    begin = runner.get_input_details()["image"]
    assert list(begin["shape"]) == [1, *pixels.shape[1:]]
    made = bundle.manifest.preprocessing

    for place, picture in enumerate(pixels):
        shown = picture
        if begin["dtype"] == np.float32:
            shown = np.asarray(picture * np.float32(made.gain) + np.float32(made.offset))
        given = runner(image=shown[None])

        assert set(given) == set(wanted)
        for name, scores in given.items():
            assert scores.dtype == np.float32
            assert scores.sum() == pytest.approx(1, abs=1e-5)
            # Half a level of the input, where gain and offset are not the model's own.
            assert np.abs(scores[0] - wanted[name][place]).max() < 0.05


def test_labels_are_found_by_whoever_opens_it_as_a_zip(exported: tuple[Bundle, Path]) -> None:
    """It should carry one list of labels for each head, in the order of its scores."""
    bundle, out = exported
    wanted = {"stage_two_labels.txt": list(bundle.labels)}
    if "stage_one" in bundle.manifest.outputs:
        wanted["stage_one_labels.txt"] = list(STAGES)

    with zipfile.ZipFile(out) as packed:
        found = {name: packed.read(name).decode().split("\n") for name in packed.namelist()}

    assert wanted == found


def test_the_same_bundle_gives_the_same_file(tmp_path: Path) -> None:
    """It should not depend on when or how often it is run."""
    paths = [tmp_path / "first.tflite", tmp_path / "second.tflite"]

    for path in paths:
        assert export.main([str(TINY / "heads"), str(path)]) == 0

    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_the_temperature_is_in_the_model(tmp_path: Path) -> None:
    """It should be as unsure as the bundle is: a higher temperature levels the scores."""
    bundle = load(TINY / "heads")
    folder = tmp_path / "warm"
    folder.mkdir()
    text = (bundle.folder / "manifest.toml").read_text(encoding="utf-8")
    for part in bundle.folder.rglob("*"):
        if part.is_file():
            copy = folder / part.relative_to(bundle.folder)
            copy.parent.mkdir(exist_ok=True)
            copy.write_bytes(part.read_bytes())
    warm = text.replace("stage_two = 1.0", "stage_two = 3.0", 1)
    # Stage one decides on the tiny labels alone, so the golden answers stay as they are.
    (folder / "manifest.toml").write_text(warm, encoding="utf-8")
    out = tmp_path / "warm.tflite"
    assert export.main([str(folder), str(out)]) == 0
    pixels = pictures(bundle)[:1]
    with without_chatter():
        runner = (
            import_module("ai_edge_litert.interpreter")
            .Interpreter(model_path=str(out))
            .get_signature_runner()
        )

    given = runner(image=np.asarray(pixels / np.float32(127.5) - 1, np.float32))

    numbers = np.log(own_heads(bundle, pixels)["stage_two"][0])
    assert np.allclose(given["stage_two"][0], softmax(numbers[None] / 3)[0], atol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "out.tflite"], "no bundle nowhere"),
        ([str(TINY / "heads"), "out.bin"], "does not end in .tflite"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should say what is wrong in one line, with exit code 2, and write nothing."""
    bundle, name = arguments

    assert export.main([bundle, str(tmp_path / name)]) == 2

    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not any(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It should name the file when its folder is no folder."""
    (tmp_path / "file").write_text("", encoding="utf-8")

    assert export.main([str(TINY / "heads"), str(tmp_path / "file" / "out.tflite")]) == 2

    assert "out.tflite" in capsys.readouterr().err


# What a phone's program would do, in a process of its own: MediaPipe brings native libraries that
# write to the terminal and start threads. One process for all models: they take seconds to load.
CLASSIFY = """
import json, sys
import numpy as np
import mediapipe as mp
from mediapipe.tasks.python import vision
answers = []
for model, pictures in zip(sys.argv[1::2], sys.argv[2::2]):
    with vision.ImageClassifier.create_from_model_path(model) as classifier:
        said = []
        for picture in np.load(pictures):
            image = mp.Image(image_format=mp.ImageFormat.SRGB, data=np.ascontiguousarray(picture))
            found = classifier.classify(image).classifications
            said.append({one.head_name: {c.category_name: c.score for c in one.categories}
                         for one in found})
    answers.append(said)
print(json.dumps(answers))
"""


@needs_mediapipe
def test_mediapipe_opens_it_and_says_the_same(tmp_path: Path) -> None:
    """It should be an image classifier to MediaPipe Tasks as it is, with the bundle's scores.

    The bundles stand for each form of input and heads.
    """
    opened: list[Bundle] = []
    files: list[Path] = []
    for path in (TINY / "heads", TINY / "int8", find("waste")):
        opened.append(load(path))
        out = tmp_path / f"{path.name}.tflite"
        assert export.main([str(path), str(out)]) == 0
        np.save(out.with_suffix(".npy"), pictures(opened[-1]))
        files += [out, out.with_suffix(".npy")]

    done = subprocess.run(  # noqa: S603  # our own lines with our own files
        [sys.executable, "-c", CLASSIFY, *files],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )

    assert done.returncode == 0, done.stderr[-2000:]
    answers = json.loads(done.stdout.splitlines()[-1])
    for bundle, said in zip(opened, answers, strict=True):
        pixels = pictures(bundle)
        wanted = own_heads(bundle, pixels)
        labels = {"stage_one": STAGES, "stage_two": bundle.labels}
        assert len(said) == len(pixels)
        for place, heads in enumerate(said):
            assert set(heads) == set(wanted), bundle.name
            for name, scores in heads.items():
                found = [scores[label] for label in labels[name]]
                off = np.abs(np.array(found) - wanted[name][place]).max()
                assert off < 0.05, (bundle.name, name, place)


def published_schema() -> Any:  # noqa: ANN401  # generated code without types
    """Return MediaPipe's reader of metadata, without all the rest that its import brings."""
    spec = find_spec("mediapipe")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    folder = Path(spec.submodule_search_locations[0]) / "tasks" / "metadata"
    one = spec_from_file_location("schema", folder / "metadata_schema_py_generated.py")
    assert one is not None
    assert one.loader is not None
    schema = module_from_spec(one)
    one.loader.exec_module(schema)
    return schema


@needs_mediapipe
def test_the_metadata_reads_back_by_the_published_schema(tmp_path: Path) -> None:
    """It should say name, version, licence, normalisation and heads where others look for them."""
    bundle, out = load(TINY / "heads"), tmp_path / "exported.tflite"
    assert export.main([str(bundle.folder), str(out), "--author", "A. Person"]) == 0
    schema = published_schema()

    note = schema.ModelMetadataT.InitFromObj(schema.ModelMetadata.GetRootAs(metadata_of(out), 0))

    assert note.name == b"tiny heads"
    assert note.version == b"1"
    assert note.author == b"A. Person"
    assert note.license.endswith(b"MIT")
    assert note.minParserVersion == b"1.0.0"
    graph = note.subgraphMetadata[0]
    begin = graph.inputTensorMetadata[0]
    assert begin.content.contentProperties.colorSpace == 1
    assert list(begin.processUnits[0].options.mean) == [127.5]
    assert list(begin.processUnits[0].options.std) == [127.5]
    assert [one.name for one in graph.outputTensorMetadata] == [b"stage_one", b"stage_two"]
    assert [one.associatedFiles[0].type for one in graph.outputTensorMetadata] == [2, 2]
