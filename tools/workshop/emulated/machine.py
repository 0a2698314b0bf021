"""An emulated Raspberry Pi under QEMU: how it is started, spoken to and ended.

The disk is opened as a snapshot, so that whatever happens in the machine is forgotten with it and
one image serves every start. It has no network. Scripts go through a port of its own to an agent
in the machine (overlay/opt/emulated/agent.py), files through a folder shared by 9p. The kernel
ends QEMU should this program be killed.
"""

import json
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from sorterd.ports import Clock
from tools.workshop.emulated.calling import end, last_line
from tools.workshop.emulated.guests import Answer
from tools.workshop.emulated.image import DISK, INITIAL, KERNEL, SHARED, SMALL_DISK, TREE
from tools.workshop.faults import WorkshopFault

QEMU: Final = "qemu-system-aarch64"
UP_S: Final = 600
"""To start: 25 s on two quiet cores, and ten times that among busy neighbours."""
GRACE_S: Final = 60
"""What the port is given beyond a script's own time: the agent ends the script first."""
_DIAL_NS: Final = 100_000_000
"""Between two looks for the socket that QEMU makes as it starts."""


def board() -> list[str]:
    """Return QEMU's program and the arguments that make the machine: a Pi 4's processor."""
    return [QEMU, "-M", "virt", "-cpu", "cortex-a72", "-smp", "2", "-m", "2G", "-nic", "none"]


def command_of(image: Path, folder: Path, *, console: bool) -> list[str]:
    """Return the command that starts a machine.

    Args:
        image: The folder that `make_image` filled.
        folder: Of this run: holds the shared folder, the port's socket and the log.
        console: Give the machine's serial line to this terminal, not to a file.
    """
    small = (image / SMALL_DISK).exists()
    disk, form = (SMALL_DISK, "qcow2") if small else (DISK, "raw")
    serial = ["mon:stdio"] if console else [f"file:{folder / 'console.log'}"]
    return [
        # The kernel ends QEMU when this program is no more, however it ended.
        *("setpriv", "--pdeathsig", "KILL"),
        *board(),
        # More room for translated code: Python runs over much more of it than the default holds.
        *("-accel", "tcg,thread=multi,tb-size=512"),
        *("-kernel", str(image / KERNEL), "-initrd", str(image / INITIAL)),
        *("-dtb", str(image / TREE)),
        *(
            "-append",
            "root=/dev/vda rw console=ttyAMA0 mitigations=off audit=0 systemd.show_status=1",
        ),
        *("-drive", f"file={image / disk},format={form},if=none,id=card,snapshot=on,cache=unsafe"),
        *("-device", "virtio-blk-pci,drive=card"),
        *("-fsdev", f"local,path={folder / 'share'},security_model=none,id=share"),
        *("-device", "virtio-9p-pci,fsdev=share,mount_tag=share"),
        *("-device", "virtio-serial-pci"),
        *("-chardev", f"socket,path={folder / 'port'},server=on,wait=off,id=port"),
        *("-device", "virtserialport,chardev=port,name=emulated"),
        *("-device", "i6300esb", "-display", "none", "-no-reboot"),
        *("-serial", *serial),
        *([] if console else ("-monitor", "none")),
    ]


@dataclass(slots=True)
class _Port:
    """The line to the agent: one JSON a line, either way."""

    line: socket.socket
    waiting: bytes = b""

    def ask(self, question: dict[str, object]) -> None:
        self.line.sendall(json.dumps(question).encode() + b"\n")

    def hear(self, timeout_s: float) -> dict[str, object]:
        """Wait for the next answer.

        Raises:
            TimeoutError: None came in time.
            ConnectionError: The machine is gone.
        """
        self.line.settimeout(timeout_s)
        while b"\n" not in self.waiting:
            came = self.line.recv(1 << 16)
            if not came:
                raise ConnectionError
            self.waiting += came
        text, _, self.waiting = self.waiting.partition(b"\n")
        answer: dict[str, object] = json.loads(text)
        return answer


class Machine:
    """A machine that runs in the background while the `with` lasts. One thread.

    Args:
        image: The folder that `make_image` filled.
        folder: For this run; holds `share`, which the machine sees as /share, and the logs.
        clock: Waits.
    """

    def __init__(self, image: Path, folder: Path, clock: Clock) -> None:
        self._image = image
        self._folder = folder
        self._clock = clock
        self._port: _Port | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._asked = 0

    @property
    def console(self) -> Path:
        """What the machine said on its serial line."""
        return self._folder / "console.log"

    def __enter__(self) -> Self:
        """Start the machine and wait until its agent answers.

        Raises:
            WorkshopFault: It did not come up; the message says what it said last.
        """
        (self._folder / "share").mkdir(parents=True, exist_ok=True)
        try:
            self._start()
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
        """End the machine as a pulled plug would; its disk is a snapshot."""
        self._stop()

    def run(self, script: str, timeout_s: float = 120) -> Answer:
        """Run a script in the machine.

        Raises:
            WorkshopFault: The machine is gone or does not answer any more.
        """
        if self._port is None:
            raise WorkshopFault("the machine is not running")
        self._asked += 1
        question = {"id": self._asked, "script": script, "timeout_s": timeout_s}
        try:
            self._port.ask(question)
            # An agent that was started anew says hello before it answers.
            while (answer := self._port.hear(timeout_s + GRACE_S)).get("id") != self._asked:
                pass
        except (TimeoutError, ConnectionError) as error:
            raise WorkshopFault(f"the machine fell silent: {self._last_words()}") from error
        return Answer(int(str(answer["code"])), str(answer["said"]))

    def _start(self) -> None:
        command = command_of(self._image, self._folder, console=False)
        with (self._folder / "qemu.log").open("wb") as said:
            self._process = subprocess.Popen(  # noqa: S603  # our own words
                command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._port = _Port(self._dial())
        try:
            self._port.hear(UP_S)
        except (TimeoutError, ConnectionError) as error:
            raise WorkshopFault(f"the machine did not come up: {self._last_words()}") from error
        mounted = self.run(f"mountpoint -q {SHARED} || mount {SHARED}")
        if mounted.code != 0:
            raise WorkshopFault(f"the machine cannot mount its shared folder: {mounted.line}")

    def _dial(self) -> socket.socket:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        until_ns = self._clock.now_ns() + GRACE_S * 1_000_000_000
        while self._process is not None and self._process.poll() is None:
            try:
                line.connect(str(self._folder / "port"))
            except (FileNotFoundError, ConnectionRefusedError):
                if self._clock.now_ns() > until_ns:
                    break
                self._clock.sleep_until(self._clock.now_ns() + _DIAL_NS)
            else:
                return line
        line.close()
        raise WorkshopFault(f"QEMU did not start: {last_line(self._folder / 'qemu.log')}")

    def _last_words(self) -> str:
        logs = [log for log in (self.console, self._folder / "qemu.log") if log.exists()]
        return f"{last_line(logs[0]) if logs else 'it said nothing'} (see {self.console})"

    def _stop(self) -> None:
        if self._port is not None:
            self._port.line.close()
            self._port = None
        if self._process is not None:
            end(self._process)
            self._process = None


def hand_over(image: Path, folder: Path) -> int:
    """Run a machine on this terminal until its person switches it off; return QEMU's exit code."""
    (folder / "share").mkdir(parents=True, exist_ok=True)
    words: Sequence[str] = command_of(image, folder, console=True)
    return subprocess.run(words, check=False).returncode  # noqa: S603  # our own words
