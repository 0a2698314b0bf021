"""What a sifting has done: in words for people, as JSON for programs."""

import json
from typing import Final

from tools.workshop.sift.ledger import DECISIONS, Ledger
from tools.workshop.sift.sifting import Ending, Job, Outcome

# Of a long list, as many as fit on a screen.
_MOST_LINES: Final = 10


def say(job: Job, outcome: Outcome, ledger: Ledger, *, of: int) -> None:
    """Print what a run has done, for people.

    Args:
        job: What it was to do.
        outcome: What it did.
        ledger: Of its destination.
        of: Pictures in the source.
    """
    counts = outcome.counts
    known = f", {outcome.known} of them known from the ledger" if outcome.known else ""
    print(f"looked at {counts.total()} of {of} pictures in {job.source}{known}")
    for decision in DECISIONS:
        kept = ""
        if decision in {"found", "review"} and counts[decision]:
            new = sum(each == decision for each, _ in outcome.copied)
            done = f"{new} copied" if job.writes else "nothing is copied in a dry run"
            kept = f"  -> {job.folder_of(decision)} ({done})"
        print(f"{decision:>8} {counts[decision]:6}{kept}")
    if not job.writes:
        _list("would copy:", [name for _, name in outcome.copied], len(outcome.copied))
    _list("broken:", outcome.broken)
    _list("copies from earlier settings, which these would not make:", outcome.left_over)
    if job.price is not None:
        print(f"cost: {outcome.cost:.6g} in this run, {_cost_in_all(ledger):.6g} in the ledger")
    print(f"stopped: {_why(job, outcome)} (exit code {outcome.ending.value})")


def as_json(job: Job, outcome: Outcome, ledger: Ledger, *, of: int) -> bytes:
    """The same for programs: a JSON object.

    Args:
        job: What it was to do.
        outcome: What it did.
        ledger: Of its destination.
        of: Pictures in the source.
    """
    summary = {
        "label": job.label,
        "model": job.model,
        "source": str(job.source),
        "destination": str(job.folder_of("found")),
        "threshold": job.rules.threshold_frac,
        "review_band": job.rules.review_frac,
        "dry_run": not job.writes,
        "pictures": of,
        "looked_at": outcome.counts.total(),
        "known": outcome.known,
        "counts": {decision: outcome.counts[decision] for decision in DECISIONS},
        "copied": [name for _, name in outcome.copied],
        "broken": outcome.broken,
        "left_over": outcome.left_over,
        "cost": outcome.cost,
        "cost_in_ledger": _cost_in_all(ledger),
        "ending": outcome.ending.name.lower(),
        "why": _why(job, outcome),
        "exit_code": outcome.ending.value,
    }
    return (json.dumps(summary, indent=2) + "\n").encode()


def _list(title: str, lines: list[str], most: int = _MOST_LINES) -> None:
    if lines:
        print(title)
    for line in lines[:most]:
        print(f"  {line}")
    if len(lines) > most:
        print(f"  and {len(lines) - most} more")


def _cost_in_all(ledger: Ledger) -> float:
    return sum(row.cost or 0.0 for row in ledger.rows)


def _why(job: Job, outcome: Outcome) -> str:
    limits = job.limits
    match outcome.ending:
        case Ending.PATIENCE:
            return f"{limits.patience} misses in a row"
        case Ending.MOST:
            return f"{limits.scan} pictures were looked at, and there are more"
        case Ending.SHORT:
            return f"the source came to its end before {limits.want} were found"
        case Ending.DONE if limits.want is not None:
            return f"{limits.want} were found"
        case _:
            return "the source came to its end"
