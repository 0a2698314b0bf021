"""Write a bundle: manifest, golden inputs, card; all of it beside the old one, then in its place.

Nothing half-written is ever where a station looks for it.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from sorterd.classifiers.bundle import (
    MANIFEST,
    Accuracy,
    GoldenAnswer,
    Manifest,
    Output,
    Preprocessing,
    Source,
    Temperatures,
    Thresholds,
)
from sorterd.vision.crops import MARGIN_FRAC, PADDING
from tools.workshop.evaluate.measuring import Rules, Share
from tools.workshop.faults import WorkshopFault
from tools.workshop.train.backbones import Backbone
from tools.workshop.train.kinds import END_BIN, Kinds

MODEL = "model.tflite"
CARD = "README.md"
# int8 answers of the two runtimes differ by a few levels; a broken one differs by far more.
GOLDEN_TOLERANCE = 0.1


def draft_manifest(
    name: str,
    version: str,
    kinds: Kinds,
    backbone: Backbone,
    *,
    size_px: int,
    outputs: tuple[Output, ...],
    sources: Sequence[Source],
) -> Manifest:
    """A manifest with everything that is known before the model has been measured."""
    return Manifest(
        name=name,
        version=version,
        model=MODEL,
        labels=tuple(kinds),
        outputs=outputs,
        temperatures=Temperatures(stage_two=1.0),
        stages={label: kind.stage for label, kind in kinds.items()},
        bins={label: kind.bin for label, kind in kinds.items()},
        end_bin=END_BIN,
        golden_tolerance=GOLDEN_TOLERANCE,
        preprocessing=Preprocessing(
            width_px=size_px,
            height_px=size_px,
            gain=backbone.gain,
            offset=backbone.offset,
            margin_frac=MARGIN_FRAC,
            padding=PADDING,
        ),
        thresholds=Thresholds(stage_one_frac=0.0, stage_two_frac=0.0),
        accuracy=(),
        golden=(GoldenAnswer(file=MODEL, scores=(0.0,) * len(kinds)),),
        provenance=tuple(sources),
        sha256={MODEL: "0" * 64},
    )


def with_thresholds(draft: Manifest, rules: Rules) -> Manifest:
    """The draft with its thresholds."""
    chosen = Thresholds(stage_one_frac=rules.stage_one_frac, stage_two_frac=rules.stage_two_frac)
    return draft.model_copy(update={"thresholds": chosen})


def with_figures(
    draft: Manifest, figures: Mapping[str, Share], golden: Sequence[GoldenAnswer]
) -> Manifest:
    """The draft with what was measured."""
    rows = tuple(
        Accuracy(
            pictures=pictures,
            n=share.n,
            right_frac=round(share.frac, 4),
            low_frac=round(share.interval[0], 4),
            high_frac=round(share.interval[1], 4),
        )
        for pictures, share in figures.items()
    )
    return draft.model_copy(update={"accuracy": rows, "golden": tuple(golden)})


def write_golden(folder: Path, label: str, crop: npt.NDArray[np.uint8]) -> str:
    """Write one golden input, uint8[H, W, 3] RGB, and return its name in the bundle."""
    file = f"golden/{label}.png"
    (folder / "golden").mkdir(exist_ok=True)
    _, packed = cv2.imencode(".png", crop[:, :, ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])
    (folder / file).write_bytes(packed.tobytes())
    return file


def seal(folder: Path, manifest: Manifest) -> None:
    """Write the manifest with the checksum of every other file; nothing comes after it."""
    sums = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }
    text = as_toml(manifest.model_copy(update={"sha256": sums}))
    beside = folder / f"{MANIFEST}.new"
    beside.write_text(text, encoding="utf-8")
    beside.replace(folder / MANIFEST)


def as_toml(manifest: Manifest) -> str:
    """The manifest as a person reads it; `bundle.load` reads the same back."""
    # TOML has no null: what a bundle does not have is not in it.
    fields = manifest.model_dump(mode="json", exclude_none=True)
    plain = {key: value for key, value in fields.items() if not _is_table(value)}
    parts = [
        "# Made by a command in tools/; checked by sorterd/classifiers/bundle.py.",
        *_lines(plain),
    ]
    for key, value in fields.items():
        if isinstance(value, dict):
            parts += ["", f"[{key}]", *_lines(value)]
        elif _is_table(value):
            for row in value:
                parts += ["", f"[[{key}]]", *_lines(row)]
    return "\n".join(parts) + "\n"


def _is_table(value: object) -> bool:
    first = value[0] if isinstance(value, list) and value else value
    return isinstance(first, dict)


def _lines(table: Mapping[str, object]) -> list[str]:
    # A JSON string, number or list of them is also TOML; a key with a dot or slash needs quotes.
    return [
        f"{key if key.isidentifier() else json.dumps(key)} = {json.dumps(value)}"
        for key, value in table.items()
    ]


@contextmanager
def in_its_place(out: Path) -> Iterator[Path]:
    """A new folder that takes the place of `out` when everything in it is written.

    Raises:
        WorkshopFault: `out` is there and is no bundle, or its parent cannot be written to.
    """
    if out.exists() and not (out / MANIFEST).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise WorkshopFault(f"{out} is there and is not a bundle: give another --out, or move it")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as fault:
        raise WorkshopFault(
            f"{out} cannot be written ({fault.strerror}): give another --out"
        ) from fault
    try:
        yield new
        new.chmod(0o755)
        old = new.with_name(f"{new.name}-old")
        if out.exists():
            out.rename(old)
        new.rename(out)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(new, ignore_errors=True)
