"""Kills every part of a running stack while photos come in. ``make chaos`` runs it; MIZZAP_CHAOS_* change its size."""

import asyncio
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.chaos.killer import SERVERS, SERVICES, Killer
from tests.chaos.load import Acknowledged, Client, make_uploads, upload_all
from tests.chaos.verdict import Verdict, drain, judge
from tests.stack import running_stack

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1800)]

UPLOADS = int(os.environ.get("MIZZAP_CHAOS_UPLOADS", "300"))
KILLS = int(os.environ.get("MIZZAP_CHAOS_KILLS", "33"))
SEED = int(os.environ.get("MIZZAP_CHAOS_SEED", "1"))
DRAIN_SECONDS = 60.0
MUTANT = f"{{python}} {Path(__file__).with_name('mutant_service.py')} {{service}}"


@dataclass
class Outcome:
    verdict: Verdict
    killer: Killer
    tries: int


async def run(data: Path, *, wipe_broker: bool = False, mutant: bool = False) -> Outcome:
    uploads = make_uploads(UPLOADS, SEED)
    acknowledged = Acknowledged()
    # the sweeper's patience is a setting; a minute of chaos wants a shorter one than months of service
    environment = {"MIZZAP_SWEEP_AFTER_SECONDS": "10"}
    with running_stack(data, MUTANT if mutant else None, environment) as stack:
        client = Client(stack.gateway)
        await client.register(SEED)
        killer = Killer(stack, SEED, KILLS, wipe_broker_at=KILLS // 2 if wipe_broker else None)
        started = time.monotonic()
        # about as long as the kills take: 1.5 s each, and what they make others wait
        pace = 1.6 * KILLS * 6 / UPLOADS
        await asyncio.gather(killer.run(), upload_all(client, uploads, acknowledged, pace=pace))
        print(
            f"\n{UPLOADS} uploads acknowledged after {acknowledged.tries} tries in {time.monotonic() - started:.0f} s"
        )
        print("kill -9:", ", ".join(f"{name} {killer.counts[name]}" for name in (*SERVICES, *SERVERS, "broker's disk")))
        pending, waited = await drain(client, DRAIN_SECONDS)
        verdict = await judge(stack, client, uploads, acknowledged)
        verdict.unprocessed, verdict.drained_seconds = pending, waited
    print(
        f"lost {len(verdict.lost)}, doubled {len(verdict.doubled)}, unprocessed {verdict.unprocessed}, "
        f"missing {len(verdict.missing)}, drained {waited:.1f} s after the last kill and upload"
    )
    return Outcome(verdict, killer, acknowledged.tries)


def hit_everything(killer: Killer) -> bool:
    return all(killer.counts[name] >= 2 for name in (*SERVICES, *SERVERS)) and killer.counts.total() >= 30


async def test_nothing_is_lost_and_nothing_doubled(tmp_path: Path) -> None:
    outcome = await run(tmp_path / "data")
    assert hit_everything(outcome.killer)
    assert outcome.verdict.good, outcome.verdict


async def test_the_broker_may_lose_its_disk(tmp_path: Path) -> None:
    outcome = await run(tmp_path / "data", wipe_broker=True)
    assert hit_everything(outcome.killer)
    assert outcome.verdict.good, outcome.verdict


async def test_publishing_after_the_commit_is_caught(tmp_path: Path) -> None:
    """The control: a check that this design passes would be worth nothing."""
    outcome = await run(tmp_path / "data", mutant=True)
    assert outcome.verdict.unprocessed or outcome.verdict.missing, "the mutant survived"
    print(f"the mutant left {outcome.verdict.unprocessed} photos unprocessed on {sys.platform}")
