"""Where pictures come from: named sources, each with its label, licence, author and limits.

They are read from one YAML file, or follow from a folder: `<label>/urls.txt` below it makes one
list a label, `review.csv` in it makes it a station's review folder. Everything that can be wrong
with them is said before anything is fetched, in one line that names the file and the key.

A picture is named by its origin: its link, or its place as the person wrote it and its key. By
label and origin a later run knows what it has. Nothing is fetched or decoded here.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sorterd.recordings.pictures import LEAST_PX, MOST_BYTES, MOST_PX
from sorterd.sinks.review_folder import LIST
from tools.workshop.faults import WorkshopFault

LINKS = "urls.txt"
# A label becomes the name of a folder on every kind of machine.
_LABEL = re.compile(r"\w([\w &+()-]*[\w)+])?")
# What pydantic calls a fault, in a person's words; others are told as pydantic tells them.
_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not a key that is known here",
    "string_type": "must be a text: put it in quotes",
    "int_type": "must be a whole number",
    "string_pattern_mismatch": "must be one line of text",
}

Line = Annotated[str, Field(pattern=r"^\S([^\r\n]*\S)?$")]
"""A text on one line, with no blanks around it."""


class Source(BaseModel):
    """One named source.

    Attributes:
        kind: `list` of links in a text file, `folder` on this machine, `bucket`, or `review`: a
            station's crops in folders named by the label that a person sorted them into.
        where: The file, folder or bucket, as the person wrote it.
        label: Of all its pictures. A folder or bucket without one has a folder for each label.
        licence: Of all its pictures.
        author: To be named with them.
        most_files: Pictures wanted of each of its labels.
        least_px: A shorter side below this is refused.
        most_px: More pixels in all are refused.
        most_bytes: A larger file is refused.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    kind: Literal["list", "folder", "bucket", "review"]
    where: Line
    label: str | None = None
    licence: Line
    author: Line
    most_files: int | None = Field(default=None, ge=1)
    least_px: int = Field(default=LEAST_PX, ge=LEAST_PX)
    most_px: int = Field(default=MOST_PX, ge=LEAST_PX * LEAST_PX, le=MOST_PX)
    most_bytes: int = Field(default=32 << 20, ge=1, le=MOST_BYTES)

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if self.label is not None and not is_label(self.label):
            raise ValueError(f"label {self.label!r} cannot name a folder: use letters and digits")
        if self.kind == "list" and self.label is None:
            raise ValueError("label is missing: a list says what all its links show")
        if self.kind == "review" and self.label is not None:
            raise ValueError("label does not belong here: the folders of a review name the labels")
        if (self.kind == "bucket") != ("://" in self.where) and self.kind != "review":
            right = "s3://bucket/folder" if self.kind == "bucket" else "a path on this machine"
            raise ValueError(f"where must be {right} for the kind {self.kind}")
        return self

    def reached_from(self, beside: Path) -> str:
        """The address of the file, folder or bucket, for a program that runs anywhere.

        Args:
            beside: The folder that a relative path begins in.
        """
        return self.where if "://" in self.where else str(beside / Path(self.where).expanduser())


def is_label(name: str) -> bool:
    """Whether a text can be a label: it must be able to name a folder."""
    return _LABEL.fullmatch(name) is not None


def read_sources(
    path: Path, limits: Mapping[str, int], *, licence: str, author: str
) -> tuple[dict[str, Source], Path]:
    """The sources that a YAML file or a folder describes.

    Args:
        path: A YAML file, a folder with `<label>/urls.txt`, or a station's review folder.
        limits: For sources that state none of their own, by the names of `Source`.
        licence: Of what lies in a folder; a YAML file says it for each source.
        author: The same.

    Returns:
        The sources by name, in the file's order, and the folder that their paths begin in.

    Raises:
        WorkshopFault: Something in them is wrong; the line names the file and the key.
    """
    if not path.is_dir():
        return _in_file(path, limits), path.parent
    own = {**limits, "licence": licence, "author": author}
    if (path / LIST).is_file():
        return {path.resolve().name: _own(own, kind="review", where=".")}, path
    return _in_lists(path, own), path


