#!/usr/bin/env python3
"""Measure how far a station is from the time that its model alone would take.

Chapter by chapter a part of the road is measured beside its floor in the same run: the whole road
beside a raw call of the model, start-up beside a bare program, a gate beside a bare sleep. Ratios
hold on a noisy machine; milliseconds stand beside them. Below each chapter stands what could have
disturbed it. What cannot be measured here says why, and the rest goes on.

The goals' table at the end judges what was measured: "missed", "met", "aim met". A bound that is
missed does not fail the command unless --check is given; --baseline fails it when a ratio has
become worse by more than noise, still is when it is measured again, the baseline is of the same
kind of processor, and no other program kept the machine busy at every look. Ctrl-C keeps what was
printed and writes no file.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sorterd.classifiers.bundle import BundleFault, find, load
from sorterd.classifiers.runtimes import MODULES, usable_runtime, without_chatter
from sorterd.ports import DeviceUnavailable
from tools.workshop.bench.baseline import Change, check_terms, compare_again, comparison_lines
from tools.workshop.bench.bench_lines import caution, chapter_lines, goal_lines, summary
from tools.workshop.bench.bench_page import page_of
from tools.workshop.bench.bench_plots import as_png, plots
from tools.workshop.bench.bench_record import (
    Stored,
    Terms,
    as_bytes,
    as_record,
    goals_of,
    read_stored,
    terms_of,
)
from tools.workshop.bench.chapters import CHAPTERS, DECIDE_NO_GOAL, Part, Told, part, tell
from tools.workshop.bench.goals import GOALS
from tools.workshop.bench.machine import machine
from tools.workshop.bench.rows import FULL, QUICK, Bench, Depth
from tools.workshop.faults import EXIT_DONE, EXIT_MISSED, WorkshopFault, ended
from tools.workshop.pages import write_file
from tools.workshop.places import Place

DISTURBED_FRAC: Final = 0.10
"""With so much of the cores taken by others a figure that is worse may well be theirs."""

DEPTHS: Final[Mapping[str, Depth]] = {"quick": QUICK, "full": FULL}

EXAMPLE = """examples:
  tools/bench.py --quick
  tools/bench.py models/waste --report bench.html --plots plots --json bench.json
  tools/bench.py --quick --only road gates --check
  tools/bench.py --quick --baseline tools/workshop/bench/baseline.json

