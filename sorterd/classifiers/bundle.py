"""A bundle: a model with all that belongs to it, and the proof that it is the one that was shipped.

`load` reads the manifest, compares the checksum of every file, and opens the golden inputs; the
answers to those are compared by whoever opens the model. Any fault is a `BundleFault` of one line
and nothing is half-loaded: a station that cannot trust its model must not start.

Nothing here runs a model or imports a runtime.
"""

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal, Self, get_args

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

MANIFEST: Final = "manifest.toml"
_PACKAGE = Path(__file__).resolve().parent.parent
# A wheel carries the bundles inside the package; in a checkout they lie beside it.
PLACES: Final = (_PACKAGE / "models", _PACKAGE.parent / "models")

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
# No step of it is "..": a manifest must not reach outside its folder.
FileName = Annotated[str, Field(pattern=r"^[\w-]+(\.[\w-]+)*(/[\w-]+(\.[\w-]+)*)*$")]
Stage = Literal["organic", "recyclable", "landfill"]
STAGES: Final[tuple[Stage, ...]] = get_args(Stage)
"""The answers of stage one, in the order of the model's output `stage_one`."""
Output = Literal["stage_one", "stage_two", "embedding"]


class BundleFault(ValueError):
    """A bundle that must not be used. The message is one line: what, where, what to do."""


class _Part(BaseModel):
    # Deferred, each table's checks are made once, as part of the manifest's: 3 ms of each start.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class Preprocessing(_Part):
    """What was done to the pictures that the model learned from."""

    width_px: int = Field(ge=16, le=1024)
    height_px: int = Field(ge=16, le=1024)
    gain: float
    """A pixel value x (0 to 255, RGB) enters the model as `x * gain + offset`."""
    offset: float
    margin_frac: float = Field(ge=0.0, le=1.0)
    """The region is widened by this share of its longer side, on every side."""
    padding: int = Field(ge=0, le=255)
    """Grey level that fills a region up to the model's shape."""


class Temperatures(_Part):
    """A head's scores are softmax(output / temperature); above 1 it was too sure of itself."""

    stage_one: float = Field(default=1.0, gt=0.0)
    stage_two: float = Field(gt=0.0)


class Segments(_Part):
    """A second model in the bundle that says of each place of a frame whether a piece covers it."""

    model: FileName
    """Takes [1, height_px, width_px, 3]; gives [1, rows, columns, 1], higher where a piece is."""
    width_px: int = Field(ge=16, le=2048)
    height_px: int = Field(ge=16, le=2048)
    gain: float
    """A pixel value x (0 to 255, RGB) enters the model as `x * gain + offset`."""
    offset: float
    threshold: float
    """An output above it is a piece."""
    apart: float
    """Bodies that are one above `threshold` and several above this are several pieces."""

    @model_validator(mode="after")
    def _levels_agree(self) -> Self:
        if self.apart < self.threshold:
            raise ValueError("apart: must be at least threshold")
        return self


class Thresholds(_Part):
    """The least belief for an answer, from the validation pictures."""

    stage_one_frac: Fraction
    stage_two_frac: Fraction


class Accuracy(_Part):
    """One measured figure, for people: nothing is decided by it."""

    pictures: str
    """What it was measured on."""
    n: int = Field(ge=1)
    right_frac: Fraction
    low_frac: Fraction
    """Lower end of the 95% interval."""
    high_frac: Fraction


class GoldenAnswer(_Part):
    """What the model said to one golden input when the bundle was made."""

    file: FileName
    scores: tuple[Fraction, ...] = Field(strict=False)


class Source(_Part):
    """Something that went into the model."""

    what: str
    where: str
    licence: str


class Manifest(_Part):
    """manifest.toml, word for word."""

    name: str = Field(min_length=1)
    version: str = Field(min_length=1)
    model: FileName
    labels: tuple[str, ...] = Field(min_length=2, strict=False)
    """In the order of the model's output `stage_two`."""
    outputs: tuple[Output, ...] = Field(strict=False)
    """What the model gives, in its own order: always `stage_two` [n, labels]; with `stage_one`
    [n, 3], in the order of `STAGES`, it decides between those and `stage_two` only within the
    answer's labels; `embedding` is what the last layers see, for teaching."""
    temperatures: Temperatures
    stages: dict[str, Stage]
    """Label -> the answer of stage one that it belongs to."""
    bins: dict[str, str]
    """Label -> the bin it goes to unless the settings say otherwise."""
    end_bin: str
    golden_tolerance: Fraction
    """How far a score may be from its golden answer: int8 runtimes differ by a few levels."""
    preprocessing: Preprocessing
    thresholds: Thresholds
    segments: Segments | None = None
    rehearsal: FileName | None = None
    """Embeddings of some pictures that the last layers learned from, for teaching."""
    accuracy: tuple[Accuracy, ...] = Field(strict=False)
    golden: tuple[GoldenAnswer, ...] = Field(min_length=1, strict=False)
    provenance: tuple[Source, ...] = Field(min_length=1, strict=False)
    sha256: dict[FileName, Annotated[str, Field(pattern="^[0-9a-f]{64}$")]]
    """Of every file in the bundle but the manifest itself."""

    @model_validator(mode="after")
    def _labels_agree(self) -> Self:
        labels = set(self.labels)
        if len(labels) != len(self.labels):
            raise ValueError("labels: one is there twice")
        for key, named in (("stages", self.stages), ("bins", self.bins)):
            if odd := labels.symmetric_difference(named):
                raise ValueError(f"{key} and labels differ in {', '.join(sorted(odd))}")
        for answer in self.golden:
            if len(answer.scores) != len(self.labels):
                raise ValueError(f"golden {answer.file}: needs {len(self.labels)} scores")
        if "stage_two" not in self.outputs or len(set(self.outputs)) != len(self.outputs):
            raise ValueError("outputs: needs stage_two, and each at most once")
        files = [self.model] if self.segments is None else [self.model, self.segments.model]
        files += [] if self.rehearsal is None else [self.rehearsal]
        for file in (*files, *(answer.file for answer in self.golden)):
            if file not in self.sha256:
                raise ValueError(f"sha256 has no entry for {file}")
        return self


