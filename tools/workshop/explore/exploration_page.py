"""The page of tools/explore.py: what was found in a data set, with the pictures that show it.

Every section is there whatever was found: an empty one says that nothing was, so that a reader
knows it was looked for.
"""

from collections import Counter
from typing import Any

import numpy as np
from tqdm import tqdm

from tools.workshop.explore.exploration_figures import (
    changed_since,
    counted_sources,
    faults_of,
    summary,
)
from tools.workshop.explore.exploration_opinions import background_section, mislabel_section
from tools.workshop.explore.exploring import Explored
from tools.workshop.explore.quality import (
    BLURRED_BELOW,
    BRIGHT_ABOVE,
    DARK_BELOW,
    MOST_CLIPPED_FRAC,
    SCALE_PX,
)
from tools.workshop.explore.showcase import Showcase
from tools.workshop.pages import Page
from tools.workshop.places import Place

_PER_LABEL = 8
_MOST_NAMED = 40
"""Rows of a table of odd files; the JSON has all of them."""


def exploration_page(place: Place, found: Explored, *, most: int, seed: int) -> Page:
    """Make the page.

    Args:
        place: Where the pictures are; they are fetched again for showing.
        found: What was found.
        most: Pictures or pairs in a section.
        seed: Of the samples.

    Raises:
        WorkshopFault: The bucket can no longer be read.
    """
    page = Page(f"What is in {place}")
    case = Showcase(page, place, found, most=most, seed=seed)
    sections = (
        _summary,
        _counts,
        _samples,
        _odd_files,
        _sizes,
        _copies,
        _near,
        _two_labels,
        _quality,
        mislabel_section,
        background_section,
        _sources,
    )
    for section in tqdm(sections, desc="page", unit="section"):
        section(case)
    return page


def _summary(case: Showcase) -> None:
    found, gathered = case.found, case.found.gathered
    labels = gathered.counts
    case.page.text(
        f"{len(gathered.rows)} pictures with {len(labels)} labels"
        + (f" in {', '.join(gathered.parts)}" if len(gathered.parts) > 1 else "")
        + f". Described by {found.described_by}."
    )
    case.page.table(("what stands out", "how many"), summary(found).items())


def _counts(case: Showcase) -> None:
    case.page.section("Pictures of each label")
    gathered = case.found.gathered
    counts = gathered.counts
    groups = Counter(
        label
        for group in case.found.groups
        for label in {case.found.pictures[place].row.label for place in group}
    )
    parts = gathered.parts if len(gathered.parts) > 1 else []
    case.page.table(
        ("label", "pictures", *parts, "groups"),
        [
            (
                label,
                counts[label].total(),
                *(counts[label][part] for part in parts),
                groups[label],
            )
            for label in counts
        ],
    )
    case.page.text(
        "A group is what must stay together: copies, near-duplicates, one session. A label "
        "with few groups says little, however many pictures it has."
    )

    def draw(axes: Any) -> None:  # noqa: ANN401  # matplotlib's axes, made by pages
        left = np.zeros(len(counts))
        for part in gathered.parts:
            widths = np.array([counts[label][part] for label in counts])
            axes.barh(list(counts), widths, left=left, label=part)
            left += widths
        axes.invert_yaxis()
        axes.set_xlabel("pictures")
        if parts:
            axes.legend()

    case.page.plot(draw, height=0.8 + 0.32 * len(counts))


def _samples(case: Showcase) -> None:
    case.page.section("Samples")
    for label in case.found.gathered.counts:
        places = [p for p, one in enumerate(case.found.pictures) if one.row.label == label]
        some = case.rng.permutation(places)[:_PER_LABEL]
        case.page.text(f"{label}:")
        case.show((int(place), case.key(int(place))) for place in sorted(some))


def _odd_files(case: Showcase) -> None:
    case.page.section("Files and labels that are odd")
    gathered = case.found.gathered
    alone = [label for label, counts in gathered.counts.items() if counts.total() == 1]
    rows: list[tuple[str, str]] = list(case.found.unusable)
    rows += [(key, "in no label's folder and in no list") for key in gathered.strays]
    rows += [(f"{label}/", "a label without pictures") for label in gathered.empty_labels]
    rows += [(label, "a label with one picture only") for label in alone]
    rows += [(key, "named by a list, not there") for key in gathered.missing]
    rows += [(key, "in two lists") for key in gathered.in_two_lists]
    rows += [(key, "labelled otherwise than its folder") for key in gathered.relabelled]
    rows += [(key, "not a picture by its name") for key in gathered.others]
    if not rows:
        case.page.text("None: every file is a picture that can be used.")
        return
    case.page.table(("file or label", "what about it"), rows[:_MOST_NAMED])
    case.more(len(rows), _MOST_NAMED)


def _sizes(case: Showcase) -> None:
    case.page.section("Sizes")
    pictures = case.found.pictures
    sizes = Counter((one.width_px, one.height_px) for one in pictures)
    case.page.table(
        ("width x height, pixels", "pictures"),
        [(f"{w} x {h}", number) for (w, h), number in sizes.most_common(8)],
    )
    longer = np.array([max(one.width_px, one.height_px) for one in pictures])
    weights = np.array([one.size_bytes for one in pictures]) / 1024
    case.page.text(
        f"{len(sizes)} sizes; longer side {longer.min()} to {longer.max()} px, in the middle "
        f"{np.median(longer):.0f} px; files {weights.min():.0f} to {weights.max():.0f} KiB, "
        f"{weights.sum() / 1024:.1f} MiB in all."
    )

    def draw(axes: Any) -> None:  # noqa: ANN401  # as above
        for label in case.found.gathered.counts:
            some = [one for one in pictures if one.row.label == label]
            axes.scatter(
                [one.width_px for one in some],
                [one.height_px for one in some],
                s=9,
                alpha=0.5,
                label=label,
            )
        axes.set_xlabel("width, pixels")
        axes.set_ylabel("height, pixels")
        axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))

    case.page.plot(draw)


