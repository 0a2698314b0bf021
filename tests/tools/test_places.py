"""Places: folders here and in buckets behave alike, and every fault is one line that names them."""

import os
import resource
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sorterd.recordings.pictures import list_files
from tests.tools.machines import (
    KEYS,
    bucket_at,
    checked_credentials,
    forget_buckets,
    s3_endpoint,
)
from tools.workshop.faults import WorkshopFault
from tools.workshop.places import Place

NOBODY = 65_534
# A name that a person could give a file, with numbers and both cases.
NAMES = st.text("aAbB019.-_ äé", min_size=1, max_size=12).filter(lambda n: n.strip(". ") == n)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """Return the address of an S3 endpoint."""
    with s3_endpoint() as address:
        yield address


@pytest.fixture
def credentials(endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Give the environment a person would have: an endpoint and keys, nothing from elsewhere."""
    forget_buckets()
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {**KEYS, "AWS_ENDPOINT_URL": endpoint, "HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    # One attempt: whether the library tries again is not what is tested.
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    yield
    forget_buckets()


@pytest.fixture
def bucket(credentials: None, endpoint: str) -> Any:  # noqa: ANN401, ARG001  # boto3 has no types
    """Return a client of the endpoint, where the bucket `photos` is empty."""
    return bucket_at(endpoint, "photos")


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Return a place with nothing in it, of either kind."""
    if request.param == "bucket":
        request.getfixturevalue("bucket")
        return Place("s3://photos/in")
    (tmp_path / "in").mkdir()
    return Place(str(tmp_path / "in"))


@contextmanager
def without_rights() -> Iterator[None]:
    """Be somebody to whom rights apply; a superuser is nobody for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def small_disk(most_bytes: int) -> Iterator[None]:
    """Let no file grow beyond a size, as on a disk that is nearly full.

    Nor is bytecode kept meanwhile: Python takes no notice of a file that was cut short, and no
    later start gets over it (python/cpython#126606).
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    keeps_none, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        sys.dont_write_bytecode = keeps_none


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Return a folder that anybody may enter; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o777)
    shutil.rmtree(folder)


def refused(act: Callable[[], object], *names: str) -> None:
    """Check that an act ends in one line that names what it is about."""
    with pytest.raises(WorkshopFault) as caught:
        act()
    line = str(caught.value)
    assert "\n" not in line
    assert ":" in line
    for name in names:
        assert name in line


def test_what_was_written_is_read(place: Place) -> None:
    """It should give back what was written, also over an older file, and list it."""
    place.write("a/Übung 1.jpg", b"old")
    place.write("a/Übung 1.jpg", b"new")
    place.write("notes.txt", b"")

    assert place.read("a/Übung 1.jpg") == b"new"
    assert place.keys() == ["a/Übung 1.jpg", "notes.txt"]
    assert place.pictures() == ["a/Übung 1.jpg"]
    assert place.below("a").keys() == ["Übung 1.jpg"]
    assert place.has("notes.txt")
    assert not place.has("a")
    assert not place.has("b")


def test_keys_come_as_a_person_would_order_them(place: Place) -> None:
    """It should order numbers by value and leave out what is hidden, wherever the files are."""
    for key in ("img10.jpg", "img2.jpg", "B/1.jpg", "a/1.jpg", ".trash/3.jpg", "a/.part"):
        place.write(key, b"1")

    assert place.keys() == ["a/1.jpg", "B/1.jpg", "img2.jpg", "img10.jpg"]


@given(names=st.sets(NAMES, max_size=8))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_the_order_is_the_stations(names: set[str], tmp_path: Path) -> None:
    """It should list a folder in the order in which the station itself reads one."""
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    for name in names:
        (folder / name).write_bytes(b"")

    assert Place(str(folder)).keys() == [path.name for path in list_files(folder)[0]]


def test_a_bucket_is_asked_anew(bucket: Any) -> None:  # noqa: ANN401  # boto3 has no types
    """It should see what others have put there since it was last asked."""
    place = Place("s3://photos/in")
    place.write("1.jpg", b"1")
    before = place.keys(), place.has("2.jpg")
    bucket.put_object(Bucket="photos", Key="in/2.jpg", Body=b"2")

    assert before == (["1.jpg"], False)
    assert (place.keys(), place.has("2.jpg")) == (["1.jpg", "2.jpg"], True)


def test_what_only_looks_like_a_folder_is_no_file(bucket: Any) -> None:  # noqa: ANN401  # as above
    """It should not list the empty objects that stand for folders, nor a folder's neighbour."""
    for key in ("in/", "in/x.jpg/", "in/1.jpg", "inner/2.jpg"):
        bucket.put_object(Bucket="photos", Key=key, Body=b"")

    assert Place("s3://photos/in").keys() == ["1.jpg"]


def test_a_key_that_is_not_there(place: Place) -> None:
    """It should name the key."""
    place.write("1.jpg", b"1")

    refused(lambda: place.read("2.jpg"), f"{place}/2.jpg", "not there")


def test_a_place_that_is_not_there(credentials: None, tmp_path: Path) -> None:
    """It should name the folder or the bucket, whatever is asked of it."""
    del credentials
    refused(Place(str(tmp_path / "none")).keys, "none")
    nowhere = Place("s3://no-such-bucket/in")
    refused(nowhere.keys, "s3://no-such-bucket/in")
    refused(lambda: nowhere.read("1.jpg"), "s3://no-such-bucket/in/1.jpg")
    refused(lambda: nowhere.write("1.jpg", b"1"), "s3://no-such-bucket/in/1.jpg")


@pytest.mark.parametrize("address", ["s3://", "s3:///", "ftps://x/y", "://x"])
def test_an_address_that_means_nothing(address: str) -> None:
    """It should name the address."""
    place = Place(address)

    refused(place.keys, address)
    refused(lambda: place.has("1.jpg"), address)
    refused(lambda: place.write("1.jpg", b"1"), address)


def test_an_empty_bucket(bucket: Any) -> None:  # noqa: ANN401  # boto3 has no types
    """It should say that nothing is there: more often than not the folder is misspelt."""
    del bucket
    refused(Place("s3://photos/in").keys, "s3://photos/in")


def everything(place: Place) -> list[Callable[[], object]]:
    """All that can be asked of a place."""
    return [
        place.keys,
        lambda: place.has("1.jpg"),
        lambda: place.read("1.jpg"),
        lambda: place.write("1.jpg", b"1"),
    ]


def test_wrong_credentials(endpoint: str, bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401  # as above
    """It should say so, and not that nothing is there."""
    bucket.put_object(Bucket="photos", Key="in/1.jpg", Body=b"1")
    forget_buckets()
    with checked_credentials(endpoint):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "wrong")
        for act in everything(Place("s3://photos/in")):
            refused(act, "s3://photos/in", "credentials")


def test_no_credentials(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401  # as above
    """It should say so."""
    del bucket
    forget_buckets()
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    for act in everything(Place("s3://photos/in")):
        refused(act, "s3://photos/in", "credentials")


def test_an_endpoint_that_does_not_answer(
    credentials: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It should say so; above all it should not say that a file is not there."""
    del credentials
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    for act in everything(Place("s3://photos/in")):
        refused(act, "s3://photos/in", "network")


def test_a_folder_that_may_not_be_read(open_folder: Path) -> None:
    """It should name the folder, whether it is the place itself or lies in it or above it."""
    inner = open_folder / "closed" / "inner"
    inner.mkdir(parents=True)
    (open_folder / "closed").chmod(0)

    with without_rights():
        refused(Place(str(open_folder)).keys, "closed")
        refused(Place(str(open_folder / "closed")).keys, "closed")
        for act in everything(Place(str(inner))):
            refused(act, "inner")


def test_a_folder_that_may_not_be_written(open_folder: Path) -> None:
    """It should name the file, and leave the older one as it was."""
    place = Place(str(open_folder))
    place.write("1.jpg", b"old")
    open_folder.chmod(0o555)

    with without_rights():
        refused(lambda: place.write("1.jpg", b"new"), f"{place}/1.jpg")

    assert place.read("1.jpg") == b"old"


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    """It should name the file, keep the older one and leave no part of the new one."""
    place = Place(str(tmp_path))
    place.write("1.jpg", b"old")

    with small_disk(1_000):
        refused(lambda: place.write("1.jpg", b"x" * 100_000), f"{place}/1.jpg", "disk")

    assert place.read("1.jpg") == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["1.jpg"]


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    """It should name the file, the other way round too, and leave nothing behind."""
    place = Place(str(tmp_path))
    place.write("a", b"a file")
    place.write("b/1.jpg", b"in a folder")

    refused(lambda: place.write("a/1.jpg", b"1"), "a/1.jpg")
    refused(lambda: place.write("b", b"1"), f"{place}/b")
    refused(lambda: place.read("b"), f"{place}/b")
    assert place.keys() == ["a", "b/1.jpg"]


def test_a_name_as_long_as_it_may_be(tmp_path: Path) -> None:
    """It should write a name of 255 bytes, which leaves no room for a longer one beside it."""
    name = "n" * 251 + ".jpg"
    Place(str(tmp_path)).write(name, b"1")

    assert Place(str(tmp_path)).keys() == [name]
    refused(lambda: Place(str(tmp_path)).write("n" * 256, b"1"), "cannot be used")


def test_a_file_address_is_a_folder_here(tmp_path: Path) -> None:
    """It should take file:// for what it is: the same folder, written as safely."""
    place = Place(f"file://{tmp_path}")
    place.write("a/1.jpg", b"1")

    assert place.local == tmp_path
    assert (tmp_path / "a" / "1.jpg").read_bytes() == b"1"
