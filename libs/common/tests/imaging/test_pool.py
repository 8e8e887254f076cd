"""The children of the pool: what crosses over, what a bad job costs, and what is left behind."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import psutil
import pytest
from mizzap_common.imaging import decode
from mizzap_common.imaging.errors import ImageUnreadable, MediaUnsupported
from mizzap_common.imaging.pool import DecodePool, default_workers
from mizzap_common.imaging.wire import ChildFailed

JOBS = Path(__file__).parent / "jobs"

OpenPool = Callable[..., AbstractAsyncContextManager[DecodePool]]


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module of jobs, importable by name here and in the children."""
    monkeypatch.syspath_prepend(JOBS)
    monkeypatch.setenv("PYTHONPATH", str(JOBS), prepend=os.pathsep)
    import pool_jobs

    return pool_jobs


@pytest.fixture
def open_pool(jobs: ModuleType) -> OpenPool:
    @asynccontextmanager
    async def opened(workers: int = 1, **settings: Any) -> AsyncIterator[DecodePool]:
        pool = DecodePool(workers, **settings)
        await pool.start()
        try:
            yield pool
        finally:
            await pool.close()

    return opened


async def test_results_and_errors_cross_over(open_pool: OpenPool, jobs: ModuleType) -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    async with open_pool() as pool:
        assert np.array_equal(await pool.run(jobs.echo, pixels), pixels)
        assert await pool.run(jobs.echo, {"large": b"x" * 20_000_000}) == {"large": b"x" * 20_000_000}
        with pytest.raises(MediaUnsupported, match="Not a supported photo format") as refused:
            await pool.run(decode.open_rgb, b"no image at all", 512)
        assert "open_image" in "".join(refused.value.__notes__), "the child's traceback is lost"
        with pytest.raises(ChildFailed, match="OwnError: the details"):
            await pool.run(jobs.raise_own_error)


async def test_the_initializer_runs_once_in_each_child(open_pool: OpenPool, jobs: ModuleType) -> None:
    async with open_pool(2, initializer=jobs.load, initargs=("model",)) as pool:
        for _ in range(6):
            assert await pool.run(jobs.what_was_loaded) == ["model"]


async def test_a_failing_initializer_stops_the_start(jobs: ModuleType) -> None:
    pool = DecodePool(2, initializer=jobs.load_or_fail, initargs=("/models",))
    with pytest.raises(ValueError, match="no model at /models"):
        await pool.start()
    assert not pool._children


