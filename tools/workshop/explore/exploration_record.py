"""What tools/explore.py found, as JSON: every figure of the page, and every file it speaks of."""

import json

from tools.workshop.explore.exploration_figures import (
    changed_since,
    counted_sources,
    faults_of,
    summary,
)
from tools.workshop.explore.exploring import BackgroundOnly, Explored
from tools.workshop.explore.mislabels import Opinion


def as_json(found: Explored) -> bytes:
    """The record, the same for the same data."""
    gathered = found.gathered
    keys = [one.row.key for one in found.pictures]
    record = {
        "pictures": len(gathered.rows),
        "usable": len(found.pictures),
        "parts": gathered.parts,
        "labels": {label: dict(counts) for label, counts in gathered.counts.items()},
        "summary": summary(found),
        "unusable": [{"file": key, "why": why} for key, why in found.unusable],
        "strays": gathered.strays,
        "not_pictures": gathered.others,
        "empty_labels": gathered.empty_labels,
        "one_picture_labels": [la for la, of in gathered.counts.items() if of.total() == 1],
        "missing": gathered.missing,
        "in_two_lists": gathered.in_two_lists,
        "relabelled": gathered.relabelled,
        "copies": [[keys[place] for place in places] for places in found.copies],
        "near": [
            {
                "files": [keys[one.first], keys[one.second]],
                "parts": [found.part(one.first), found.part(one.second)],
                "nearness": round(one.nearness_frac, 4),
                "how": one.how,
            }
            for one in found.alike
        ],
        "two_labels": [
            {"files": [keys[first], keys[second]], "how": how}
            for first, second, how in found.two_labels
        ],
        "claimed": found.claimed,
        "groups": {
            "count": len(found.groups),
            "of_several": sum(len(group) > 1 for group in found.groups),
            "sessions": found.session_groups,
            "largest": max(len(group) for group in found.groups),
            "straddling": found.straddling(),
        },
        "quality": {
            name: [keys[place] for place in places] for name, places in faults_of(found).items()
        },
        "described_by": found.described_by,
        "second_opinion": _judged(found.opinion),
        "mislabels": [
            {
                "file": keys[one.place],
                "given": one.given,
                "thought": one.thought,
                "given_belief": round(one.given_frac, 4),
                "thought_belief": round(one.thought_frac, 4),
            }
            for one in found.suspects
        ],
        "background_only": _background(found.background),
        "sources": [
            {"source": source, "licence": licence, "labels": dict(counts)}
            for (source, licence), counts in counted_sources(found).items()
        ],
        "changed_since_listed": changed_since(found),
    }
    return (json.dumps(record, indent=1) + "\n").encode()


def _background(found: BackgroundOnly) -> dict[str, object]:
    chance = None
    if found.background is not None:
        chance = {
            "accuracy": round(found.background.commonest.frac, 4),
            "macro_recall": round(1 / len(found.background.labels), 4),
        }
    return {
        "pictures": len(found.places),
        "background": _judged(found.background),
        "box": _judged(found.box),
        "whole": _judged(found.whole),
        "chance": chance,
    }


def _judged(opinion: Opinion | None) -> dict[str, object] | None:
    if opinion is None:
        return None
    low, high = opinion.accuracy.interval
    return {
        "n": opinion.accuracy.n,
        "accuracy": round(opinion.accuracy.frac, 4),
        "interval": [round(low, 4), round(high, 4)],
        "macro_recall": round(opinion.macro_recall_frac, 4),
        "recall": {label: round(share.frac, 4) for label, share in opinion.recalls.items()},
    }
