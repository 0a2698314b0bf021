"""Look at the pictures of a source one by one, keep those of one label, and know when to stop.

What a run does depends on the order of the source, on what the model says and on the settings; it
does not depend on how far ahead pictures are looked at, nor on where. What an earlier run has
looked at is taken from the ledger and counts as if it were looked at now: a run that is repeated
ends where it ended, and one with wider limits goes on from there.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from tools.workshop.faults import WorkshopFault
from tools.workshop.places import Place
from tools.workshop.sift.keeping import copy_in, describe_found, describe_review
from tools.workshop.sift.ledger import Decision, Ledger, Row
from tools.workshop.sift.seeking import Rules, Sought

REVIEW: Final = "review"


class Ending(Enum):
    """Why a run stopped; the values are exit codes. 1, 2 and 130 mean the same in every command."""

    DONE = 0
    """As many were found as were wanted; or no number was, and the source came to its end."""
    PATIENCE = 3
    """So many misses in a row that the rest is not worth looking at."""
    MOST = 4
    """As many pictures were looked at as may be, and there are more."""
    SHORT = 5
    """The source came to its end before as many were found as were wanted."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop; None for never.

    Attributes:
        scan: Pictures looked at.
        want: Pictures found.
        patience: Pictures passed in a row. One for review or a broken one is no hit and no miss.
    """

    scan: int | None = None
    want: int | None = None
    patience: int | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """What a run shall do.

    Attributes:
        source: Where the pictures are.
        destination: Where the folder of copies is made.
        name: That folder's.
        label: Looked for.
        model: See `model_name`.
        rules: What becomes of a score.
        limits: When to stop.
        price: Of looking at one picture; None if none was given.
        writes: False for a run that only says what it would do.
    """

    source: Place
    destination: Place
    name: str
    label: str
    model: str
    rules: Rules
    limits: Limits
    price: float | None = None
    writes: bool = True

    def folder_of(self, decision: Decision) -> Place:
        """Where copies of a decision go."""
        name = f"{REVIEW}/{self.name}" if decision == "review" else self.name
        return self.destination.below(name)


@dataclass(slots=True)
class Outcome:
    """What a run has done so far.

    Attributes:
        counts: Pictures looked at, by decision.
        ending: Why it stopped.
        known: Of the pictures looked at, those that an earlier run had looked at.
        copied: Copies that were not there before, in order, each with the decision; in a run that
            writes nothing, all copies.
        broken: Pictures of no use, each with the reason.
        left_over: Copies from earlier settings that these would not have made.
        cost: Of this run, in the price's currency.
        in_a_row: Misses since the last find.
    """

    counts: Counter[Decision] = field(default_factory=Counter)
    ending: Ending = Ending.DONE
    known: int = 0
    copied: list[tuple[Decision, str]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)
    cost: float = 0.0
    in_a_row: int = 0


Spread = Callable[[Iterable[str]], Generator[Sought, None, None]]
Watch = Callable[[Sequence[str], Outcome], Iterable[str]]


def model_name(manifest: bytes) -> str:
    """What a ledger calls a bundle: its manifest has the checksum of everything else in it."""
    return hashlib.sha256(manifest).hexdigest()[:12]


def sift(job: Job, keys: Sequence[str], ledger: Ledger, *, spread: Spread, watch: Watch) -> Outcome:
    """Look, decide, copy, and stop when it is time.

    Args:
        job: What to do.
        keys: Of the source's pictures, in order.
        ledger: Of the destination; it is up to date when this returns or raises.
        spread: Has a `Seeker` look at pictures, some of them ahead; gives answers in order.
        watch: Given the keys, gives them again and shows how far the run is.

    Raises:
        WorkshopFault: A place cannot be read or written, or the cluster is lost.
    """
    outcome = Outcome(ending=Ending.DONE if job.limits.want is None else Ending.SHORT)
    try:
        _sift(job, keys, ledger, outcome, spread=spread, watch=watch)
    except BaseException:
        # Why it ended is what must be told, even where the ledger cannot be written either.
        with suppress(WorkshopFault):
            _finish(job, ledger)
        raise
    _finish(job, ledger)
    return outcome


def _sift(
    job: Job,
    keys: Sequence[str],
    ledger: Ledger,
    outcome: Outcome,
    *,
    spread: Spread,
    watch: Watch,
) -> None:
    scanned = keys[: job.limits.scan]
    known = {key: row for key in scanned if (row := _reusable(job, ledger, key)) is not None}
    with closing(spread(key for key in scanned if key not in known)) as answers:
        for looked_at, key in enumerate(watch(scanned, outcome), start=1):
            content = b""
            if (row := known.get(key)) is None:
                sought = next(answers)
                row, content = _row(job, sought), sought.content
                outcome.cost += job.price or 0.0
            else:
                row = _decided_anew(job, row)
                outcome.known += 1
            row = _with_copy(job, row, content, outcome)
            _count(job, row, ledger.get(row.known), outcome)
            ledger.put(row)
            if _stops(job.limits, outcome, looked_at=looked_at, of=len(keys)):
                return


def _reusable(job: Job, ledger: Ledger, key: str) -> Row | None:
    """The row of a picture that need not be looked at again."""
    row = ledger.get((str(job.source), key, job.label, job.model))
    if row is None or row.score is None:
        return row
    # One that these rules keep and earlier ones did not has no box yet.
    return row if row.box is not None or job.rules.decision(row.score) == "passed" else None


def _row(job: Job, sought: Sought) -> Row:
    row = Row(
        source=str(job.source),
        key=sought.key,
        label=job.label,
        model=job.model,
        decision="broken" if sought.why else job.rules.decision(sought.score_frac),
        score=None if sought.why else sought.score_frac,
        likeliest=sought.likeliest,
        took_ms=round(sought.took_ns / 1e6, 3),
        cost=job.price,
        why=sought.why,
    )
    if (box := sought.box) is None:
        return row
    edges = {
        "width_px": sought.size_px[0],
        "height_px": sought.size_px[1],
        "left_px": box.left_px,
        "top_px": box.top_px,
        "box_width_px": box.width_px,
        "box_height_px": box.height_px,
    }
    return row.model_copy(update=edges)


def _decided_anew(job: Job, row: Row) -> Row:
    if row.score is None:
        return row
    decision = job.rules.decision(row.score)
    if decision == row.decision:
        return row
    return row.model_copy(update={"decision": decision, "copied_as": ""})


def _with_copy(job: Job, row: Row, content: bytes, outcome: Outcome) -> Row:
    """Copy a picture that is kept, unless it is there."""
    if row.decision not in {"found", "review"}:
        return row
    place = job.folder_of(row.decision)
    if not job.writes:
        outcome.copied.append((row.decision, f"{place}/{row.key}"))
        return row
    if row.copied_as and place.has(row.copied_as):
        return row
    name, written = copy_in(place, row.key, content or job.source.read(row.key))
    if written:
        outcome.copied.append((row.decision, f"{place}/{name}"))
    return row.model_copy(update={"copied_as": name})


def _count(job: Job, row: Row, old: Row | None, outcome: Outcome) -> None:
    outcome.counts[row.decision] += 1
    if row.decision == "found":
        outcome.in_a_row = 0
    elif row.decision == "passed":
        outcome.in_a_row += 1
    elif row.decision == "broken":
        outcome.broken.append(f"{row.source}/{row.key}: {row.why}")
    if old is not None and old.copied_as and old.decision != row.decision:
        outcome.left_over.append(f"{job.folder_of(old.decision)}/{old.copied_as}")


def _stops(limits: Limits, outcome: Outcome, *, looked_at: int, of: int) -> bool:
    """Whether that was the last picture, and note why."""
    if limits.want is not None and outcome.counts["found"] >= limits.want:
        outcome.ending = Ending.DONE
    elif looked_at == of:
        return True
    elif limits.patience is not None and outcome.in_a_row >= limits.patience:
        outcome.ending = Ending.PATIENCE
    elif looked_at == limits.scan:
        outcome.ending = Ending.MOST
    else:
        return False
    return True


def _finish(job: Job, ledger: Ledger) -> None:
    if job.writes:
        ledger.write()
        describe_found(job.folder_of("found"), ledger.rows)
        describe_review(job.folder_of("review"), ledger.rows)
