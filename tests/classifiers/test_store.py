"""Whatever happens to a store, the bundle in force is a whole one that was checked."""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from sorterd.classifiers import store as module
from sorterd.classifiers.bundle import MANIFEST, BundleFault, load
from sorterd.classifiers.store import Store, candidates

TINY = Path(__file__).parent / "tiny" / "int8"
NAME = "tiny int8"


class PowerCut(BaseException):
    """The program ends here: nothing that tidies up is run."""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return a store that is not there yet."""
    return Store(tmp_path / "store")


@pytest.fixture
def made(tmp_path: Path) -> Callable[[str], Path]:
    """Return what makes a bundle of a version."""

    def make(version: str, name: str = NAME) -> Path:
        folder = Path(shutil.copytree(TINY, tmp_path / "made" / version.replace("/", "-")))
        manifest = folder / MANIFEST
        text = manifest.read_text(encoding="utf-8")
        text = text.replace('version = "1"', f'version = "{version}"', 1)
        manifest.write_text(text.replace(f'name = "{NAME}"', f'name = "{name}"', 1))
        return folder

    return make


@pytest.fixture
def kept(store: Store, made: Callable[[str], Path]) -> Store:
    """Return a store in which version 2 is in force and version 1 was before."""
    for version in ("1", "2"):
        folder, _ = store.take_in(made(version))
        store.activate(NAME, folder.name)
    return store


def test_a_version_is_copied_whole_and_not_in_force_by_that(
    store: Store, made: Callable[[str], Path]
) -> None:
    """It should lie in a folder of its own, as it was, and readable to the station."""
    source = made("3")
    (source / "golden" / "red.png").chmod(0o600)
    folder, new = store.take_in(source)

    assert (folder, new) == (store.folder / NAME / "3", True)
    assert load(folder).manifest == load(source).manifest
    assert {path.stat().st_mode & 0o777 for path in folder.rglob("*.png")} == {0o644}
    assert store.active(NAME) is None
    assert store.versions(NAME) == ["3"]


def test_what_the_manifest_does_not_list_is_left_behind(
    store: Store, made: Callable[[str], Path]
) -> None:
    """It should not fill the card with what lies about in the folder."""
    source = made("3")
    (source / "notes.txt").write_text("try more views")

    assert not (store.take_in(source)[0] / "notes.txt").exists()


def test_the_same_bundle_twice_is_one(store: Store, made: Callable[[str], Path]) -> None:
    """It should find that the version is there already."""
    source = made("3")

    assert store.take_in(source)[1]
    assert store.take_in(source) == (store.folder / NAME / "3", False)


def test_another_bundle_of_the_same_version_is_refused(
    store: Store, made: Callable[[str], Path]
) -> None:
    """It should never replace what may be in force."""
    source = made("3")
    store.take_in(source)
    manifest = source / MANIFEST
    manifest.write_text(manifest.read_text() + "# taught again\n")

    with pytest.raises(BundleFault, match=r"version 3 of tiny int8 is in .* already.*of its own"):
        store.take_in(source)


@pytest.mark.parametrize("version", ["../../etc", "active", ".hidden", "a/b", "previous"])
def test_a_version_that_would_lead_elsewhere_is_refused(
    version: str, store: Store, made: Callable[[str], Path]
) -> None:
    """It should let no manifest choose a place outside the store, or take a link's name."""
    with pytest.raises(BundleFault, match=r"version: .* cannot be a folder's name"):
        store.take_in(made(version))

    assert not store.folder.exists()


def test_a_faulty_bundle_leaves_nothing(store: Store, made: Callable[[str], Path]) -> None:
    """It should check the sums before anything is copied."""
    source = made("3")
    (source / "model.tflite").write_bytes(b"no model")

    with pytest.raises(BundleFault, match="sha256 differs"):
        store.take_in(source)
    assert not store.folder.exists()


def test_the_one_before_is_kept_and_can_be_gone_back_to(kept: Store) -> None:
    """It should swap the two, there and back."""
    assert (kept.active(NAME), kept.previous(NAME)) == ("2", "1")
    assert kept.rollback(NAME) == "1"
    assert (kept.active(NAME), kept.previous(NAME)) == ("1", "2")
    assert kept.rollback(NAME) == "2"


def test_activating_what_is_in_force_keeps_the_one_before(kept: Store) -> None:
    """It should not lose the way back when a command is given twice."""
    kept.activate(NAME, "2")

    assert (kept.active(NAME), kept.previous(NAME)) == ("2", "1")


def test_a_version_that_is_not_there_is_named(kept: Store) -> None:
    """It should list those that are."""
    with pytest.raises(BundleFault, match=r"no version 9 of tiny int8 .*: .* one of: 1, 2"):
        kept.activate(NAME, "9")


def test_the_first_version_goes_back_to_what_came_with_sorterd(
    store: Store, made: Callable[..., Path]
) -> None:
    """It should count the shipped bundle as the version before the first."""
    folder, _ = store.take_in(made("9", name="waste"))
    store.activate("waste", folder.name)

    assert candidates("waste", store)[0] == folder
    assert store.rollback("waste") is None
    assert candidates("waste", store) == [module.shipped("waste")]
    assert store.rollback("waste") == "9"
    assert store.previous("waste") is None


