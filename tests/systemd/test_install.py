"""Installing is safe to repeat, never harms what runs, and what it made can be removed again.

It is tried below a folder, with small stand-ins for pip, Python and systemd's programs: what is
proved here is the order of steps and what is left on the disk. A real systemd is asked by
`tools/emulated_pi.py`.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parents[2] / "systemd"
BASH = shutil.which("bash")

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or BASH is None, reason="it installs on Linux, with bash"
)

USUAL_FOLDERS = (
    "etc/systemd/system",  # but not etc/sysusers.d: a plain Debian has none
    "etc/tmpfiles.d",
    "etc/udev/rules.d",
    "opt",
    "usr/local/bin",
    "var/lib",
    "run",
)

STAND_INS = {
    "python": """
        case $1 in
            -c) [ "$2" != "import picamera2" ] ;;
            --version) echo "Python ${PYTHON_IS:-3.11.2}" ;;
            -m)
                mkdir -p "${@: -1}/bin"
                cp "$STAND_INS/pip" "$STAND_INS/sorterd" "${@: -1}/bin/" ;;
        esac""",
    "pip": 'exit "${PIP_ENDS:-0}"',
    "sorterd": '[ "$1" != check ] || exit "${CHECK_ENDS:-0}"',
    "systemd-sysusers": """
        cd "${1#--root=}/etc"
        for name in sorterd sorterd-console; do
            grep -q "^$name:" passwd || echo "$name:x:9" >> passwd
        done
        for name in sorterd gpio i2c video; do
            grep -q "^$name:" group || echo "$name:x:9" >> group
        done""",
    "systemd-tmpfiles": 'mkdir -p "${1#--root=}/var/lib/sorterd/models" "${1#--root=}/run/sorterd"',
    "systemctl": "",
    "userdel": 'sed -i "/^$3:/d" "$2/etc/passwd"',
    "groupdel": 'sed -i "/^$3:/d" "$2/etc/group"',
    "apt-get": "",
}


@dataclass
class Machine:
    """A tree that sorterd is installed below, and what its programs were asked."""

    root: Path
    stand_ins: Path
    said: str = field(default="", init=False)

    def do(self, script: str, *options: str, **variables: str) -> int:
        """Run install or uninstall; returns its exit code."""
        python = ("--python", str(self.stand_ins / "python")) if script == "install" else ()
        done = subprocess.run(  # noqa: S603  # our own script
            [str(BASH), str(SYSTEMD / script), "--root", str(self.root), *python, *options],
            env={
                "PATH": f"{self.stand_ins}{os.pathsep}{os.environ['PATH']}",
                "STAND_INS": str(self.stand_ins),
                **variables,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        self.said = done.stdout + done.stderr
        return done.returncode

    def asked(self) -> list[str]:
        """Return what the stand-ins were called as since this was last asked, without the root."""
        log = self.stand_ins / "log"
        lines = log.read_text().replace(str(self.root), "").splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines

    def tree(self) -> dict[str, str]:
        """Return everything on the disk: a file's text, a link's end."""
        return {
            str(path.relative_to(self.root)): str(path.readlink())
            if path.is_symlink()
            else path.read_text()
            if path.is_file()
            else "folder"
            for path in sorted(self.root.rglob("*"))
        }

    def file(self, path: str) -> Path:
        """Return where something of the machine lies."""
        return self.root / path.lstrip("/")

    def write(self, path: str, text: str) -> None:
        """Put a file on the machine."""
        self.file(path).parent.mkdir(parents=True, exist_ok=True)
        self.file(path).write_text(text)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Return a machine on which sorterd never was."""
    stand_ins = tmp_path / "bin"
    stand_ins.mkdir()
    for name, body in STAND_INS.items():
        program = stand_ins / name
        program.write_text(f'#!/bin/bash\necho "{name} $*" >> "$STAND_INS/log"\n{body}\n')
        program.chmod(0o755)
    root = tmp_path / "root"
    for folder in USUAL_FOLDERS:
        (root / folder).mkdir(parents=True)
    (root / "etc" / "passwd").write_text("root:x:0\n")
    (root / "etc" / "group").write_text("root:x:0\nvideo:x:44\n")
    return Machine(root, stand_ins)


def test_a_dry_run_shows_every_step_and_takes_none(machine: Machine) -> None:
    """It should say what would be done, and leave the disk as it was."""
    before = machine.tree()

    assert machine.do("install", "--dry-run") == 0
    for step in ("systemd-sysusers", "-m venv", "pip install", "check --config", "mv -T"):
        assert step in machine.said
    assert machine.do("uninstall", "--dry-run", "--purge") == 0
    assert machine.tree() == before
    assert {line.split()[0] for line in machine.asked()} <= {"python"}


def test_it_installs_what_the_units_speak_of(machine: Machine) -> None:
    """It should put the program where the units look for it, and every file in its place."""
    assert machine.do("install") == 0, machine.said

    assert machine.file("/opt/sorterd").is_symlink()
    for line in (SYSTEMD / "files").read_text().splitlines():
        if not line.startswith("#"):
            source, destination = line.split()
            assert machine.file(destination).read_text() == (SYSTEMD / source).read_text()
    release = machine.file("/opt/sorterd").readlink()
    assert release.parent == Path("/opt/sorterd-releases")
    assert machine.file(f"{release}/bin/sorterd").is_file()
    assert machine.file("/usr/local/bin/sorterd").readlink() == Path("/opt/sorterd/bin/sorterd")


