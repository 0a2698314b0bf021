"""The classifier trusts a model only after it has seen it answer."""

import os
import shutil
import threading
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from sorterd.classifiers import runtimes
from sorterd.classifiers.bundle import Bundle, BundleFault, find, load
from sorterd.classifiers.runtimes import MODULES, Runtime, without_chatter
from sorterd.classifiers.tflite import TfliteClassifier, open_part
from sorterd.clock import ManualClock
from sorterd.ports import DeviceFault, DeviceUnavailable

TINY = Path(__file__).parent / "tiny"


class TickingClock(ManualClock):
    """A clock that moves on by a millisecond whenever it is read."""

    def now_ns(self) -> int:
        """Return an instant later than the last."""
        self.sleep_until(super().now_ns() + 1_000_000)
        return super().now_ns()


def opened(
    bundle: Bundle, *, runtime: Runtime = "auto", batch_sizes: tuple[int, ...] = (1, 2)
) -> TfliteClassifier:
    """Open on a clock that stands still."""
    return open_part(
        bundle, runtime=runtime, threads=1, batch_sizes=batch_sizes, clock=ManualClock()
    )


RUNTIMES: tuple[Runtime, ...] = ("ai-edge-litert", "tflite-runtime")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of a small bundle that may be spoilt."""
    return Path(shutil.copytree(TINY / "int8", tmp_path / "tiny"))


def spoilt(folder: Path, old: str, new: str) -> Bundle:
    """Load a bundle with one thing changed in its manifest."""
    manifest = folder / "manifest.toml"
    text = manifest.read_text(encoding="utf-8")
    assert old in text
    manifest.write_text(text.replace(old, new), encoding="utf-8")
    return load(folder)


def test_every_batch_size_is_timed() -> None:
    """It should know a typical and a worst time for each size, by the clock it was given."""
    subject = open_part(
        load(TINY / "int8"), runtime="auto", threads=1, batch_sizes=(1, 4), clock=TickingClock()
    )

    assert set(subject.costs) == {1, 4}
    for p50_ns, p99_ns in subject.costs.values():
        assert 1_000_000 <= p50_ns <= p99_ns


@pytest.mark.parametrize("sizes", [(), (0, 1), (2, 1), (1, 1)])
def test_batch_sizes_must_rise(sizes: tuple[int, ...]) -> None:
    """It should refuse sizes that make no sense."""
    with pytest.raises(ValueError, match="must be 1 or more and rise"):
        opened(load(TINY / "int8"), batch_sizes=sizes)


def test_golden_answers_that_differ_are_refused(folder: Path) -> None:
    """It should not trust a model that answers other than it did when it was made."""
    bundle = spoilt(folder, "scores = [0.9947, 0.0026, 0.0026]", "scores = [0.1, 0.8, 0.1]")

    with pytest.raises(BundleFault, match=r"red.png is green 0.80 by the manifest and red 0.99"):
        opened(bundle)


def test_a_few_levels_of_int8_are_forgiven(folder: Path) -> None:
    """It should allow what differs between two runtimes."""
    opened(spoilt(folder, "scores = [0.9947, 0.0026, 0.0026]", "scores = [0.97, 0.02, 0.01]"))


def test_labels_must_match_the_outputs(folder: Path) -> None:
    """It should count them."""
    text = (folder / "manifest.toml").read_text(encoding="utf-8")
    text = text.replace('["red", "green", "blue"]', '["red", "green", "blue", "grey"]')
    text = text.replace('blue = "landfill"', 'blue = "landfill"\ngrey = "landfill"')
    text = text.replace("0.0026]", "0.0026, 0.0]").replace("0.9947]", "0.9947, 0.0]")
    (folder / "manifest.toml").write_text(text, encoding="utf-8")

    with pytest.raises(BundleFault, match=r"gives \[1, 3\] as stage_two, not \[n, 4\]"):
        opened(load(folder))


def test_a_model_of_another_shape_is_refused(folder: Path) -> None:
    """It should compare the model's input with the manifest's."""
    bundle = load(folder)
    manifest = bundle.manifest
    wider = manifest.preprocessing.model_copy(update={"width_px": 32})
    odd = Bundle(folder, manifest.model_copy(update={"preprocessing": wider}), ())

    with pytest.raises(BundleFault, match=r"takes \[1, 16, 16, 3\], .* \[n, 16, 32, 3\]"):
        opened(odd)


@pytest.mark.parametrize("junk", [b"", b"TFL3", b"junk" * 500], ids=["empty", "short", "junk"])
def test_a_file_that_is_no_model_is_refused(junk: bytes, folder: Path) -> None:
    """It should say so in one line, on whatever runtime."""
    bundle = load(folder)
    bundle.model_path.write_bytes(junk)

    with pytest.raises(BundleFault, match=r"model.tflite is not a model that") as caught:
        opened(bundle)
    assert "\n" not in str(caught.value)


def test_no_runtime_gives_the_line_to_install_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """It should say which were tried, why each failed, and how to get one."""
    monkeypatch.setitem(MODULES, "ai-edge-litert", "no_such_runtime")
    monkeypatch.setitem(MODULES, "tflite-runtime", "no_such_runtime_either")

    with pytest.raises(DeviceUnavailable, match="-m pip install ai-edge-litert") as caught:
        opened(load(TINY / "int8"))
    assert "tflite-runtime: No module" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_runtime_that_imports_and_then_dies_is_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It should build an Interpreter before it believes: tflite-runtime beside numpy 2."""

    def die(**_: object) -> None:
        raise AttributeError("_ARRAY_API not found")

    real = import_module

    def broken(name: str) -> object:
        return SimpleNamespace(Interpreter=die) if name == "dying_runtime" else real(name)

    working = next((n for n in RUNTIMES if is_installed(n)), None)
    if working is None:
        pytest.skip("no TFLite runtime is installed")
    monkeypatch.setattr(runtimes, "MODULES", {"dying": "dying_runtime", working: MODULES[working]})
    monkeypatch.setattr(runtimes, "import_module", broken)

    assert opened(load(TINY / "int8")).runtime == working