def test_where_there_is_nothing_to_go_back_to_it_says_so(
    store: Store, made: Callable[[str], Path]
) -> None:
    """It should leave the only version in force."""
    store.take_in(made("1"))
    store.activate(NAME, "1")

    for name in (NAME, "waste", "unheard of"):
        with pytest.raises(BundleFault, match=f"{name} has no earlier version"):
            store.rollback(name)
    assert store.active(NAME) == "1"


def test_a_dropped_version_leaves_no_trace(store: Store, made: Callable[[str], Path]) -> None:
    """It should take the folder of the name with it if that is empty then."""
    store.take_in(made("1"))
    store.drop(NAME, "1")

    assert list(store.folder.iterdir()) == []


def test_a_name_means_what_is_in_force_then_what_was_then_what_was_shipped(
    store: Store, made: Callable[..., Path]
) -> None:
    """It should offer a station the way down, best first, and each once."""
    for version in ("8", "9"):
        store.take_in(made(version, name="waste"))
        store.activate("waste", version)

    at_home = store.folder / "waste"
    assert candidates("waste", store) == [at_home / "9", at_home / "8", module.shipped("waste")]


def test_a_path_means_itself(kept: Store, made: Callable[[str], Path]) -> None:
    """It should not look into the store for a bundle that was given by its folder."""
    source = made("5")

    assert candidates(str(source), kept) == [source]


@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may read everything")
def test_a_store_that_may_not_be_read_is_no_bug(kept: Store) -> None:
    """It should say who may."""
    kept.folder.chmod(0)
    try:
        with pytest.raises(BundleFault, match="cannot be read: be in the group"):
            candidates("waste", kept)
    finally:
        kept.folder.chmod(0o755)


STEPS = (
    (Path, "mkdir"),
    (Path, "chmod"),
    (Path, "replace"),
    (Path, "unlink"),
    (Path, "symlink_to"),
    (os, "fsync"),
    (shutil, "copyfile"),
    (shutil, "rmtree"),
)
"""Everything by which a store is changed."""


def cut_after(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the power fail when so many changes were made."""
    left = iter(range(steps))

    def failing(real: Callable[..., object]) -> Callable[..., object]:
        def change(*given: object, **named: object) -> object:
            if next(left, None) is None:
                raise PowerCut
            return real(*given, **named)

        return change

    for owner, name in STEPS:
        monkeypatch.setattr(owner, name, failing(getattr(owner, name)))


def cut_everywhere(kept: Store, act: Callable[[], object]) -> set[tuple[str | None, str | None]]:
    """Do it again and again from the same state, each time cut off one change later.

    After each cut every version must be whole, and doing it once more must come to its end.

    Returns:
        What was in force, and what was before, after each cut; at last without one.
    """
    begun = kept.folder.with_name("begun")
    shutil.copytree(kept.folder, begun, symlinks=True)
    seen = set()
    for steps in range(100):
        shutil.rmtree(kept.folder)
        shutil.copytree(begun, kept.folder, symlinks=True)
        came_to_its_end = False
        with pytest.MonkeyPatch.context() as monkeypatch, suppress(PowerCut):
            cut_after(steps, monkeypatch)
            act()
            came_to_its_end = True
        assert all(load(folder) for folder in candidates(NAME, kept))
        assert all(load(kept.folder / NAME / version) for version in kept.versions(NAME))
        seen.add((kept.active(NAME), kept.previous(NAME)))
        if came_to_its_end:
            return seen
    raise AssertionError("it never came to its end")


def test_a_power_cut_while_a_bundle_is_activated_leaves_a_whole_one_in_force(
    kept: Store, made: Callable[[str], Path]
) -> None:
    """It should be the old one or the new one after a cut at any step."""
    source = made("3")

    def act() -> None:
        folder, _ = kept.take_in(source)
        kept.activate(NAME, folder.name)

    assert cut_everywhere(kept, act) == {("2", "1"), ("2", "2"), ("3", "2")}
    assert sorted(path.name for path in (kept.folder / NAME).iterdir()) == [
        *("1", "2", "3"),
        *("active", "previous"),
    ]


def test_a_power_cut_while_going_back_leaves_a_whole_one_in_force(kept: Store) -> None:
    """It should be one of the two after a cut at any step."""
    assert cut_everywhere(kept, lambda: kept.rollback(NAME)) == {("2", "1"), ("1", "1"), ("1", "2")}


def test_what_a_power_cut_left_behind_is_gone_after_the_next_attempt(
    kept: Store, made: Callable[[str], Path]
) -> None:
    """It should not fill the card with halves of bundles, and should come to its end."""
    source = made("3")
    with pytest.MonkeyPatch.context() as monkeypatch, suppress(PowerCut):
        cut_after(6, monkeypatch)
        kept.take_in(source)
    assert (kept.folder / NAME / ".incoming").is_dir()

    assert kept.take_in(source)[1]
    assert not (kept.folder / NAME / ".incoming").exists()
    kept.activate(NAME, "3")
    assert candidates(NAME, kept)[0].name == "3"


def test_a_full_disk_while_a_bundle_is_taken_in_changes_nothing(
    kept: Store, made: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It should leave both links as they are, and no version that is not whole."""
    source = made("3")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "copyfile", full)
        with pytest.raises(OSError, match="No space"):
            kept.take_in(source)

    assert (kept.active(NAME), kept.previous(NAME)) == ("2", "1")
    assert kept.versions(NAME) == ["1", "2"]
