"""The report as a table: aligned, without boxes, for a terminal of 80 columns."""

from collections.abc import Mapping
from typing import Any

from sorterd.simulation.truth import BinCount

_INDENT = "  "
_NAME_COLUMNS = 22


def table(
    figures: Mapping[str, Any], bins: Mapping[str, BinCount] | None, gates: BinCount | None
) -> str:
    """Lay out the figures.

    Args:
        figures: As the report's JSON has them.
        bins: Every bin by its name; None where nobody knows the truth.
        gates: The bins of all gates as one.

    Returns:
        Lines of at most 80 columns, without a newline at the end.
    """
    blocks = [_head(figures), _pieces(figures)]
    if bins is not None and gates is not None:
        blocks.append(_bins(bins, gates))
    blocks += [_times(figures), _drops(figures)]
    return "\n\n".join("\n".join(line[:80].rstrip() for line in block) for block in blocks)


def _head(figures: Mapping[str, Any]) -> list[str]:
    model = f"{figures['bundle']} on {figures['runtime']}, seed {figures['seed']}"
    return [f"{model}: {figures['pieces']} pieces in {figures['seconds']:.1f} s"]


def _pieces(figures: Mapping[str, Any]) -> list[str]:
    pieces, right = figures["pieces"], figures["right_bin"]
    ended = figures["end_bin_by_reason"]
    lines = [_count("pieces", pieces, None)]
    if right is None:
        lines += [_count(f"to {name}", sent, pieces) for name, sent in figures["sent_to"].items()]
        lines.append(_count("left to the end bin", sum(ended.values()), pieces))
        lines += _reasons(ended)
        return lines
    missed = figures["missed_by_reason"]
    lines.append(_count("right bin", right, pieces))
    lines.append(_count("wrong bin", figures["wrong_bin"], pieces))
    lines += _reasons({why: count for why, count in missed.items() if why not in ended})
    lines.append(_count("end bin, not theirs", sum(ended.values()), pieces))
    lines += _reasons(ended)
    lines.append(
        f"{_INDENT}{'counted twice':{_NAME_COLUMNS}}{figures['double_counted']:>6}"
        f"{'phantoms':>14}{figures['phantoms']:>6}{'late gates':>14}{figures['late_gates']:>6}"
    )
    return lines


def _count(name: str, count: int, of: int | None) -> str:
    share = f"{count / of:>9.1%}" if of else ""
    return f"{_INDENT}{name:{_NAME_COLUMNS}}{count:>6}{share}"


def _reasons(reasons: Mapping[str, int]) -> list[str]:
    ranked = sorted(reasons.items(), key=lambda each: (-each[1], each[0]))
    return [f"{_INDENT * 2}{why:{_NAME_COLUMNS - 2}}{count:>6}" for why, count in ranked]


def _bins(bins: Mapping[str, BinCount], gates: BinCount) -> list[str]:
    head = (
        f"{_INDENT}{'bin':{_NAME_COLUMNS}}{'inside':>6}{'belong':>8}{'purity':>9}{'recovery':>10}"
    )
    rows = [*bins.items(), ("all gates", gates)]
    return [
        head,
        *(
            f"{_INDENT}{name[: _NAME_COLUMNS - 1]:{_NAME_COLUMNS}}{each.inside:>6}"
            f"{each.belonging:>8}{_share(each.purity_frac):>9}{_share(each.recovery_frac):>10}"
            for name, each in rows
        ),
    ]


def _share(frac: float | None) -> str:
    return "-" if frac is None else f"{frac:.1%}"


def _times(figures: Mapping[str, Any]) -> list[str]:
    head = f"{_INDENT}{'milliseconds':{_NAME_COLUMNS}}{'p50':>9}{'p95':>9}{'p99':>9}{'max':>9}"
    lines = [head]
    for name, key in (("frame to decision", "latency_ms"), ("gate lateness", "gate_lateness_ms")):
        columns = "".join(_ms(figures[key].get(each, "")) for each in ("p50", "p95", "p99", "max"))
        lines.append(f"{_INDENT}{name:{_NAME_COLUMNS}}{columns}")
    lines.append(
        f"{_INDENT}{'decisions a second':{_NAME_COLUMNS}}{figures['decisions_per_s']:>9.2f}"
    )
    return lines


def _ms(number: float | str | None) -> str:
    if number is None:
        return f"{'-':>9}"
    return f"{number:>9}" if isinstance(number, str) else f"{number:>9.2f}"


def _drops(figures: Mapping[str, Any]) -> list[str]:
    frames, crops, beams = figures["frames"], figures["crops"], figures.get("beams")
    lines = []
    for name, count, drops in (
        ("frames seen", frames["seen"], frames["dropped_by_reason"]),
        ("crops scored", crops["scored"], crops["dropped_by_reason"]),
        *((("placed by beam", beams["placed"], beams["dropped_by_reason"]),) if beams else ()),
    ):
        lines.append(_count(name, count, None))
        lines += _reasons({f"- {why}": dropped for why, dropped in drops.items() if dropped})
    return lines
