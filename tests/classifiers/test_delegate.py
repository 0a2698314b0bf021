"""A delegate is named, loaded and given the model; one that cannot work is told in one line."""

import shutil
import subprocess
from pathlib import Path

import pytest

from sorterd.classifiers.bundle import BundleFault, find, load
from sorterd.classifiers.runtimes import MODULES, Runtime, usable_runtime
from sorterd.classifiers.segmenter import open_segmenter
from sorterd.classifiers.tflite import open_part
from sorterd.clock import ManualClock
from sorterd.ports import DeviceUnavailable

TINY = Path(__file__).parent / "tiny" / "int8"
RUNTIMES: tuple[Runtime, ...] = ("ai-edge-litert", "tflite-runtime")

# The two functions that make a library a delegate, and what TFLite asks of one
# (tensorflow/lite/core/c/common.h). This one takes the model and claims none of its nodes.
SOURCE = """
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
struct context;
struct delegate {
  void *data;
  int (*prepare)(struct context *, struct delegate *);
  void *copy_from, *copy_to, *free_buffer;
  int64_t flags;
  void *builder;
};
int asked = 0;
static int prepare(struct context *c, struct delegate *d) { (void)c; (void)d; asked++; return 0; }
struct delegate *tflite_plugin_create_delegate(
    char **keys, char **values, size_t count, void (*complain)(const char *)) {
  (void)keys; (void)values; (void)count; (void)complain;
  struct delegate *made = calloc(1, sizeof *made);
  if (made) made->prepare = prepare;
  return made;
}
void tflite_plugin_destroy_delegate(struct delegate *made) { free(made); }
"""
WITHOUT_DEVICE = SOURCE.replace(
    "struct delegate *made = calloc(1, sizeof *made);",
    'complain("no device\\n"); struct delegate *made = NULL;',
)


def compiled(folder: Path, source: str) -> str:
    """Compile a shared library, or skip where there is nothing to do it with."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler here")
    code, library = folder / "delegate.c", folder / "libdelegate.so"
    code.write_text(source, encoding="utf-8")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, code], check=True)  # noqa: S603
    return str(library)


@pytest.fixture(params=RUNTIMES)
def runtime(request: pytest.FixtureRequest) -> Runtime:
    """Return the name of a runtime that works here."""
    name: Runtime = request.param
    try:
        usable_runtime(name, TINY / "model.tflite", 1)
    except DeviceUnavailable as fault:
        pytest.skip(str(fault))
    return name


def test_a_model_runs_with_a_delegate(runtime: Runtime, tmp_path: Path) -> None:
    """It should hand the model to the library that is named, and give the golden answers."""
    delegate = compiled(tmp_path, SOURCE)

    bundle = load(TINY)
    subject = open_part(
        bundle,
        runtime=runtime,
        threads=1,
        batch_sizes=(1, 2),
        clock=ManualClock(),
        delegate=delegate,
    )

    with Path("/proc/self/maps").open(encoding="utf-8") as maps:
        assert any(delegate in line for line in maps)
    assert subject.batch_sizes == (1, 2)
    assert subject.scores(2, 2).shape == (2, len(bundle.labels))


def test_the_segments_model_gets_the_delegate_too(runtime: Runtime, tmp_path: Path) -> None:
    """It should run a bundle's second model on the same device."""
    delegate = compiled(tmp_path, SOURCE)
    bundle = load(find("waste"))
    segments = bundle.manifest.segments
    assert segments is not None

    subject = open_segmenter(
        bundle.folder / segments.model,
        segments,
        runtime=runtime,
        threads=1,
        clock=ManualClock(),
        delegate=delegate,
    )

    assert subject.numbers().ndim == 2


def refused(runtime: Runtime, delegate: str) -> str:
    """Return what is said of a delegate that cannot work; it is one line."""
    with pytest.raises(DeviceUnavailable) as caught:
        usable_runtime(runtime, TINY / "model.tflite", 1, delegate)
    text = str(caught.value)
    assert "\n" not in text
    assert delegate in text
    return text


def test_an_absent_delegate_says_what_to_install(runtime: Runtime) -> None:
    """It should name the package of the one that most people mean."""
    text = refused(runtime, "libedgetpu-sorterd-has-none.so.1")
    assert "there is no such library; install it, or correct its name" in text

    if "no such library" in (text := edge_tpu(runtime)):
        assert "install it (Debian package libedgetpu1-std" in text


def edge_tpu(runtime: Runtime) -> str:
    """Return what is said of the Edge TPU's library here: its absence, or that of a device."""
    try:
        usable_runtime(runtime, TINY / "model.tflite", 1, "libedgetpu.so.1")
    except DeviceUnavailable as fault:
        return str(fault)
    return ""


def test_a_library_that_is_no_delegate_is_told(runtime: Runtime, tmp_path: Path) -> None:
    """It should tell a library of another kind, and a file that is none, from a missing one."""
    junk = tmp_path / "junk.so"
    junk.write_bytes(b"no library")
    assert "is not a library that can be loaded here" in refused(runtime, str(junk))

    other = compiled(tmp_path, "int nothing;\n")
    assert "is a library but no TFLite delegate" in refused(runtime, other)


def test_a_delegate_without_its_device_is_told(runtime: Runtime, tmp_path: Path) -> None:
    """It should ask whether the device is there, with the library's own words."""
    text = refused(runtime, compiled(tmp_path, WITHOUT_DEVICE))

    assert f"gave {runtime} no device: is it plugged in" in text
    assert "no device)" in text


def test_a_fault_of_a_delegate_leaves_no_traceback(
    runtime: Runtime, capfd: pytest.CaptureFixture[str]
) -> None:
    """It should be told by us alone: the runtimes' own wrapper fails once more as it is let go."""
    refused(runtime, "libnone.so")

    assert "Traceback" not in capfd.readouterr().err


def test_a_model_that_keeps_its_batch_size_says_how_to_go_on(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It should name the setting, as for a model that was compiled for an Edge TPU."""
    del tmp_path
    module = pytest.importorskip(MODULES[runtime])

    class Fixed(module.Interpreter):  # type: ignore[misc, name-defined]  # no types, made here
        def resize_tensor_input(self, *_: object) -> None:
            raise RuntimeError("ResizeInputTensor is disallowed when graph is immutable.")

    monkeypatch.setattr(module, "Interpreter", Fixed)

    with pytest.raises(BundleFault, match=r"batch of 2 .*model\.batch_sizes = \[1\].*Edge TPU"):
        open_part(load(TINY), runtime=runtime, threads=1, batch_sizes=(1, 2), clock=ManualClock())
    open_part(load(TINY), runtime=runtime, threads=1, batch_sizes=(1,), clock=ManualClock())
