"""A parent that prints its children's ids and is then killed: half of them work, half of them wait."""

import asyncio

import pool_jobs
from mizzap_common.imaging.pool import DecodePool


async def main() -> None:
    pool = DecodePool(2, wall_clock=300)
    await pool.start()
    hanging = asyncio.create_task(pool.run(pool_jobs.hang))
    idle = await pool.run(pool_jobs.process_id)
    children = {child._process.pid for child in pool._children}
    print(idle, *(children - {idle}), flush=True)
    await hanging


asyncio.run(main())
