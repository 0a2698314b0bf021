"""What the sources offer: every picture by its label and origin, before any is fetched.

Lists are read, folders and buckets are listed. What cannot be asked for (a line that is no link, a
crop that the station does not know) stays in the list with the reason, so that it is reported like
a dead link. The first source that offers an origin under a label has it.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fsspec.core import url_to_fs

from sorterd.sinks.review_folder import LIST, NEW
from tools.workshop.collect.fetching import host_of
from tools.workshop.collect.obtained import Body, Missed, stamp
from tools.workshop.collect.sources import Source, is_label, links
from tools.workshop.faults import WorkshopFault
from tools.workshop.labelled import Labelled, in_folders
from tools.workshop.places import Place


@dataclass(frozen=True, slots=True)
class Stored:
    """A file of a folder or a bucket.

    Attributes:
        place: The folder or bucket.
        key: Of the file in it.
        size_bytes: As listed; None for what is no regular file.
        changed: When it was last written, as `stamp` writes it.
    """

    place: Place
    key: str
    size_bytes: int | None
    changed: str

    def read(self, *, most_bytes: int) -> Body | Missed:
        """The file's content, or why it is not to be had."""
        if self.size_bytes is None:
            return Missed("not a file that can be read", lasting=False)
        if self.size_bytes > most_bytes:
            return Missed(f"longer than {most_bytes} bytes", lasting=True)
        try:
            return Body(self.place.read(self.key), self.changed)
        except WorkshopFault as fault:
            return Missed(str(fault), lasting=False)


@dataclass(frozen=True, slots=True)
class Original:
    """One picture that a source offers.

    Attributes:
        label: What it is said to show.
        origin: Its link, or the source's place as written and its key.
        name: Of the source.
        source: Its terms and limits.
        host: Who is asked for it: what is counted when only so many may ask at a time.
        stored: Where it lies, if it is no link.
        refused: Why it cannot be asked for, if so.
    """

    label: str
    origin: str
    name: str
    source: Source
    host: str
    stored: Stored | None = None
    refused: Missed | None = None

    @property
    def identity(self) -> tuple[str, str]:
        """By which a later run knows it."""
        return self.label, self.origin


@dataclass(frozen=True, slots=True)
class Wanted:
    """What all sources offer.

    Attributes:
        originals: Each once, in the order of the sources.
        repeated: Offers left out because an earlier one is the same.
        unsorted: Crops of each review that wait for a person; sources with none are left out.
    """

    originals: list[Original]
    repeated: int
    unsorted: dict[str, int]


def wanted(sources: Mapping[str, Source], beside: Path, out: Path) -> Wanted:
    """List what the sources offer.

    Args:
        sources: By their names.
        beside: The folder that their relative paths begin in.
        out: Where the collection is to be; no source may contain it.

    Raises:
        WorkshopFault: A list, folder or bucket cannot be read or offers nothing, or two labels
            differ in case only.
    """
    found: dict[tuple[str, str], Original] = {}
    unsorted: dict[str, int] = {}
    offered = 0
    for name, source in sources.items():
        for original in _offers(name, source, beside, out, unsorted):
            offered += 1
            found.setdefault(original.identity, original)
    originals = list(found.values())
    _check_case(originals)
    return Wanted(originals, offered - len(originals), unsorted)


def _offers(
    name: str, source: Source, beside: Path, out: Path, unsorted: dict[str, int]
) -> Iterator[Original]:
    address = source.reached_from(beside)
    if source.kind == "list":
        yield from (_link(name, source, one) for one in links(Path(address)))
        return
    place = Place(address)
    if place.local is not None and out.resolve().is_relative_to(place.local.resolve()):
        raise WorkshopFault(f"{out} lies in the source {name} ({place}): collect to elsewhere")
    known: set[str] | None = None
    if source.kind == "review":
        known = _in_review(place)
        rows = list(_sorted_crops(place, name, unsorted))
    elif source.label is not None:
        rows = [Labelled(source.label, key) for key in place.pictures()]
        if not rows:
            raise WorkshopFault(f"no pictures in {place}: check the source {name}")
    else:
        rows = in_folders(place)
    files = _listed(place, [row.key for row in rows])
    for row in rows:
        if not is_label(row.label):
            raise WorkshopFault(f"{place}/{row.label} is no label: rename it with letters only")
        yield Original(
            row.label,
            f"{source.where.rstrip('/')}/{row.key}",
            name,
            source,
            str(place),
            files[row.key],
            _stranger(row.key, known),
        )


def _link(name: str, source: Source, link: str) -> Original:
    host = host_of(link)
    refused = Missed("not an http or https address", lasting=True) if host is None else None
    return Original(str(source.label), link, name, source, host or "", refused=refused)


def _in_review(place: Place) -> set[str]:
    """The names of the crops that the station's own list knows, whatever folder they are in now."""
    try:
        reader = csv.DictReader(io.StringIO(place.read(LIST).decode("utf-8-sig")))
        if "file" not in (reader.fieldnames or ()):
            raise WorkshopFault(f"{place}/{LIST} has no column file: give a station's own")
        return {PurePosixPath(row["file"]).name for row in reader if row["file"]}
    except (UnicodeDecodeError, csv.Error) as fault:
        raise WorkshopFault(f"{place}/{LIST} is no CSV in UTF-8 ({fault})") from fault


def _sorted_crops(place: Place, name: str, unsorted: dict[str, int]) -> Iterator[Labelled]:
    for key in place.pictures():
        label, slash, _ = key.partition("/")
        if PurePosixPath(key).suffix.lower() != ".png":
            continue
        if slash and label != NEW:
            yield Labelled(label, key)
        else:
            unsorted[name] = unsorted.get(name, 0) + 1


def _stranger(key: str, known: set[str] | None) -> Missed | None:
    if known is not None and PurePosixPath(key).name not in known:
        return Missed(f"not in {LIST}: no crop of this station", lasting=False)
    try:
        key.encode()
    except UnicodeEncodeError:
        return Missed("its name is no UTF-8: rename it", lasting=False)
    # A row of the provenance is one line.
    return Missed("its name has a line break", lasting=False) if len(key.splitlines()) > 1 else None


def _listed(place: Place, keys: Iterable[str]) -> dict[str, Stored]:
    if (folder := place.local) is not None:
        return {key: _on_disk(place, folder, key) for key in keys}
    files, root = url_to_fs(str(place))
    # The listing that `Place` has just made; one question to the bucket, not one for each file.
    told = {path[len(root) :].lstrip("/"): i for path, i in files.find(root, detail=True).items()}
    return {key: _in_bucket(place, key, told[key]) for key in keys}


def _on_disk(place: Place, folder: Path, key: str) -> Stored:
    try:
        found = (folder / key).stat()
    except OSError:
        return Stored(place, key, None, "")
    regular = (folder / key).is_file()
    return Stored(place, key, found.st_size if regular else None, stamp(found.st_mtime))


def _in_bucket(place: Place, key: str, told: Mapping[str, object]) -> Stored:
    size, changed = told.get("size"), told.get("LastModified")
    moment = getattr(changed, "timestamp", None)
    return Stored(
        place, key, size if isinstance(size, int) else None, stamp(moment()) if moment else ""
    )


def _check_case(originals: Iterable[Original]) -> None:
    spelt: dict[str, str] = {}
    for label in dict.fromkeys(original.label for original in originals):
        if (other := spelt.setdefault(label.casefold(), label)) != label:
            raise WorkshopFault(
                f"the labels {other} and {label} differ in case only: spell them the same"
            )
