"""Kills what runs, at random, so that every part is hit."""

import asyncio
import os
import random
import signal
from collections import Counter

from tests.stack import Stack

SERVICES = ("gateway", "auth", "photos", "albums", "thumbs", "dedup", "curation")
SERVERS = ("nats", "postgres", "s3", "qdrant")


class Killer:
    def __init__(self, stack: Stack, seed: int, kills: int, wipe_broker_at: int | None = None) -> None:
        self.stack = stack
        self.random = random.Random(seed)
        self.wipe_broker_at = wipe_broker_at
        self.counts: Counter[str] = Counter()
        targets = list(SERVICES + SERVERS)
        rounds = -(-kills // len(targets))
        plan = [name for _ in range(rounds) for name in self.random.sample(targets, len(targets))]
        self.plan = plan[: max(kills, len(targets))]

    async def run(self) -> None:
        for number, name in enumerate(self.plan):
            await asyncio.sleep(self.random.uniform(0.8, 2.2))
            if number == self.wipe_broker_at:
                await self.wipe_broker()
            await self.kill(name)

    async def kill(self, name: str) -> None:
        """kill -9, once it runs: one that is being started again is waited for."""
        while True:
            pid = self.stack.pid(name)
            if pid is not None:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pid = None
            if pid is not None:
                self.counts[name] += 1
                return
            await asyncio.sleep(0.1)

    async def wipe_broker(self) -> None:
        """The broker's disk is gone: moved aside under its feet, then the broker is killed."""
        folder = self.stack.data / "nats" / "store"
        folder.rename(folder.with_name("store-lost"))
        await self.kill("nats")
        self.counts["broker's disk"] += 1
