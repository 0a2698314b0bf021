"""The emulated Pi's own logic: recipes, needs, trees, checks and the belt; QEMU is not started."""

import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from sorterd.clock import ManualClock
from sorterd.settings import cross_faults, load
from tools import emulated_pi
from tools.workshop.emulated import container, device_tree, machine, stations, wheels
from tools.workshop.emulated.belt_strip import LEVEL, make_strip
from tools.workshop.emulated.building import PROJECT, Making, make_all
from tools.workshop.emulated.calling import call
from tools.workshop.emulated.chapters import CHAPTERS, chosen
from tools.workshop.emulated.checks import Check, Findings, line_of, table
from tools.workshop.emulated.guests import TOO_LONG, Answer
from tools.workshop.emulated.host import TO_BUILD, apt_line, missing
from tools.workshop.emulated.proving import Bench
from tools.workshop.emulated.shelf import Part, Shelf, contents, fingerprint
from tools.workshop.emulated.trials import dying, removal, sorting
from tools.workshop.faults import EXIT_DONE, EXIT_INPUT, WorkshopFault

PI = wheels.environment("aarch64")
PC = wheels.environment("x86_64")
LABELS = ("cardboard", "glass", "metal", "organic", "paper", "plastic", "trash")


class Talker:
    """A guest that answers each script by the first of its rules that stands in it."""

    def __init__(self, rules: Sequence[tuple[str, Answer | Callable[[], Answer]]] = ()) -> None:
        self.rules = rules
        self.asked: list[str] = []

    def run(self, script: str, timeout_s: float = 120) -> Answer:
        """Answer."""
        assert timeout_s > 0
        self.asked.append(script)
        for words, answer in self.rules:
            if words in script:
                return answer if isinstance(answer, Answer) else answer()
        return Answer(0, "")


def bench_of(guest: Talker, *, pins: bool = False) -> Bench:
    """A bench over a guest, on a clock that moves when somebody waits."""
    bench = Bench(guest, ManualClock(), Findings("a talker"), lambda _: None, pins=pins)
    bench.begin("tried")
    return bench


def part(name: str, recipe: str, made: list[str] | None = None) -> Part:
    """A part that writes its recipe into a file."""

    def make(folder: Path) -> None:
        (folder / "file").write_text(recipe)
        if made is not None:
            made.append(name)

    return Part(name, {"recipe": recipe}, make, 1)


# --- recipes and the shelf ------------------------------------------------------------------------