def test_the_untouched_example_starts_no_station(machine: Machine) -> None:
    """It should say what to do next instead."""
    machine.do("install")

    assert machine.file("/etc/sorterd/sorterd.toml").read_text() == (
        (SYSTEMD / "sorterd.toml").read_text()
    )
    assert not any(line.startswith("systemctl") for line in machine.asked())
    assert "does not run yet" in machine.said


def test_settings_that_are_there_already_are_checked_and_then_started(machine: Machine) -> None:
    """It should enable a station whose settings fit, in this order."""
    machine.write("/etc/sorterd/sorterd.toml", "name = 'mine'\n")
    machine.do("install")
    asked = machine.asked()

    check = asked.index("sorterd check --config /etc/sorterd/sorterd.toml")
    enable = next(n for n, line in enumerate(asked) if line.startswith("systemctl"))
    assert asked[enable].endswith("enable sorterd.service sorterd-console.service")
    assert check < enable
    assert machine.file("/etc/sorterd/sorterd.toml").read_text() == "name = 'mine'\n"


def test_no_start_enables_nothing(machine: Machine) -> None:
    """It should leave it to the person who says so."""
    machine.write("/etc/sorterd/sorterd.toml", "name = 'mine'\n")
    machine.do("install", "--no-start")

    assert not any(line.startswith("systemctl") for line in machine.asked())


def test_twice_is_as_good_as_once(machine: Machine) -> None:
    """It should find that everything is there, and make nothing anew."""
    machine.do("install")
    once = machine.tree()
    machine.asked()

    assert machine.do("install") == 0
    assert machine.tree() == once
    assert not any(line.startswith("pip") for line in machine.asked())


def test_nothing_is_left_behind(machine: Machine) -> None:
    """It should be as if sorterd never was there: install, install, uninstall --purge."""
    before = machine.tree()
    machine.do("install")
    machine.do("install")
    machine.write("/var/lib/sorterd/journal.db", "outcomes")
    machine.write("/etc/systemd/system/sorterd.service.d/override.conf", "[Service]")

    assert machine.do("uninstall", "--purge") == 0, machine.said
    assert machine.tree() == before
    assert machine.do("uninstall", "--purge") == 0
    assert machine.tree() == before


def test_settings_and_journal_outlive_the_program(machine: Machine) -> None:
    """It should keep what a person made, and who owns it, unless told otherwise."""
    machine.write("/etc/sorterd/sorterd.toml", "name = 'mine'\n")
    machine.do("install")
    machine.write("/var/lib/sorterd/journal.db", "outcomes")

    machine.do("uninstall")
    assert machine.file("/etc/sorterd/sorterd.toml").read_text() == "name = 'mine'\n"
    assert machine.file("/var/lib/sorterd/journal.db").is_file()
    assert "sorterd:" in machine.file("/etc/passwd").read_text()
    assert not machine.file("/opt/sorterd").is_symlink()
    assert not machine.file("/opt/sorterd-releases").exists()

    machine.do("install")
    machine.do("uninstall", "--purge")
    assert "sorterd" not in machine.file("/etc/passwd").read_text()


def test_groups_of_others_stay(machine: Machine) -> None:
    """It should remove a group only if it was made here: Raspberry Pi OS has gpio of its own."""
    group = machine.file("/etc/group")
    group.write_text(group.read_text() + "gpio:x:997\n")
    machine.do("install")
    machine.do("uninstall", "--purge")

    assert group.read_text() == "root:x:0\nvideo:x:44\ngpio:x:997\n"


def test_an_edited_file_is_never_touched(machine: Machine) -> None:
    """It should bring the new example beside it."""
    machine.do("install")
    machine.write("/etc/sorterd/sorterd.toml", "name = 'mine'\n")
    machine.write("/etc/sorterd/sorterd.toml.example", "of an older version\n")

    machine.do("install")
    assert machine.file("/etc/sorterd/sorterd.toml").read_text() == "name = 'mine'\n"
    example = machine.file("/etc/sorterd/sorterd.toml.example").read_text()
    assert example == (SYSTEMD / "sorterd.toml").read_text()


def test_an_example_that_nobody_edited_becomes_the_new_one(machine: Machine) -> None:
    """It should not leave an old list of settings where nobody wrote any."""
    machine.do("install")
    for name in ("sorterd.toml", "sorterd.toml.example"):
        machine.write(f"/etc/sorterd/{name}", "of an older version\n")

    machine.do("install")
    text = machine.file("/etc/sorterd/sorterd.toml").read_text()
    assert text == (SYSTEMD / "sorterd.toml").read_text()


