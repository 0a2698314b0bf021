"""What an installer sees beside the belt, and what another program reads."""

import json
from pathlib import Path

from sorterd.doctor.as_json import as_json
from sorterd.doctor.examine import examine, is_fit
from sorterd.doctor.findings import Need, Seen, broken, found, missing
from sorterd.doctor.here import Here
from sorterd.doctor.page import WIDEST, Page
from sorterd.holding import Holder
from tests.doctor.machines import RUNNING, Made
from tests.machine.planting import planted

LONG = "what was seen here takes more words than one row of a small terminal has room for, by far"
COMMAND = (
    "sudo usermod -aG gpio,video,i2c,render somebody-with-a-long-name && sudo systemctl reboot"
)
SEEN = [
    Seen("gates", "pins", Need.NEEDED, found("GPIO17, GPIO27: free")),
    Seen("rights", "groups", Need.NEEDED, missing(LONG, COMMAND)),
    Seen("rights", "device nodes", Need.UNUSED, missing("none", "nothing")),
]


def here(tmp_path: Path, held_by: Holder | None = None) -> Here:
    """Return a bare machine with a station's settings."""
    return Made(flags={"name": "belt 1"}, held_by=held_by).here(tmp_path)


def test_lines_are_grouped_and_aligned() -> None:
    """It should name a group once, and begin all that is told in one column."""
    page = Page(80, coloured=False)
    rows = "\n".join(page.line(each) for each in SEEN).splitlines()

    assert [row for row in rows if row and not row.startswith(" ")] == ["gates", "rights"]
    assert rows[2] == "  ok    pins             GPIO17, GPIO27: free"
    told = [row for row in rows if row.startswith(" ")]
    assert {len(row) - len(row[25:].lstrip()) for row in told} == {25}


def test_sentences_are_broken_and_commands_are_not() -> None:
    """It should keep a command in one row, to be copied."""
    rows = Page(80, coloured=False).line(SEEN[1]).splitlines()

    assert [row for row in rows if len(row) > 80] == [f"{'':25}> {COMMAND}"]


def test_it_is_never_wider_than_can_be_read() -> None:
    """It should not run along the whole of a wide screen."""
    (*_, row) = (
        Page(300, coloured=False).line(Seen("a", "b", Need.NEEDED, found(LONG + LONG))).splitlines()
    )

    assert len(row) <= WIDEST


def test_a_note_asks_for_nothing() -> None:
    """It should not tell how to mend what nobody uses."""
    assert "> " not in Page(80, coloured=False).line(SEEN[2])


def test_colours_are_for_terminals() -> None:
    """It should colour the marks where it was told to, and align all the same."""
    plain, coloured = (Page(80, coloured=each).line(SEEN[0]) for each in (False, True))

    assert "\x1b" not in plain
    assert "\x1b[32mok  \x1b[0m" in coloured


def test_the_sum_says_what_comes_first(tmp_path: Path) -> None:
    """It should count the marks, and name what a station cannot run without."""
    tail = Page(80, coloured=False).tail(here(tmp_path), SEEN)

    assert "1 ok, 1 note, 1 FAIL." in tail
    assert "cannot run. Mend first: groups." in tail


def test_a_station_that_can_run_is_told_so(tmp_path: Path) -> None:
    """It should promise it of a station with settings only."""
    page = Page(80, coloured=False)
    fit = [SEEN[0], Seen("rights", "first in line", Need.WISHED, broken("late", "mend"))]

    assert "This station can run." in page.tail(here(tmp_path), fit)
    assert "What every station needs is there." in page.tail(Made().here(tmp_path), fit)


def test_it_says_how_to_ask_as_the_service(tmp_path: Path) -> None:
    """It should offer that line where systemd runs, to whoever is not the service's user."""
    page = Page(80, coloured=False)

    assert "systemd-run" not in page.tail(here(tmp_path), SEEN)
    planted(
        tmp_path, {"run/systemd/system/x": "", "etc/group": "gpio:x:1:\nvideo:x:2:\nusb:x:3:\n"}
    )
    tail = page.tail(here(tmp_path), SEEN)
    assert "-p User=sorterd -p LimitRTPRIO=20 -p SupplementaryGroups='video gpio' " in tail


def test_whoever_holds_the_devices_is_named_at_once(tmp_path: Path) -> None:
    """It should say at the top why devices are not opened."""
    head = Page(80, coloured=False).head(here(tmp_path, held_by=RUNNING))

    assert "held by sorterd run, process 812" in head


def test_the_json_has_every_line_in_a_form_that_stays(tmp_path: Path) -> None:
    """It should have these keys and no others; a change of them is a change of the schema."""
    machine = here(tmp_path, held_by=RUNNING)
    seen = list(examine(machine))
    told = json.loads(as_json(machine, seen))

    assert list(told) == ["schema", "fit", "settings", "user", "held_by", "lines"]
    assert (told["schema"], told["fit"]) == (1, is_fit(seen))
    assert len(told["lines"]) == len(seen) > 30
    for line in told["lines"]:
        assert list(line) == ["group", "name", "state", "need", "mark", "told", "mend"]
        assert line["state"] in {"found", "missing", "broken"}
        assert line["need"] in {"needed", "wished", "unused"}
        assert line["mark"] in {"ok", "note", "warn", "FAIL"}