def links(path: Path) -> list[str]:
    """The lines of a list of links that are neither empty nor begin with `#`, in its order.

    Raises:
        WorkshopFault: There is no such text file, or nothing in it.
    """
    found = [line.strip() for line in _text(path).splitlines()]
    found = [line for line in found if line and not line.startswith("#")]
    if not found:
        raise WorkshopFault(f"{path} names no links: write one on each line, or remove it")
    return found


def _in_lists(folder: Path, own: Mapping[str, object]) -> dict[str, Source]:
    try:
        inner = sorted(one for one in folder.iterdir() if (one / LINKS).is_file())
    except OSError as fault:
        raise WorkshopFault(f"{folder} cannot be listed ({fault.strerror})") from fault
    if not inner:
        raise WorkshopFault(
            f"{folder} holds no <label>/{LINKS} and no {LIST}: give a folder with one of them, "
            "or a YAML file of sources"
        )
    for one in inner:
        if not is_label(one.name):
            raise WorkshopFault(f"{one} is no label: rename it with letters and digits")
    lists = {f"{one.name}/{LINKS}": one.name for one in inner}
    return {w: _own(own, kind="list", where=w, label=label) for w, label in lists.items()}


def _own(own: Mapping[str, object], **what: str) -> Source:
    """A source that nobody described: whose it is, the options say."""
    try:
        return Source.model_validate({**own, **what})
    except ValidationError as fault:
        raise WorkshopFault(_told(fault)) from fault


def _in_file(path: Path, limits: Mapping[str, int]) -> dict[str, Source]:
    try:
        read = yaml.load(_text(path), _OneOfEach)  # noqa: S506  # a SafeLoader, below
    except yaml.YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        line = "" if mark is None else f":{mark.line + 1}"
        why = getattr(fault, "problem", None) or str(fault)
        raise WorkshopFault(f"{path}{line}: {why}: correct the YAML") from fault
    named = read.get("sources") if isinstance(read, dict) else None
    if not isinstance(named, dict) or not named or set(read) != {"sources"}:
        raise WorkshopFault(f"{path} must hold one key, sources, with a name for each source")
    return {str(name): _checked(path, name, entry, limits) for name, entry in named.items()}


def _checked(path: Path, name: object, entry: object, limits: Mapping[str, int]) -> Source:
    if not isinstance(name, str) or not name.strip() or len(name.splitlines()) != 1:
        raise WorkshopFault(f"{path}: the name {name!r} of a source must be a text")
    if not isinstance(entry, dict):
        raise WorkshopFault(f"{path}: sources.{name} must hold kind, where, licence and author")
    try:
        return Source.model_validate({**limits, **entry})
    except ValidationError as fault:
        raise WorkshopFault(f"{path}: {_told(fault, 'sources', name)}") from fault


def _told(fault: ValidationError, *at: str) -> str:
    """The first thing that is wrong, by its key, and how many more there are."""
    first = fault.errors()[0]
    key = ".".join((*at, *map(str, first["loc"])))
    said = first["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    why = _WORDS.get(first["type"], said)
    others = fault.error_count() - 1
    return f"{key} {why}" + (f" (and {others} more)" if others else "")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as fault:
        raise WorkshopFault(f"{path} is not there: check the name") from fault
    except OSError as fault:
        raise WorkshopFault(f"{path} cannot be read ({fault.strerror}): give a file") from fault
    except UnicodeDecodeError as fault:
        raise WorkshopFault(f"{path} is no text in UTF-8: save it as such") from fault


class _OneOfEach(yaml.SafeLoader):
    """A safe loader to which a key that stands twice is a fault, not the last one right."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002  # the parent's signature
        for key in _twice(node):
            raise yaml.MarkedYAMLError(
                problem=f"the key {key.value} stands here a second time",
                problem_mark=key.start_mark,
            )
        return super().construct_mapping(node, deep=deep)


def _twice(node: yaml.MappingNode) -> Iterator[yaml.ScalarNode]:
    seen = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode):
            if key.value in seen:
                yield key
            seen.add(key.value)