def test_a_recipe_has_one_fingerprint_whatever_its_order() -> None:
    """It should be the same for the same recipe, and another for any other."""
    assert fingerprint({"a": 1, "b": (2, 3)}) == fingerprint({"b": [2, 3], "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})


def test_contents_see_bytes_names_and_rights(tmp_path: Path) -> None:
    """It should change when a file's bytes, its name or its right to be run changes."""
    file = tmp_path / "one"
    file.write_text("text")
    seen = [contents(tmp_path)]
    file.chmod(0o755)
    seen.append(contents(tmp_path))
    file.write_text("other")
    seen.append(contents(tmp_path))
    file.rename(tmp_path / "two")
    seen.append(contents(tmp_path))

    assert len({fingerprint(dict(one)) for one in seen}) == 4


def test_only_what_is_missing_is_made(tmp_path: Path) -> None:
    """It should make a part once, and anew only if its recipe changes or all is asked for."""
    shelf, made, told = Shelf(tmp_path / "cache", tmp_path / "work"), list[str](), list[str]()
    parts = [part("root", "1", made), part("disk", "1", made)]

    make_all(shelf, parts, ManualClock(), told.append, fresh=False)
    make_all(shelf, parts, ManualClock(), told.append, fresh=False)
    changed = [parts[0], part("disk", "2", made)]
    last = make_all(shelf, changed, ManualClock(), told.append, fresh=False)
    make_all(shelf, changed, ManualClock(), told.append, fresh=True)

    assert made == ["root", "disk", "disk", "root", "disk"]
    assert (last / "file").read_text() == "2"
    assert told[4:6] == ["[1 of 2] root: is there", "[2 of 2] disk: is there"]
    assert len(list((tmp_path / "cache").glob("disk-*"))) == 1


def test_nothing_is_left_of_a_part_that_failed(tmp_path: Path) -> None:
    """It should leave neither half a part nor the folder it was made in."""

    def fail(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise WorkshopFault("mmdebstrap failed")

    shelf = Shelf(tmp_path / "cache", tmp_path / "work")
    broken = Part("root", {}, fail, 1)

    with pytest.raises(WorkshopFault, match="mmdebstrap failed"):
        shelf.put(broken)

    assert not shelf.has(broken)
    assert list((tmp_path / "work").iterdir()) == []


def test_parts_stand_on_each_other(tmp_path: Path) -> None:
    """It should name the image anew when it is compressed, and no other part."""
    plain = Making(Shelf(tmp_path), tmp_path).parts()
    small = Making(Shelf(tmp_path), tmp_path, small=True).parts()

    assert [one.name for one in plain] == ["root", "pins", "wheels", "image"]
    assert [a.mark == b.mark for a, b in zip(plain, small, strict=True)] == [
        True,
        True,
        True,
        False,
    ]


# --- what is needed -------------------------------------------------------------------------------


def test_missing_packages_are_named_once() -> None:
    """It should name the package of each program that is not there, in one line for apt."""
    gone = missing(TO_BUILD, lambda name: not name.startswith(("aarch64", "mke2fs", "arch-test")))

    assert gone == ["arch-test", "e2fsprogs", "gcc-12-aarch64-linux-gnu", "gcc-aarch64-linux-gnu"]
    assert apt_line(gone).endswith(
        "arch-test e2fsprogs gcc-12-aarch64-linux-gnu gcc-aarch64-linux-gnu"
    )


def test_pins_are_read_as_the_machine_reads_them() -> None:
    """It should take the versions of Python 3.11 on that processor, and no others."""
    text = (
        "numpy==1.26.4 ; python_full_version < '3.12'\n"
        "numpy==2.5.5 ; python_full_version >= '3.12'\n"
        "tensorflow==2.17.1 ; python_full_version < '3.12' and platform_machine == 'aarch64'\n"
        "# a remark\n"
        "pywin32==312 ; sys_platform == 'win32'\n"
    )

    assert wheels.pins_of(text, PI) == {"numpy": "==1.26.4", "tensorflow": "==2.17.1"}
    assert wheels.pins_of(text, PC) == {"numpy": "==1.26.4"}


def test_needs_are_pinned_and_extras_left_out() -> None:
    """It should ask for the pinned version, for the range where none is, for no extra at all."""
    needs = [
        "Lgpio>=0.2 ; sys_platform == 'linux'",
        "hatchling==1.27.0",
        "colorama ; sys_platform == 'win32'",
        "sphinx ; extra == 'docs'",
    ]

    assert wheels.asked_for(needs, {"lgpio": "==0.2.2.0"}, PI) == {
        "lgpio": "lgpio==0.2.2.0",
        "hatchling": "hatchling==1.27.0",
    }


def test_the_project_asks_for_what_a_pi_would_install() -> None:
    """It should name its dependencies, the pins' library and what builds it, but not picamera2."""
    needs = wheels.project_needs((PROJECT / "pyproject.toml").read_text())
    pins = wheels.pins_of((PROJECT / "constraints.txt").read_text(), PI)
    asked = wheels.asked_for(needs, pins, PI)

    assert {"numpy", "lgpio", "tflite-runtime", "ai-edge-litert", "hatchling"} <= set(asked)
    assert "picamera2" not in asked
    assert asked["numpy"] == "numpy==1.26.4"


def test_a_wheel_says_what_it_needs(tmp_path: Path) -> None:
    """It should read the needs from the wheel's own metadata."""
    wheel = tmp_path / "one-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(
            "one-1.dist-info/METADATA", "Name: one\nRequires-Dist: two>=2\nRequires-Dist: three\n"
        )

    assert wheels.needs_of(wheel) == ["two>=2", "three"]


# --- the machines ---------------------------------------------------------------------------------


def test_the_tree_names_a_pi_and_loses_qemus_pins() -> None:
    """It should add the revision, change the model and take QEMU's own pins out."""
    commands = device_tree.edits(Path("pi.dtb"))

    assert ["fdtput", "-t", "s", "pi.dtb", "/", "model", device_tree.MODEL] in commands
    assert any("linux,revision" in command and "a03111" in command for command in commands)
    assert ["fdtput", "-r", "pi.dtb", "/gpio-keys", "/pl061@9030000"] in commands


@pytest.mark.parametrize("console", [True, False])
def test_the_machine_has_no_network_and_forgets(tmp_path: Path, *, console: bool) -> None:
    """It should have no card and a disk that is a snapshot, and die with whoever started it."""
    command = machine.command_of(tmp_path, tmp_path, console=console)

    assert command[:3] == ["setpriv", "--pdeathsig", "KILL"]
    assert command[command.index("-nic") + 1] == "none"
    assert "snapshot=on" in command[command.index("-drive") + 1]
    assert ("mon:stdio" in command) is console


def test_a_compressed_disk_is_taken_as_such(tmp_path: Path) -> None:
    """It should start from the compressed disk where that is what was built."""
    (tmp_path / "disk.qcow2").touch()

    command = machine.command_of(tmp_path, tmp_path, console=False)

    assert "disk.qcow2,format=qcow2" in command[command.index("-drive") + 1]


def test_a_script_for_a_machine_that_does_not_run_is_a_fault(tmp_path: Path) -> None:
    """It should say that the machine does not run."""
    with pytest.raises(WorkshopFault, match="not running"):
        machine.Machine(tmp_path, tmp_path, ManualClock()).run("true")


def test_the_container_has_no_network_and_shows_folders_for_reading(tmp_path: Path) -> None:
    """It should have a network of its own, without a card, and bind folders read-only."""
    command = container.command_of(tmp_path, {Path("/wheels"): "/opt/wheelhouse"})

    assert "--private-network" in command
    assert "--bind-ro=/wheels:/opt/wheelhouse" in command


def test_a_failing_program_is_one_line_with_its_log(tmp_path: Path) -> None:
    """It should tell the last words, the exit code and where the rest is."""
    log = tmp_path / "log"

    with pytest.raises(WorkshopFault, match=r"sh failed \(3\): no room .*log"):
        call(["sh", "-c", "echo begun; echo no room; exit 3"], log)
    with pytest.raises(WorkshopFault, match="no-such-program is not installed"):
        call(["no-such-program"], log)

    assert "begun" in log.read_text()


# --- the belt and the station ---------------------------------------------------------------------


def test_the_belt_begins_empty_and_comes_round() -> None:
    """It should show bare belt first, each piece in turn, and the same again after a round."""
    strip = make_strip(("glass", "paper"), width_px=320, window_px=240, mm_per_px=0.8, gap_mm=260)
    length = len(strip.pixels)
    rested, gap_px = strip.window(0), round(260 / 0.8)

    first = strip.window(240 + gap_px // 2 + 120)

    assert abs(float(rested.mean()) - LEVEL) < 1
    assert float(rested.std()) < 4 < float(first.std())
    assert np.array_equal(rested, strip.window(length))


def test_raw_lines_hold_every_window_in_one_piece() -> None:
    """It should repeat the first window's lines at the end, two bytes a pixel."""
    strip = make_strip(("glass",), width_px=320, window_px=240, mm_per_px=0.8, gap_mm=260)

    raw = strip.as_yuyv()

    assert len(raw) == (len(strip.pixels) + 240) * 320 * 2
    assert raw[: 240 * 640] == raw[-240 * 640 :]


@pytest.mark.parametrize("made", [stations.settings_on_pins, stations.settings_in_container])
def test_the_stations_settings_fit(made: Callable[[], str], tmp_path: Path) -> None:
    """It should give settings that sorterd finds no fault with, the model's labels included."""
    file = tmp_path / "station.toml"
    file.write_text(made())

    settings = load(file, {})

    assert cross_faults(settings, labels=LABELS, cost_ms={1: 30.0}) == []


# --- checks ---------------------------------------------------------------------------------------


def test_the_table_tells_what_failed_and_the_record_everything() -> None:
    """It should count, shorten for people, keep all for programs, and say no to an empty run."""
    findings = Findings("a machine", took_s=61.0)
    findings.checks.append(Check("one", "first", "yes", "yes", passed=True, took_s=1.0))
    findings.checks.append(Check("two", "second", "yes", "no " * 90, passed=False, took_s=2.0))

    lines = table(findings)
    record = json.loads(findings.record())

    assert lines[0] == "one"
    assert "FAIL" in lines[3]
    assert len(lines[3]) < 120
    assert lines[-1] == "1 of 2 checks passed on a machine in 61 s"
    assert not record["passed"]
    assert record["checks"][1]["seen"] == "no " * 90
    assert "expected: yes" in line_of(findings.checks[1])
    assert table(Findings("a machine")) == ["nothing was checked"]
    assert not json.loads(Findings("a machine").record())["passed"]


def test_chapters_come_with_what_they_stand_on() -> None:
    """It should keep the order, add what others need, and leave out what needs pins."""
    assert chosen(None, pins=True) == list(CHAPTERS)
    assert chosen(["dying"], pins=True) == ["install", "camera", "sorting", "dying"]
    assert "servo" not in chosen(None, pins=False)


def test_the_commands_list_their_chapters(capsys: pytest.CaptureFixture[str]) -> None:
    """It should list chapters without building or starting anything."""
    assert emulated_pi.main(["quick", "--list"]) == EXIT_DONE
    assert emulated_pi.main(["test", "--list"]) == EXIT_DONE

    assert "watchdog, kill -9, stop" in capsys.readouterr().out


@pytest.mark.parametrize(("more", "code"), [((), EXIT_INPUT), (("--or-skip",), EXIT_DONE)])
def test_what_cannot_be_tried_here_is_told(
    more: tuple[str, ...],
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It should be a fault where no container can be run, and a loud skip where that is allowed."""
    monkeypatch.setattr("os.geteuid", lambda: 1000)

    assert emulated_pi.main(["quick", "--cache", str(tmp_path), *more]) == code

    told = capsys.readouterr()
    assert "needs root: run it with sudo" in told.out + told.err
    assert ("SKIPPED" in told.out) is bool(more)


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    """It should show how each command is called."""
    with pytest.raises(SystemExit, match="0"):
        emulated_pi.main(["--help"])

    told = capsys.readouterr().out
    assert all(f"emulated_pi.py {name}" in told for name in ("build", "boot", "test", "quick"))


def test_waiting_ends_in_time() -> None:
    """It should ask until the answer is there, and give up when its time is over."""
    answers = iter([Answer(0, "no"), Answer(0, "yes")])
    bench = bench_of(Talker([("eventually", lambda: next(answers)), ("never", Answer(1, ""))]))

    came, answer = bench.wait_for("eventually", lambda answer: answer.said == "yes", 10)
    late, _ = bench.wait_for("never", lambda answer: answer.code == 0, 10)

    assert came
    assert answer.said == "yes"
    assert not late


def test_pieces_are_told_from_the_journal() -> None:
    """It should pass with enough pieces and a moved gate, and fail with none."""
    seen = json.dumps([["sorted", "glass", "glass", 1], ["unsure", None, None, 0]] * 2)
    up = ("show sorterd", Answer(0, "active\nsorting"))

    good = bench_of(Talker([("FROM outcomes", Answer(0, seen)), up]))
    sorting.sorting(good)
    bad = bench_of(Talker([("FROM outcomes", Answer(0, "[]")), up]))
    sorting.sorting(bad)

    assert [check.passed for check in good.findings.checks] == [True, True, False, True]
    assert [check.passed for check in bad.findings.checks] == [True, True, False, False]


def of_pins(edges: int) -> Answer:
    """What the watcher of pins tells when each has changed so often."""
    return Answer(0, json.dumps({"pins": {pin: {"edges": edges} for pin in (17, 27)}}))


@pytest.mark.parametrize(("watched", "still"), [([0], True), ([9, 0], True), ([9] * 12, False)])
def test_pins_must_keep_still_while_the_belt_rests(watched: list[int], *, still: bool) -> None:
    """It should let the gates' first movement end, and then see none before a piece comes."""
    answers = iter(watched)
    bench = bench_of(Talker([("watch_pins", lambda: of_pins(next(answers)))]), pins=True)

    sorting._still(bench)

    assert [check.passed for check in bench.findings.checks] == [still]


@pytest.mark.parametrize(
    ("judged", "ordered"),
    [
        ("organic glass metal organic", True),
        ("metal organic plastic organic", True),  # paper got no label; the belt is a loop
        ("glass organic metal organic", False),
        ("organic organic organic", False),
        ("organic glass trash", False),
    ],
)
def test_pieces_come_in_the_order_drawn(judged: str, *, ordered: bool) -> None:
    """It should hold what the station said against what lies on the belt."""
    assert sorting.in_drawn_order(judged.split()) is ordered


def test_a_piece_may_be_there_twice_where_that_is_said() -> None:
    """It should take a label that follows upon itself for one piece, if it is told to."""
    judged = ["organic", "organic", "glass", "plastic"]

    assert not sorting.in_drawn_order(judged)
    assert sorting.in_drawn_order(judged, twice=True)
    assert not sorting.in_drawn_order([*judged, "metal", "glass"], twice=True)


@pytest.mark.parametrize(
    ("said", "passed"),
    [
        ("line 17: GPIO17 unused\nline 27: GPIO27 unused\nGPIO17 is low\nGPIO27 is low", True),
        ("line 17: GPIO17 [used]\nline 27: GPIO27 unused\nGPIO17 is low\nGPIO27 is low", True),
        ("line 17: GPIO17 unused\nline 27: GPIO27 unused\nGPIO27 is low", False),
        ("", False),
    ],
)
def test_no_pin_may_hang_high_after_a_kill(said: str, *, passed: bool) -> None:
    """It should want both lines free or held anew, and each seen low."""
    bench = bench_of(Talker(), pins=True)

    dying._lines_fell(bench, said)

    assert [check.passed for check in bench.findings.checks] == [passed]


def test_a_hang_must_end_in_the_watchdogs_kill() -> None:
    """It should want the timeout, the signal, the restart and the safe gates, each by its words."""
    told = (
        "sorterd.service: Watchdog timeout (limit 20s)!\n"
        "sorterd.service: Killing process 8 (sorterd) with signal SIGABRT.\n"
        "every gate is safe\n"
    )
    states = iter([0, 1, 1, 2, 2])
    guest = Talker(
        [
            ("journalctl", Answer(0, told)),
            ("-p NRestarts --value", lambda: Answer(0, str(next(states)))),
            ("-p NRestarts -p MainPID", lambda: Answer(0, "1\n900\nactive\nsuccess")),
            ("-p Result", Answer(0, "success\n0\ninactive")),
        ]
    )
    bench = bench_of(guest)

    dying._hang(bench)

    assert [check.passed for check in bench.findings.checks] == [True, True]


@pytest.mark.parametrize(
    ("left", "passed"),
    [
        ("> /etc/sorterd\n> /var/lib/sorterd\n> user sorterd:x:999\n", [True, False, True]),
        ("> /opt/sorterd\n", [False, False, True]),
        ("", [False, True, True]),
    ],
)
def test_what_a_removal_leaves_is_told_from_what_it_keeps(left: str, passed: list[bool]) -> None:
    """It should let settings and state stay without --purge, and nothing at all with it."""
    bench = bench_of(Talker([("diff ", Answer(0, left))]))

    removal.removal(bench)

    assert [check.passed for check in bench.findings.checks] == passed


def test_an_answer_is_told_in_one_line() -> None:
    """It should join lines, and find the last that says something."""
    answer = Answer(TOO_LONG, "one\n two\n\n")

    assert (answer.line, answer.last) == ("one two", "two")
    assert Answer(0, "").last == ""
