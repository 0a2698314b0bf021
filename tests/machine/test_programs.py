"""Programs that answer, and all the ways in which they do not."""

import sys
from pathlib import Path

from sorterd.machine.programs import ask


def test_a_program_that_answers() -> None:
    """It should give its words, stripped, and the last line of what it complained of."""
    program = "import sys; print(' seen '); print('first\\nlast', file=sys.stderr); sys.exit(3)"
    answer = ask(sys.executable, "-c", program, within_s=60)

    assert (answer.words, answer.code, answer.complaint) == ("seen", 3, "last")
    assert answer.there
    assert not answer.good
    assert answer.died_of is None


def test_a_program_that_is_not_there() -> None:
    """It should be an answer that says so, and no exception."""
    answer = ask("no-such-program-anywhere", "--version")

    assert (answer.there, answer.code) == (False, None)
    assert answer.complaint == "no-such-program-anywhere is not installed"


def test_a_program_that_may_not_be_run(tmp_path: Path) -> None:
    """It should say so for a file that is no program."""
    file = tmp_path / "odd"
    file.write_bytes(b"\x7fELF but not really")
    file.chmod(0o755)

    answer = ask(str(file))

    assert not answer.there
    assert "cannot be run" in answer.complaint


def test_a_program_that_hangs() -> None:
    """It should be given up, and be told apart from one that is missing."""
    answer = ask(sys.executable, "-c", "import signal; signal.pause()", within_s=0.2)

    assert answer.late
    assert answer.there
    assert "within 0.2 s" in answer.complaint


def test_a_program_that_dies_of_a_signal() -> None:
    """It should name the signal, as a library that was built for another processor dies of it."""
    answer = ask(sys.executable, "-c", "import os; os.kill(os.getpid(), 4)", within_s=60)

    assert answer.died_of == "SIGILL"
    assert not answer.good