@dataclass(frozen=True, slots=True, eq=False)
class Golden:
    """An input whose answer is known.

    Attributes:
        file: Its name in the bundle.
        pixels: uint8[H, W, 3], RGB, of the model's size.
        scores: float32[labels], what the model says to it.
    """

    file: str
    pixels: npt.NDArray[np.uint8]
    scores: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """A bundle whose files are all there and unchanged.

    Attributes:
        folder: Where it lies.
        manifest: What it says of itself.
        golden: Inputs with known answers; not yet compared.
    """

    folder: Path
    manifest: Manifest
    golden: tuple[Golden, ...]

    @property
    def name(self) -> str:
        """Name and version, as a report shows them."""
        return f"{self.manifest.name} {self.manifest.version}"

    @property
    def labels(self) -> tuple[str, ...]:
        """In the order of the scores."""
        return self.manifest.labels

    @property
    def stages(self) -> tuple[str, ...]:
        """The answer of stage one that each label belongs to, in the order of `labels`."""
        return tuple(self.manifest.stages[label] for label in self.manifest.labels)

    @property
    def model_path(self) -> Path:
        """The model's file."""
        return self.folder / self.manifest.model


def find(name_or_path: str) -> Path:
    """Find a bundle by the path of its folder, or by name among the installed ones.

    Raises:
        BundleFault: There is none.
    """
    given = Path(name_or_path).expanduser()
    for folder in (given, *(place / name_or_path for place in PLACES)):
        if (folder / MANIFEST).is_file():
            return folder
    known = sorted({found.parent.name for place in PLACES for found in place.glob(f"*/{MANIFEST}")})
    raise BundleFault(
        f"no bundle {name_or_path}: give a folder with a {MANIFEST}, or one of: "
        f"{', '.join(known) or 'none is installed'}"
    )


def load(path: Path) -> Bundle:
    """Read a bundle and check all of it that can be checked without running the model.

    Args:
        path: Its folder.

    Raises:
        BundleFault: Something is missing, changed or makes no sense.
    """
    manifest = _read_manifest(path / MANIFEST)
    for file, expected in manifest.sha256.items():
        if _sha256(path / file) != expected:
            raise BundleFault(
                f"{path / file} is not the file the manifest lists (its sha256 differs): "
                "install the bundle anew"
            )
    return Bundle(path, manifest, tuple(_open_golden(path, manifest)))


def _read_manifest(path: Path) -> Manifest:
    try:
        return Manifest.model_validate(tomllib.loads(_read(path).decode()))
    except ValidationError as fault:
        first = fault.errors()[0]
        key = ".".join(str(step) for step in first["loc"]) or "manifest"
        more = f" (and {fault.error_count() - 1} more)" if fault.error_count() > 1 else ""
        raise BundleFault(f"{path}: {key}: {first['msg']}{more}: correct it") from fault
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise BundleFault(f"{path} is not TOML ({fault}): install the bundle anew") from fault


def _sha256(path: Path) -> str:
    """The checksum of a file, which is never in memory as a whole: 3 ms for 5.6 MB."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as fault:
        raise _unreadable(path, fault) from fault


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as fault:
        raise _unreadable(path, fault) from fault


def _unreadable(path: Path, fault: OSError) -> BundleFault:
    return BundleFault(f"{path} cannot be read ({fault.strerror}): install the bundle anew")


def _open_golden(folder: Path, manifest: Manifest) -> list[Golden]:
    shape = (manifest.preprocessing.height_px, manifest.preprocessing.width_px, 3)
    opened = []
    for answer in manifest.golden:
        packed = np.frombuffer(_read(folder / answer.file), np.uint8)
        pixels = cv2.imdecode(packed, cv2.IMREAD_COLOR) if packed.size else None
        if pixels is None or pixels.shape != shape:
            raise BundleFault(
                f"{folder / answer.file} is not a picture of {shape[1]}x{shape[0]} pixels: "
                "install the bundle anew"
            )
        rgb = np.ascontiguousarray(pixels[:, :, ::-1], np.uint8)
        opened.append(Golden(answer.file, rgb, np.array(answer.scores, np.float32)))
    return opened