--json has, among others: depth, bundle, runtime, machine, goals ({"G1": 1.17, "G7.fifo": 0.04,
...}) and chapters (rows with figures and notes, and the series that plots are drawn from).
"""


def main(arguments: Sequence[str] | None = None, modules: Mapping[str, str] = CHAPTERS) -> int:
    """Run the program.

    Args:
        arguments: Of the command line; None for the process's own.
        modules: The module of each chapter, in order.

    Returns:
        The exit code.
    """
    options = _options(arguments, list(modules))
    if options.list:
        return _list(modules)
    return ended("bench", lambda: _bench(options, modules), BundleFault, DeviceUnavailable)


def _options(arguments: Sequence[str] | None, keys: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/bench.py",
        description=__doc__,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "bundle",
        metavar="BUNDLE",
        nargs="?",
        default="waste",
        help="a bundle's folder, or the name of an installed one (default: %(default)s)",
    )
    depth = parser.add_mutually_exclusive_group()
    depth.add_argument(
        "--quick",
        dest="depth",
        action="store_const",
        const="quick",
        help="few of everything, under a minute, without the chapters that decide no goal "
        f"({', '.join(DECIDE_NO_GOAL)}): for a look, and for CI",
    )
    depth.add_argument(
        "--full",
        dest="depth",
        action="store_const",
        const="full",
        help="enough of everything for a figure that is quoted (this is the default)",
    )
    parser.set_defaults(depth="full")
    add(
        "--only",
        action="extend",
        nargs="+",
        choices=keys,
        metavar="CHAPTER",
        help=f"measure these chapters only: {', '.join(keys)}; put BUNDLE before it",
    )
    add(
        "--runtime",
        choices=["auto", *MODULES],
        default="auto",
        help="what runs the model (default: %(default)s, the first that works)",
    )
    add("--json", metavar="FILE", help="write every figure")
    add("--report", metavar="FILE.html", help="write a page with tables and plots, one file")
    add("--plots", metavar="DIR", help="write the plots as PNG files")
    add(
        "--baseline",
        metavar="FILE",
        help="compare ratios with a run that --json stored, of the same depth, bundle and runtime: "
        "exit code 1 if one is worse by more than its margin of noise",
    )
    add(
        "--check",
        action="store_true",
        help="exit code 1 if a bound that must hold is missed",
    )
    add("--list", action="store_true", help="list the chapters with the time each takes, and end")
    return parser.parse_args(arguments)


def _list(modules: Mapping[str, str]) -> int:
    wide = max(len(key) for key in modules)
    print(f"{''.ljust(wide)}   quick      full")
    for key, module in modules.items():
        own = part(module)
        quick, full = (f"{own.seconds(depth):.0f} s" for depth in (QUICK, FULL))
        print(f"{key.ljust(wide)}  {quick:>6}  {full:>8}  {own.TITLE}")
    return EXIT_DONE


@dataclass(frozen=True, slots=True)
class _Run:
    """What is to be measured.

    Attributes:
        bench: What chapters are given.
        terms: What the run is.
        parts: The chapters' files by key.
    """

    bench: Bench
    terms: Terms
    parts: Mapping[str, Part]

    def seconds(self, key: str) -> float:
        """How long a chapter should take."""
        return self.parts[key].seconds(self.bench.depth)


def _bench(options: argparse.Namespace, modules: Mapping[str, str]) -> int:
    run = _prepared(options, modules)
    stored = _stored(options.baseline, run.terms)
    for address in (options.json, options.report):
        if address is not None and Path(address).is_dir():
            raise WorkshopFault(f"{address} is a folder: give a file's name")
    told: list[Told] = []
    try:
        _measure(run, told)
    finally:
        # Whatever ends the run, what was measured is told.
        if told:
            print("\n".join(goal_lines(goals_of(told))))
    goals = goals_of(told)
    print(f"\n{summary(goals)} It took {_duration(sum(one.took_s for one in told))}.")
    notes = [warning] if (warning := caution(told)) else []
    print("\n".join(notes))
    failed = bool(options.check) and any(
        goal.verdict(goals.get(name)) == "missed" for name, goal in GOALS.items()
    )
    worse: list[Change] = []
    if stored is not None:
        looks = [*told]
        comparison = compare_again(stored.goals, goals, lambda names: _again(run, looks, names))
        beside = [f"Against the baseline {options.baseline}:", *comparison_lines(comparison)]
        for change in comparison.regressions:
            name = change.goal.name
            if excuse := _excuse(stored, _least_disturbed(looks, name)):
                beside.append(f"  {name} is not held against it: {excuse}")
            else:
                worse.append(change)
        print("\n".join(beside))
        notes += beside
    _write(options, run, told, notes)
    for change in worse:
        print(f"bench: worse than {options.baseline}: {change}", file=sys.stderr)
    return EXIT_MISSED if failed or worse else EXIT_DONE


def _prepared(options: argparse.Namespace, modules: Mapping[str, str]) -> _Run:
    bundle = load(find(options.bundle))
    with without_chatter():
        # A runtime that does not work here is a fault now and not a dozen notes later.
        runtime = usable_runtime(options.runtime, bundle.model_path, 1).name
    asked = options.only or [
        key for key in modules if options.depth == "full" or key not in DECIDE_NO_GOAL
    ]
    keys = [key for key in modules if key in asked]
    bench = Bench(bundle, runtime, DEPTHS[options.depth])
    parts = {key: part(modules[key]) for key in keys}
    return _Run(bench, terms_of(bench, options.depth, runtime), parts)


def _stored(address: str | None, terms: Terms) -> Stored | None:
    if address is None:
        return None
    stored = read_stored(address)
    check_terms(address, stored, terms)
    return stored


def _measure(run: _Run, told: list[Told]) -> None:
    """Measure chapter after chapter, tell each as it is done, and add it to `told`."""
    total_s = sum(run.seconds(key) for key in run.parts)
    count = f"{len(run.parts)} chapter{'s' if len(run.parts) > 1 else ''}"
    print(
        f"This is {run.terms}: {count}, about {_duration(total_s)}; longer on a slower machine.\n",
        flush=True,
    )
    # Its own thread would look after the bar in the midst of what is measured.
    tqdm.monitor_interval = 0
    form = "{desc} {percentage:3.0f}%|{bar:30}| {elapsed}"
    with tqdm(total=total_s, bar_format=form, leave=False, disable=None) as bar:
        for number, (key, own) in enumerate(run.parts.items(), 1):
            about = _duration(run.seconds(key))
            bar.set_description_str(f"{number} of {len(run.parts)}: {key}, about {about}")
            one = tell(key, own, run.bench)
            told.append(one)
            bar.update(run.seconds(key))
            tqdm.write("\n".join(chapter_lines(one)) + "\n", file=sys.stdout)
            sys.stdout.flush()


def _again(run: _Run, looks: list[Told], names: Sequence[str]) -> dict[str, float]:
    """Measure the chapters of these goals once more; add them to the looks there were."""
    met = {one.chapter.key for one in looks if any(name in one.chapter.goals for name in names)}
    keys = [key for key in run.parts if key in met]
    about = _duration(sum(run.seconds(key) for key in keys))
    print(
        f"At first look worse than the baseline: {', '.join(names)}; "
        f"measuring {', '.join(keys)} again, about {about}.",
        flush=True,
    )
    again = [tell(key, run.parts[key], run.bench) for key in keys]
    looks += again
    return goals_of(again)


def _excuse(stored: Stored, others_frac: float) -> str:
    """Return why a figure that is worse need not be the program's; empty if it must be."""
    here = machine()["processor"]
    if stored.processor != here:
        return f"the baseline was measured on {stored.processor}, and this is {here}"
    if others_frac >= DISTURBED_FRAC:
        return f"at every look other programs took {others_frac:.0%} of the cores or more"
    return ""


def _least_disturbed(looks: Sequence[Told], name: str) -> float:
    """Return the share of the cores that others took, or the host, at the quietest look."""
    shares = [
        one.disturbed.get("others_frac", 0.0) + one.disturbed.get("stolen_frac", 0.0)
        for one in looks
        if name in one.chapter.goals
    ]
    return float(min(shares))


def _write(
    options: argparse.Namespace, run: _Run, told: Sequence[Told], notes: Sequence[str]
) -> None:
    record = as_record(run.terms, told)
    if options.json is not None:
        write_file(options.json, as_bytes(record))
    if options.plots is not None:
        folder = Place(options.plots)
        for name, draw in plots(told).items():
            folder.write(f"{name}.png", as_png(draw))
    if options.report is not None:
        page_of(run.terms, told, record["machine"], notes).write(options.report)


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"


if __name__ == "__main__":
    sys.exit(main())
