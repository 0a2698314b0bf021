"""Figures that follow from what was found in a data set; the page and the JSON both state them."""

from collections import Counter, defaultdict
from collections.abc import Callable

from tools.workshop.explore.exploring import Explored
from tools.workshop.explore.quality import Quality


def summary(found: Explored) -> dict[str, int]:
    """What stands out, each with how often."""
    gathered = found.gathered
    across = sum(found.across(one.first, one.second) for one in found.alike)
    return {
        "files that cannot be used": len(found.unusable),
        "pictures in no label's folder": len(gathered.strays),
        "labels without pictures": len(gathered.empty_labels),
        "labels with one picture": sum(c.total() == 1 for c in gathered.counts.values()),
        "files that are there more than once": len(found.copies),
        "pairs that are nearly the same": len(found.alike),
        "of those, in two parts": across,
        "groups in two parts": found.straddling(),
        "pictures under two labels": len(found.two_labels) + len(found.claimed),
        **{f"{name} pictures": len(places) for name, places in faults_of(found).items()},
        "labels that may be wrong": len(found.suspects),
    }


def faults_of(found: Explored) -> dict[str, list[int]]:
    """Places of the blurred, dark, bright and clipped pictures, the worst first."""
    pictures = found.pictures
    worst: dict[str, Callable[[Quality], float]] = {
        "blurred": lambda quality: quality.sharpness,
        "dark": lambda quality: quality.mean_level,
        "bright": lambda quality: -quality.mean_level,
        "clipped": lambda quality: -quality.clipped_frac,
    }

    def places(name: str, badness: Callable[[Quality], float]) -> list[int]:
        some = [place for place, one in enumerate(pictures) if name in one.quality.faults]
        return sorted(some, key=lambda place: badness(pictures[place].quality))

    return {name: places(name, badness) for name, badness in worst.items()}


def counted_sources(explored: Explored) -> dict[tuple[str, str], Counter[str]]:
    """(source, licence) -> label -> pictures."""
    counted: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for one in explored.pictures:
        key = one.row.key
        counted[explored.origins.source(key), explored.origins.licence(key)][one.row.label] += 1
    return dict(counted)


def changed_since(explored: Explored) -> list[str]:
    """Keys whose file is not the one that the table of origins lists, by its sha256."""
    return [
        one.row.key
        for one in explored.pictures
        if (sha256 := explored.origins.value(one.row.key, "sha256")) and sha256 != one.sha256
    ]
