"""Other machines, as processes on this one: an S3 endpoint, and a Dask scheduler with workers.

The scheduler and its workers are started from a folder of their own in which the station can be
imported and the commands cannot, as on a machine where only `sorterd[tools]` is installed.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
from moto.server import ThreadedMotoServer
from s3fs import S3FileSystem

PROJECT = Path(__file__).resolve().parents[2]
KEYS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
}
# Prints one line when it is ready, and ends when it is killed.
_BEGIN = """
import asyncio, sys
sys.path[:] = [p for p in sys.path if p not in ("", sys.argv[1])] + [sys.argv[2]]
"""
_SCHEDULER = (
    _BEGIN
    + """
from distributed import Scheduler

async def serve():
    async with Scheduler(host="127.0.0.1", port=0, dashboard=False) as scheduler:
        print(scheduler.address, flush=True)
        await scheduler.finished()

asyncio.run(serve())
"""
)
_WORKER = (
    _BEGIN
    + """
from distributed import Worker

async def serve():
    async with Worker(sys.argv[3], host="127.0.0.1", nthreads=1, dashboard=False) as worker:
        print(worker.address, flush=True)
        await worker.finished()

if __name__ == "__main__":
    asyncio.run(serve())
"""
)


@contextmanager
def s3_endpoint() -> Iterator[str]:
    """A real S3 endpoint on loopback; gives its address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def bucket_at(endpoint: str, name: str) -> Any:  # noqa: ANN401  # boto3 ships no types
    """Make a bucket, or empty the one that is there; gives a client of the endpoint."""
    client = import_module("boto3").client(
        "s3",
        endpoint_url=endpoint,
        region_name=KEYS["AWS_DEFAULT_REGION"],
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
    )
    client.create_bucket(Bucket=name)
    for each in client.list_objects_v2(Bucket=name).get("Contents", ()):
        client.delete_object(Bucket=name, Key=each["Key"])
    return client


@contextmanager
def checked_credentials(endpoint: str) -> Iterator[None]:
    """Have the endpoint look at credentials for a while: it knows none, so all are wrong."""
    address = f"{endpoint}/moto-api/reset-auth"
    httpx.post(address, content=b"0").raise_for_status()
    try:
        yield
    finally:
        httpx.post(address, content=b"inf").raise_for_status()


class Cluster:
    """A Dask scheduler and its workers, one thread each; any of them may be killed.

    Args:
        folder: In which they are started.
        environment: Added to this process's own.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = {**os.environ, **environment}
        self._environment.pop("PYTHONPATH", None)
        self._site = folder / "site"
        self._site.mkdir()
        (self._site / "sorterd").symlink_to(PROJECT / "sorterd")
        self._scheduler: subprocess.Popen[str] | None = None
        self.address = ""
        self.workers: list[subprocess.Popen[str]] = []

    def settle(self, workers: int) -> None:
        """Have a scheduler with so many workers, starting or killing what that takes."""
        if self._scheduler is None or self._scheduler.poll() is not None:
            self.kill_workers()
            self._scheduler, self.address = self._started(_SCHEDULER)
        self.workers = [worker for worker in self.workers if worker.poll() is None]
        while len(self.workers) > workers:
            self.kill_worker()
        while len(self.workers) < workers:
            self.add_worker()

    def add_worker(self) -> None:
        """Start one more."""
        worker, _ = self._started(_WORKER, self.address)
        self.workers.append(worker)

    def kill_worker(self) -> None:
        """Kill the one that came first, with SIGKILL."""
        _kill(self.workers.pop(0))

    def kill_workers(self) -> None:
        """Kill all of them."""
        while self.workers:
            self.kill_worker()

    def kill_scheduler(self) -> None:
        """Kill it; its workers end by themselves or when the next scheduler starts."""
        if self._scheduler is not None:
            _kill(self._scheduler)

    def _started(self, program: str, *arguments: str) -> tuple[subprocess.Popen[str], str]:
        command = [sys.executable, "-c", program, str(PROJECT), str(self._site), *arguments]
        process = subprocess.Popen(  # noqa: S603  # our own program
            command,
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdout is not None
        return process, process.stdout.readline().strip()


@contextmanager
def dask_cluster(folder: Path, **environment: str) -> Iterator[Cluster]:
    """A cluster that has nothing yet, and has nothing left in the end."""
    cluster = Cluster(folder, environment)
    try:
        yield cluster
    finally:
        cluster.kill_workers()
        cluster.kill_scheduler()


def forget_buckets() -> None:
    """Have the next bucket opened with the environment as it then is."""
    S3FileSystem.clear_instance_cache()


def _kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