@pytest.mark.parametrize(("ends", "code"), [("2", 0), ("4", 1), ("70", 1)])
def test_an_example_that_asks_too_much_of_a_slow_machine_stops_nothing(
    ends: str, code: int, machine: Machine
) -> None:
    """It should install where only the example's settings do not fit, but no broken program.

    On an emulated Pi the model needed longer than the example's gates allow, and it was refused.
    """
    assert machine.do("install", CHECK_ENDS=ends) == code
    assert machine.file("/opt/sorterd").is_symlink() is (code == 0)


@pytest.mark.parametrize("fails", ["PIP_ENDS", "CHECK_ENDS"])
def test_what_fails_leaves_the_old_program_in_force(fails: str, machine: Machine) -> None:
    """It should not switch to a program that is not whole, or that refuses this station."""
    machine.do("install")
    machine.write("/etc/sorterd/sorterd.toml", "of a person\n")
    old = machine.file("/opt/sorterd").readlink()
    machine.write("/etc/systemd/system/sorterd.service", "of the old version\n")
    machine.asked()

    assert machine.do("install", PYTHON_IS="3.12.1", **{fails: "2"}) != 0
    assert machine.file("/opt/sorterd").readlink() == old
    assert machine.file(f"{old}/bin/sorterd").is_file()
    assert machine.file("/etc/systemd/system/sorterd.service").read_text() == "of the old version\n"
    assert not any(line.startswith("systemctl") for line in machine.asked())
    assert "still is" in machine.said

    assert machine.do("install", PYTHON_IS="3.12.1") == 0
    assert machine.file("/opt/sorterd").readlink() != old


def test_the_release_before_is_kept_and_older_ones_are_not(machine: Machine) -> None:
    """It should leave a way back, and not fill the card."""
    found = []
    for version in ("3.11.1", "3.11.2", "3.11.3"):
        machine.do("install", PYTHON_IS=version)
        found.append(machine.file("/opt/sorterd").readlink().name)

    there = {path.name for path in machine.file("/opt/sorterd-releases").iterdir()}
    assert there == set(found[1:])


@pytest.mark.parametrize(
    ("options", "is_a_pi", "sees"),
    [
        ((), True, True),
        ((), False, False),
        (("--plain",), True, False),
        (("--system-site-packages",), False, True),
    ],
)
def test_on_a_pi_the_program_sees_the_systems_packages(
    options: tuple[str, ...], *, is_a_pi: bool, sees: bool, machine: Machine
) -> None:
    """It should find picamera2, which comes from apt (picamera2#446, #466, #964)."""
    if is_a_pi:
        machine.write("/proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0")
    machine.do("install", *options)

    (venv,) = (line for line in machine.asked() if line.startswith("python -m venv"))
    assert ("--system-site-packages" in venv) is sees


def test_pip_is_never_asked_for_picamera2(machine: Machine) -> None:
    """It should take from the extra `pi` what has wheels, and pin it as everything else."""
    machine.do("install")
    first, second = (line for line in machine.asked() if line.startswith("pip install"))

    assert "--constraint" in first
    assert "--constraint" in second
    assert "lgpio" in second
    assert "picamera2" not in first + second


def test_apt_is_run_only_if_asked(machine: Machine) -> None:
    """It should say what is missing, and leave it to the person."""
    machine.write("/proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0")

    machine.do("install")
    assert "sudo apt install python3-picamera2" in machine.said
    assert not any(line.startswith("apt-get") for line in machine.asked())
    machine.do("install", "--apt")
    assert "apt-get install --yes python3-picamera2" in machine.asked()


def test_without_a_network_everything_comes_from_one_folder(
    machine: Machine, tmp_path: Path
) -> None:
    """It should ask no index, and say so if its own wheel is not there."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    assert machine.do("install", "--offline", str(wheels)) == 1
    assert "pip wheel" in machine.said

    (wheels / "sorterd-0.1.0-py3-none-any.whl").write_bytes(b"")
    assert machine.do("install", "--offline", str(wheels)) == 0
    first, *_ = (line for line in machine.asked() if line.startswith("pip install"))
    assert f"--no-index --find-links {wheels} sorterd" in first


def test_a_program_that_somebody_made_by_hand_is_not_overwritten(machine: Machine) -> None:
    """It should say what is in the way, before anything is done."""
    machine.write("/opt/sorterd/pyvenv.cfg", "made by hand")
    before = machine.tree()

    assert machine.do("install") == 1
    assert "was not made by this" in machine.said
    assert machine.tree() == before


@pytest.mark.parametrize("script", ["install", "uninstall"])
def test_an_option_that_it_does_not_know_stops_it(script: str, machine: Machine) -> None:
    """It should do nothing rather than something else."""
    before = machine.tree()

    assert machine.do(script, "--prefix=/usr") == 1
    assert "no such option" in machine.said
    assert machine.tree() == before


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_the_scripts_are_clean() -> None:
    """It should hold nothing that shellcheck knows to be a trap."""
    found = subprocess.run(  # noqa: S603  # our own scripts
        ["shellcheck", *(str(SYSTEMD / name) for name in ("install", "uninstall", "steps"))],  # noqa: S607  # wherever it is
        capture_output=True,
        text=True,
        check=False,
    )

    assert found.stdout == ""