def _copies(case: Showcase) -> None:
    case.page.section("The same file more than once")
    copies = case.found.copies
    if not copies:
        case.page.text("None: no two files are equal byte for byte.")
        return
    more = sum(len(places) - 1 for places in copies)
    case.page.text(f"{len(copies)} pictures are there several times, {more} files too many.")
    case.pairs((places[0], places[1], f"{len(places)} times") for places in copies)
    case.more(len(copies), case.most)


def _near(case: Showcase) -> None:
    case.page.section("Nearly the same picture")
    alike = case.found.alike
    parts = case.found.gathered.parts
    if not alike:
        case.page.text("No pair was found.")
        return
    across = [one for one in alike if case.found.across(one.first, one.second)]
    within = [one for one in alike if not case.found.across(one.first, one.second)]
    if len(parts) > 1:
        pairs = Counter(
            tuple(sorted(parts.index(case.found.part(p)) for p in (one.first, one.second)))
            for one in alike
        )
        case.page.table(
            ("pairs", *parts),
            [
                (row, *(pairs[min(i, j), max(i, j)] for j in range(len(parts))))
                for i, row in enumerate(parts)
            ],
        )
        case.page.text(
            f"{len(across)} pairs are in two parts: what is measured on one of the two is "
            f"partly remembered. {case.found.straddling()} groups (with sessions) straddle."
        )
    for title, some in (("In two parts", across), ("In one part", within)):
        if some:
            if len(parts) > 1:
                case.page.text(f"{title}: {len(some)} pairs, the nearest first.")
            else:
                case.page.text(f"{len(some)} pairs, the nearest first.")
            case.pairs(
                (one.first, one.second, f"{one.nearness_frac:.2f} by {one.how}") for one in some
            )
            case.more(len(some), case.most)


def _two_labels(case: Showcase) -> None:
    case.page.section("One picture under two labels")
    pairs, claimed = case.found.two_labels, case.found.claimed
    if not pairs and not claimed:
        case.page.text("None was found.")
    case.pairs(pairs)
    case.more(len(pairs), case.most)
    if claimed:
        case.page.text("Got under several labels, by the table of origins:")
        rows = [(key, ", ".join(labels)) for key, labels in claimed.items()]
        case.page.table(("file", "labels"), rows[:_MOST_NAMED])
        case.more(len(rows), _MOST_NAMED)


def _quality(case: Showcase) -> None:
    case.page.section("Blur and exposure")
    pictures = case.found.pictures
    faults = faults_of(case.found)
    case.page.table(
        ("label", "sharpness, middle", "mean level, middle", *faults),
        [
            (
                label,
                f"{np.median([one.quality.sharpness for one in some]):.0f}",
                f"{np.median([one.quality.mean_level for one in some]):.0f}",
                *(
                    sum(pictures[place].row.label == label for place in places)
                    for places in faults.values()
                ),
            )
            for label in case.found.gathered.counts
            if (some := [one for one in pictures if one.row.label == label])
        ],
    )
    case.page.text(
        f"Sharpness is the variance of the Laplacian in the sharpest sixteenth of the picture "
        f"at {SCALE_PX} px; below {BLURRED_BELOW:.0f} it is blurred, or of something that has "
        f"hardly an edge. Dark is a mean grey level below {DARK_BELOW:.0f}, bright above "
        f"{BRIGHT_ABOVE:.0f}; clipped is more than {MOST_CLIPPED_FRAC:.0%} of the pixels at "
        "black or white."
    )
    for name, places in faults.items():
        if places:
            case.page.text(f"{name}: {len(places)}, the worst first.")
            case.show((place, _measured(case, place, name)) for place in places[: case.most])


def _measured(case: Showcase, place: int, fault: str) -> str:
    quality = case.found.pictures[place].quality
    figure = {
        "blurred": f"{quality.sharpness:.0f}",
        "clipped": f"{quality.clipped_frac:.0%}",
    }.get(fault, f"{quality.mean_level:.0f}")
    return f"{figure}: {case.key(place)}"


def _sources(case: Showcase) -> None:
    case.page.section("Sources and licences")
    found = case.found
    if not found.origins.table:
        case.page.text("There is no SOURCES.csv and no provenance.csv beside the data.")
        return
    counted = counted_sources(found)
    labels = list(found.gathered.counts)
    case.page.table(
        ("source", "licence", "pictures", *labels),
        [
            (
                source or "not said",
                licence or "not said",
                of.total(),
                *(of[la] for la in labels),
            )
            for (source, licence), of in sorted(counted.items(), key=lambda e: -e[1].total())
        ],
    )
    changed = changed_since(found)
    case.page.text(
        f"By {found.origins.table}. {len(changed)} files differ from the sha256 it lists"
        + (f" (first {changed[0]})." if changed else ".")
    )
