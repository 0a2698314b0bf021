"""A systemd in a container of this machine: its own processes and files, no device, no network.

It is up in a second. The console stays silent, so scripts are run by entering its namespaces. The
folder it runs in is unpacked for it and forgotten with it.
"""

import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from sorterd.ports import Clock
from tools.workshop.emulated.calling import call, end, last_line
from tools.workshop.emulated.guests import TOO_LONG, Answer
from tools.workshop.emulated.host import Impossible
from tools.workshop.faults import WorkshopFault

UP_S: Final = 60
"""To start; 1 s on two quiet cores."""
_LOOK_NS: Final = 100_000_000
_UP: Final = ("running", "degraded")
_HIERARCHIES: Final = {"name=systemd": "systemd", "": "unified"}
"""The control groups in which systemd-nspawn leaves folders, with where they are mounted."""


def command_of(root: Path, shown: Mapping[Path, str]) -> list[str]:
    """Return the command that starts a container.

    Args:
        root: Its files.
        shown: Folders of this machine, with where they are to be seen, for reading only.
    """
    return [
        # The kernel ends systemd-nspawn when this program is no more, however it ended.
        *("setpriv", "--pdeathsig", "KILL"),
        *("systemd-nspawn", "--quiet", "-D", str(root), "--boot", "--private-network"),
        # Not in a unit of its own: the systemd of this machine may be another, or none.
        *("--register=no", "--keep-unit", "--console=pipe"),
        *(f"--bind-ro={folder}:{place}" for folder, place in shown.items()),
    ]


class Container:
    """A container that runs while the `with` lasts. One thread.

    Args:
        root: The tar file that `make_root` made.
        folder: For this run: the files and the log.
        shown: Folders of this machine, with where they are to be seen in it.
        clock: Waits.
    """

    def __init__(self, root: Path, folder: Path, shown: Mapping[Path, str], clock: Clock) -> None:
        self._tar = root
        self._folder = folder
        self._shown = shown
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None
        self._leader = 0

    @property
    def console(self) -> Path:
        """What systemd-nspawn said."""
        return self._folder / "console.log"

    def __enter__(self) -> Self:
        """Unpack it, start it and wait until systemd is up.

        Raises:
            Impossible: It did not come up.
        """
        root = self._folder / "root"
        root.mkdir(parents=True)
        call(["tar", "-xf", self._tar, "-C", root, "--numeric-owner"], self.console)
        try:
            self._start(root)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        """Shut it down and forget its files."""
        self._stop()

    def run(self, script: str, timeout_s: float = 120) -> Answer:
        """Run a script in the container.

        Raises:
            WorkshopFault: The container is gone.
        """
        if self._process is None or self._process.poll() is not None:
            raise WorkshopFault(f"the container is gone: {last_line(self.console)}")
        process = subprocess.Popen(  # noqa: S603  # a trial's own script
            [*self._enter(), "/bin/bash", "-c", script],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            said, _ = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            end(process)
            return Answer(TOO_LONG, "")
        except BaseException:
            end(process)
            raise
        return Answer(process.returncode, said.decode(errors="replace"))

    def _enter(self) -> Sequence[str]:
        # A clean environment, as a login has it: nothing of this machine's pip or Python.
        namespaces = ["nsenter", "-t", str(self._leader), "-m", "-u", "-i", "-n", "-p", "-C"]
        path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return [*namespaces, "env", "-i", path, "HOME=/root", "LANG=C.UTF-8"]

    def _start(self, root: Path) -> None:
        with self.console.open("ab") as said:
            self._process = subprocess.Popen(  # noqa: S603  # our own words
                command_of(root, self._shown),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        until_ns = self._clock.now_ns() + UP_S * 1_000_000_000
        while self._clock.now_ns() < until_ns and self._process.poll() is None:
            self._leader = _child_of(self._process.pid)
            if self._leader and self.run("systemctl is-system-running").last in _UP:
                return
            self._clock.sleep_until(self._clock.now_ns() + _LOOK_NS)
        raise Impossible(f"no systemd came up in the container: {last_line(self.console)}")

    def _stop(self) -> None:
        if self._process is not None:
            if self._process.poll() is None:
                # systemd-nspawn hands this on as a wish to shut down.
                self._process.send_signal(signal.SIGTERM)
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(UP_S)
            end(self._process)
            self._process = None
            _tidy_control_groups()
        shutil.rmtree(self._folder / "root", ignore_errors=True)
        shutil.rmtree(Path("/run/systemd/nspawn/propagate/root"), ignore_errors=True)


def _child_of(process: int) -> int:
    """Return the first child of a process; 0 if there is none yet."""
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except FileNotFoundError:
        return 0
    return int(children[0]) if children else 0


def _tidy_control_groups() -> None:
    """Take away the empty folders that systemd-nspawn leaves where no systemd looks after them."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, hierarchy, path = line.split(":", 2)
        for mount in {_HIERARCHIES.get(hierarchy, ""), ""} if hierarchy in _HIERARCHIES else ():
            own = Path("/sys/fs/cgroup") / mount / path.lstrip("/")
            for name in ("payload", "supervisor"):
                folders = sorted((own / name).rglob("*/"), reverse=True)
                for folder in (*folders, own / name):
                    # Only what is empty and was nspawn's goes.
                    with suppress(OSError):
                        folder.rmdir()