def is_installed(name: Runtime) -> bool:
    """Tell whether a runtime builds an Interpreter here."""
    try:
        opened(load(TINY / "int8"), runtime=name)
    except DeviceUnavailable:
        return False
    return True


def test_a_second_thread_is_refused() -> None:
    """It should belong to the thread that first asks it."""
    subject = opened(load(TINY / "int8"))
    subject.scores(1, 1)
    refused: list[str] = []

    def ask() -> None:
        try:
            subject.scores(1, 1)
        except RuntimeError as fault:
            refused.append(str(fault))

    other = threading.Thread(target=ask)
    other.start()
    other.join()

    assert refused == ["a second thread asked the classifier: it belongs to the first"]


def test_a_runtime_that_fails_is_a_device_fault() -> None:
    """It should turn the runtime's own error into one line."""

    def fail() -> None:
        raise RuntimeError("delegate\n  lost")

    subject = opened(load(TINY / "int8"))
    subject._interpreters[1].invoke = fail  # type: ignore[method-assign]  # a lost device

    with pytest.raises(DeviceFault, match=r"failed on a batch of 1 \(delegate lost\)"):
        subject.scores(1, 1)


def test_other_words_on_standard_error_are_passed_on(capfd: pytest.CaptureFixture[str]) -> None:
    """It should hold back the runtime's INFO lines only."""
    with without_chatter():
        # Past Python, as C++ writes.
        os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n")
        os.write(2, b"ERROR: out of memory\n")

    assert capfd.readouterr().err == "ERROR: out of memory\n"


def test_both_runtimes_agree_on_the_shipped_bundle() -> None:
    """It should give the same label for every golden input, whichever runtime is there."""
    bundle = load(find("waste"))
    rows = []
    for name in RUNTIMES:
        if not is_installed(name):
            continue
        subject = opened(bundle, runtime=name, batch_sizes=(1,))
        for golden in bundle.golden:
            levels = np.round((golden.pixels / 127.5 - 1) / subject.spec.scale)
            subject.slots(1)[0] = np.clip(levels + subject.spec.zero_point, -128, 127)
            rows.append((golden.file, int(subject.scores(1, 1).argmax())))
    assert rows
    assert len(set(rows)) == len(bundle.golden)


@pytest.mark.parametrize("name", RUNTIMES)
def test_the_model_is_mapped_not_read(name: Runtime, folder: Path) -> None:
    """It should share the file's pages with the page cache, whichever runtime opens it."""
    if not is_installed(name):
        pytest.skip(f"{name} does not run here")
    subject = opened(load(folder), runtime=name)

    with Path("/proc/self/maps").open(encoding="utf-8") as maps:
        assert any(str(folder / "model.tflite") in line for line in maps)
    assert subject.runtime == name
