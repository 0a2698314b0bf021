"""Settings, runtime and model: asked in processes of their own, since one of them may kill its own.

A library that was built for another processor dies of SIGILL at its first call (LiteRT-LM#1847,
pytorch#132032: a Pi 4 lacks what newer Arm processors have), and takes along whoever asked.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sorterd.classifiers.bundle import Bundle, BundleFault, load
from sorterd.classifiers.runtimes import MODULES
from sorterd.classifiers.store import Store, candidates
from sorterd.doctor.apart.telling import told_by, why_not
from sorterd.doctor.findings import Finding, Line, Need, always, broken, found, missing
from sorterd.doctor.here import Here
from sorterd.machine.programs import Ask
from sorterd.settings import Settings, cross_faults
from sorterd.settings.tree import Model

BUILD_S: Final = 60.0
"""For a runtime to be imported and to build one Interpreter: 0.5 s here; a card may be slow."""
ANSWERS_S: Final = 180.0
"""For all golden answers: 0.1 s here beside the import; a Pi 3 needs some seconds."""

_EMPTY: Final = frozenset({"empty", "background"})


def settings_fit(
    settings: Settings | None,
    faults: Sequence[str],
    config: Path | None,
    labels: Sequence[str] | None,
) -> Finding:
    """Look at the settings, each and together.

    Args:
        settings: None if there are none that can be used.
        faults: What is wrong with them, a line each.
        config: The file they are from.
        labels: The model's; None if no model is at hand.
    """
    if settings is not None:
        together = cross_faults(settings, labels=labels, cost_ms=None)
        faults = [*faults, *map(str, together)]
    check = f"sorterd check{f' --config {config}' if config else ''}"
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        return broken(f"{faults[0]}{more}", check)
    if settings is None or not settings.sources:
        return missing(
            "none were given, so this looks as for most stations",
            "sorterd doctor --config FILE, or write /etc/sorterd/sorterd.toml",
        )
    return found(
        f"{config or 'given'}: a {settings.station} station, {len(settings.gates)} gates, "
        f"{len(settings.bins)} bins"
    )


def runtime(wanted: str, model: Path | None, ask: Ask, program: str) -> Finding:
    """Look for a runtime by having it build an Interpreter.

    Args:
        wanted: As `model.runtime`.
        model: Any model; None if there is none.
        ask: How the processes are asked that do it.
        program: This Python.
    """
    pip = f"{Path(program).with_name('pip')} install"
    if model is None:
        return missing("there is no model to build an Interpreter with", f"{pip} sorterd")
    names = list(MODULES) if wanted == "auto" else [wanted]
    works, fails = [], []
    for name in names:
        answer = ask(
            program, "-m", "sorterd.doctor.apart.runtime", name, str(model), within_s=BUILD_S
        )
        told = told_by(answer)
        if told.get("built"):
            works.append(f"{name} {told['built']}")
        elif not told.get("absent"):
            fails.append((name, why_not(answer, told)))
    if not works and not fails:
        return missing(f"neither is installed: {', '.join(names)}", f"{pip} {names[0]}")
    if not works:
        why = "; ".join(f"{name} {why}" for name, why in fails)
        return broken(why, f"{pip} --force-reinstall {fails[0][0]}, or the other runtime")
    dead = [name for name, why in fails if why.startswith("died")]
    if dead and dead[0] == names[0]:
        other = works[0].partition(" ")[0]
        told_of = f"{dead[0]} {dict(fails)[dead[0]]}; auto would try it first, {other} works"
        return broken(told_of, f'model.runtime = "{other}"')
    lame = "".join(f" ({name} does not: {why})" for name, why in fails)
    return found(f"an Interpreter was built by {', '.join(works)}{lame}")


def model_files(model: Model) -> Finding:
    """Look for the bundle in force, and compare the checksum of every file in it."""
    try:
        first, *others = candidates(model.bundle, Store(model.store))
    except BundleFault as fault:
        return missing(str(fault), "sorterd models list")
    try:
        bundle = load(first)
    except BundleFault as fault:
        spare = next((each for each in others if _whole(each) is not None), None)
        if spare is not None:
            told = f"{fault}; the station takes {spare} instead"
            return broken(told, "sudo sorterd models rollback", hinders=False)
        return broken(str(fault), "sorterd models list, or install the bundle anew")
    files = f"{len(bundle.manifest.sha256)} files unchanged (sha256)"
    knows = _EMPTY & set(bundle.labels)
    empty = "" if knows else "; no label for an empty belt, the finder sees that"
    return found(f"{bundle.name}: {len(bundle.labels)} labels, {files}{empty}")


def golden_answers(model: Model, ask: Ask, program: str) -> Finding:
    """Look at what the model answers to pictures whose answers are known."""
    try:
        folders = candidates(model.bundle, Store(model.store))
    except BundleFault as fault:
        return missing(f"there is no model to ask: {fault}", "mend the line model")
    question = {
        "bundles": [str(folder.resolve()) for folder in folders],
        "runtime": model.runtime,
        "threads": model.threads,
        "delegate": model.delegate,
    }
    command = (program, "-m", "sorterd.doctor.apart.answers", json.dumps(question))
    answer = ask(*command, within_s=ANSWERS_S)
    told = told_by(answer)
    if told.get("unavailable"):
        return missing(f"nobody could be asked: {told['unavailable']}", "mend the line runtime")
    if not told.get("golden"):
        return broken(why_not(answer, told), "sorterd models list, sudo sorterd models rollback")
    words = (
        f"{told['golden']} of {told['golden']} as they should be on {told['runtime']}, "
        f"{told['typical_ms']:.1f} ms a crop"
    )
    if told.get("passed_over"):
        told_of = f"{told['passed_over']}; the one before it: {words}"
        return broken(told_of, "sudo sorterd models rollback", hinders=False)
    return found(words)


def bundle_here(model: Model) -> Bundle | None:
    """Return the bundle that a station would take, if there is one that is whole."""
    try:
        folders = candidates(model.bundle, Store(model.store))
    except BundleFault:
        return None
    return next((bundle for folder in folders if (bundle := _whole(folder)) is not None), None)


def _whole(folder: Path) -> Bundle | None:
    try:
        return load(folder)
    except BundleFault:
        return None


def _model_of(here: Here) -> Model:
    return here.settings.model if here.settings is not None else Model()


def _settings(here: Here) -> Finding:
    bundle = bundle_here(_model_of(here))
    labels = bundle.labels if bundle is not None else None
    return settings_fit(here.settings, here.faults, here.config, labels)


def _runtime(here: Here) -> Finding:
    bundle = bundle_here(_model_of(here)) or bundle_here(Model())
    path = bundle.model_path if bundle is not None else None
    return runtime(_model_of(here).runtime, path, here.ask, here.python.program)


LINES = (
    # Without settings nothing is wrong yet; with faulty ones the station does not start.
    Line("settings", lambda here: Need.NEEDED if here.faults else here.wants.need(True), _settings),
    Line("runtime", always(Need.NEEDED), _runtime),
    Line("model", always(Need.NEEDED), lambda here: model_files(_model_of(here))),
    Line(
        "golden answers",
        always(Need.NEEDED),
        lambda here: golden_answers(_model_of(here), here.ask, here.python.program),
    ),
)
