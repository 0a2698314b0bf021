"""What of a change of settings concerns the devices."""

from collections.abc import Callable

import pytest

from sorterd.settings import Settings
from sorterd.settings.changes import changes

BASE = """
[gates.glass]
kind = "servo"
pin = 17
at_mm = 500
"""


@pytest.mark.parametrize(
    ("change", "keys"),
    [
        ("belt.speed_mm_s = 100", ("belt.speed_mm_s",)),
        ("judging.max_views = 3\nmodel.threads = 2", ("judging.max_views", "model.threads")),
        ("view.mm_per_px = 0.4", ("view.mm_per_px",)),
        ("journal.path = 'j.db'", ("journal.path",)),
    ],
)
def test_what_no_device_knows_changes_between_frames(
    change: str, keys: tuple[str, ...], read: Callable[[str], Settings]
) -> None:
    """It should name what differs, and ask for no device to be opened."""
    found = changes(read(BASE), read(change + BASE))

    assert set(found.keys) == set(keys)
    assert found.anew == ()


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ("camera.kind = 'replay'\ncamera.path = '.'", "camera.kind"),
        ("view.width_px = 320", "view.width_px"),
        ("max_open_ms = 500", "max_open_ms"),
        ("station = 'lids'", "station"),
        ("journal.flush_ms = 70", "journal.flush_ms"),
        ("review.folder = 'r'", "review.folder"),
    ],
)
def test_what_a_device_knows_opens_it_anew(
    change: str, key: str, read: Callable[[str], Settings]
) -> None:
    """It should say which setting asks for it."""
    assert key in changes(read(BASE), read(change + "\n" + BASE)).anew


def test_a_gate_has_keys_of_both_kinds(read: Callable[[str], Settings]) -> None:
    """It should tell where a gate is from what moves it, and see gates come and go."""
    before = read(BASE)

    assert changes(before, read(BASE.replace("500", "510"))).anew == ()
    assert changes(before, read(BASE.replace("17", "18"))).anew == ("gates.glass.pin",)
    more = changes(before, read(BASE + BASE.replace("glass", "paper"))).anew
    assert "gates.paper.pin" in more
    assert changes(read(BASE + BASE.replace("glass", "paper")), before).anew == more


def test_a_review_has_one_writer(read: Callable[[str], Settings]) -> None:
    """It should open the station anew for any change while crops are kept."""
    review = "[review]\nfolder = 'r'\n"

    found = changes(read(review), read(review + "[belt]\nspeed_mm_s = 100\n"))
    assert found.keys == ("belt.speed_mm_s",)
    assert found.anew == ("review",)


def test_nothing_has_changed(read: Callable[[str], Settings]) -> None:
    """It should find no difference where a default is written out."""
    assert changes(read(BASE), read("belt.speed_mm_s = 200\n" + BASE)).keys == ()