async def test_children_get_limits_and_no_secrets(
    open_pool: OpenPool, jobs: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MIZZAP_S3_SECRET_KEY", "secret")
    async with open_pool(memory_bytes=300 * 1024**2) as pool:
        environment = await pool.run(jobs.environment)
        assert "secret" not in environment.values()
        assert (environment["VIPS_CONCURRENCY"], environment["VIPS_BLOCK_UNTRUSTED"]) == ("1", "1")
        assert await pool.run(jobs.allocate, 100) == 100 * 1024**2
        with pytest.raises(ImageUnreadable, match="more memory"):
            await pool.run(jobs.allocate, 400)
        with pytest.raises(OSError, match="File too large"):
            await pool.run(jobs.write_file, str(tmp_path / "written"))
        assert await pool.run(jobs.echo, "still here") == "still here"


async def test_a_job_that_burns_the_processor_is_stopped_alone(open_pool: OpenPool, jobs: ModuleType) -> None:
    async with open_pool(2, timeout=1, wall_clock=120) as pool:
        other = await pool.run(jobs.process_id)
        burning = asyncio.create_task(pool.run(jobs.burn))
        waiting = asyncio.create_task(pool.run(jobs.wait, 1.5))
        with pytest.raises(ImageUnreadable, match="too much processor time"):
            await burning
        assert await waiting == "waited"
        assert await pool.run(jobs.echo, other) == other


async def test_a_job_that_hangs_is_given_up_after_two_tries(open_pool: OpenPool, jobs: ModuleType) -> None:
    async with open_pool(wall_clock=0.9) as pool:
        before = await pool.run(jobs.process_id)
        with pytest.raises(ImageUnreadable, match=r"failed twice: it took more than 0\.9 seconds"):
            await pool.run(jobs.hang)
        assert await pool.run(jobs.process_id) != before
        assert not psutil.pid_exists(before)


@pytest.mark.parametrize("job", ["hang_once", "killed_once"])
async def test_a_job_that_the_machine_interrupted_is_tried_again(
    open_pool: OpenPool, jobs: ModuleType, tmp_path: Path, job: str
) -> None:
    async with open_pool(wall_clock=3) as pool:
        assert await pool.run(getattr(jobs, job), str(tmp_path / "marker")) == "second"


async def test_a_crash_costs_only_its_own_job(open_pool: OpenPool, jobs: ModuleType) -> None:
    async with open_pool(2) as pool:
        waiting = asyncio.create_task(pool.run(jobs.wait, 1))
        with pytest.raises(ImageUnreadable, match="SIGSEGV"):
            await pool.run(jobs.crash)
        assert await waiting == "waited"
        assert await asyncio.gather(*(pool.run(jobs.echo, number) for number in range(20))) == list(range(20))


async def test_children_killed_from_outside_are_replaced(open_pool: OpenPool, jobs: ModuleType) -> None:
    async with open_pool(2) as pool:
        busy = asyncio.create_task(pool.run(jobs.wait, 0.5))
        idle = await pool.run(jobs.process_id)
        for child in tuple(pool._children):
            child._process.kill()
        assert await busy == "waited"
        assert await asyncio.gather(*(pool.run(jobs.echo, number) for number in range(6))) == list(range(6))
        assert not psutil.pid_exists(idle)


@pytest.mark.timeout(60)
async def test_a_cancelled_job_leaves_no_answer_for_the_next(open_pool: OpenPool, jobs: ModuleType) -> None:
    async with open_pool(wall_clock=3600) as pool:
        before = await pool.run(jobs.process_id)
        hanging = asyncio.create_task(pool.run(jobs.hang))
        large = asyncio.create_task(pool.run(jobs.echo, b"x" * 50_000_000))
        await asyncio.sleep(0)
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
        assert len(await large) == 50_000_000
        assert await pool.run(jobs.process_id) != before


async def test_a_child_is_replaced_after_its_share_of_jobs(open_pool: OpenPool, jobs: ModuleType) -> None:
    async with open_pool(jobs_per_child=3) as pool:
        processes = [await pool.run(jobs.process_id) for _ in range(6)]
    assert processes[0] == processes[2] != processes[3] == processes[5]


async def test_what_a_library_prints_stays_out_of_the_answers(open_pool: OpenPool, jobs: ModuleType) -> None:
    async with open_pool() as pool:
        assert await pool.run(jobs.chatter) == "fine"
        assert await pool.run(jobs.chatter) == "fine"


async def test_an_answer_runs_no_code_in_the_service(open_pool: OpenPool, jobs: ModuleType, tmp_path: Path) -> None:
    marker = tmp_path / "taken over"
    async with open_pool() as pool:
        with pytest.raises(ChildFailed, match="not allowed"):
            await pool.run(jobs.answer_with_code, str(marker))
        assert not marker.exists()
        assert await pool.run(jobs.echo, 1) == 1


async def test_close_ends_children_and_waiting_jobs(jobs: ModuleType) -> None:
    pool = DecodePool(1)
    await pool.start()
    child = await pool.run(jobs.process_id)
    waiting = [asyncio.create_task(pool.run(jobs.hang)) for _ in range(4)]
    await asyncio.sleep(0)
    await pool.close()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(result) for result in results} == {RuntimeError}
    assert not psutil.pid_exists(child)
    with pytest.raises(RuntimeError, match="closed"):
        await pool.run(jobs.echo, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a child ask to die with its parent")
def test_no_child_outlives_a_killed_parent(jobs: ModuleType) -> None:
    parent = subprocess.Popen([sys.executable, str(JOBS / "orphans.py")], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    children = [psutil.Process(int(number)) for number in parent.stdout.readline().split()]
    assert len(children) == 2
    os.kill(parent.pid, signal.SIGKILL)
    parent.communicate()
    _, alive = psutil.wait_procs([child for child in children if child.is_running()], timeout=10)
    orphans = [child for child in alive if child.status() != psutil.STATUS_ZOMBIE]
    for orphan in orphans:
        orphan.kill()
    assert not orphans


async def test_the_event_loop_only_waits(open_pool: OpenPool, jobs: ModuleType) -> None:
    async with open_pool(default_workers(), timeout=1, wall_clock=60) as pool:
        burning = [asyncio.create_task(pool.run(jobs.burn)) for _ in range(pool.workers)]
        longest, last = 0.0, time.monotonic()
        while not all(task.done() for task in burning):
            await asyncio.sleep(0.01)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
        await asyncio.gather(*burning, return_exceptions=True)
    assert longest < 1.0
