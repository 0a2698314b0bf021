"""What a simple classifier thinks of a data set: doubtful labels, and what backgrounds say."""

from collections import Counter

from tools.workshop.explore.backgrounds import background_of
from tools.workshop.explore.mislabels import Opinion
from tools.workshop.explore.showcase import Showcase, seen_again, side_by_side, tile_of

_SHOWN = 16
"""Backgrounds that gave their label away."""


def mislabel_section(case: Showcase) -> None:
    """Show the pictures whose label may be wrong, given against thought."""
    case.page.section("Labels that may be wrong")
    judged = case.found.opinion
    if judged is None:
        case.page.text("Not looked for: that takes two labels with two groups or more.")
        return
    case.page.text(
        f"A linear classifier on {case.found.described_by}, which never learned from the "
        f"picture it judges nor from its group, gives the label that the data give to "
        f"{judged.accuracy}. Where it hardly believes the given label and has a better one, a "
        f"person should look: {len(case.found.suspects)} pictures, the least believed first. Most "
        "of them are only hard."
    )
    if case.found.by_embedding:
        case.page.text(
            "A model that was itself trained on these pictures has learned their labels, wrong "
            "ones too: then fewer are found than there are."
        )
    case.show(
        (
            one.place,
            (
                f"given {one.given} ({one.given_frac:.0%}), thought {one.thought} "
                f"({one.thought_frac:.0%}): {case.key(one.place)}"
            ),
        )
        for one in case.found.suspects[: case.most]
    )
    case.more(len(case.found.suspects), case.most)


def background_section(case: Showcase) -> None:
    """Say what can be told of a picture with its thing taken out."""
    case.page.section("What the background alone gives away")
    found = case.found.background
    if found.background is None or found.box is None or found.whole is None:
        case.page.text(
            f"Not measured: in {len(found.places)} pictures a thing could be told from its "
            "background, which is too few of too few labels."
        )
        return
    judged = found.background
    chance = 1 / len(judged.labels)
    case.page.text(
        f"In {len(found.places)} of {len(case.found.pictures)} pictures one thing could be "
        "told from its background. Its box was filled from around it, and the same kind of "
        "classifier asked again, each time for groups it had not learned from. What is much "
        "above guessing can be learned without looking at the thing; on a belt it is worth "
        "nothing. Labels count alike in learning: compare the mean recalls."
    )
    case.page.table(
        ("what is seen", "right", "95% interval", "mean recall"),
        [
            _judged_row("the whole picture", found.whole),
            _judged_row("the background only", judged),
            _judged_row("size and place of the filled box only", found.box),
            (
                "nothing (always the commonest label)",
                f"{judged.commonest.frac:.1%}",
                "",
                f"{chance:.1%}",
            ),
        ],
    )
    whole = found.whole.recalls
    cut = Counter(case.found.pictures[place].row.label for place in found.places)
    case.page.table(
        ("label", "pictures cut", "recall by background", "recall by the whole picture"),
        [
            (label, cut[label], f"{share.frac:.1%}", f"{whole[label].frac:.1%}")
            for label, share in judged.recalls.items()
        ],
    )
    right = judged.places[judged.beliefs.argmax(axis=1) == judged.given]
    some = case.rng.permutation([found.places[int(row)] for row in right])[:_SHOWN]
    case.page.text("Some whose label the background alone gave away:")
    tiles = []
    for place in sorted(int(place) for place in some):
        pixels = seen_again(case.place, case.key(place))
        if pixels is not None and (cut_out := background_of(pixels)) is not None:
            both = side_by_side(tile_of(pixels), tile_of(cut_out.pixels))
            tiles.append((both, f"{case.found.pictures[place].row.label}: {case.key(place)}"))
    case.page.pictures(tiles)


def _judged_row(what: str, judged: Opinion) -> tuple[str, ...]:
    low, high = judged.accuracy.interval
    accuracy = f"{judged.accuracy.frac:.1%}"
    return what, accuracy, f"{low:.1%} to {high:.1%}", f"{judged.macro_recall_frac:.1%}"
