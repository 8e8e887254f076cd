"""The background work: chooses the moments of users whose libraries have changed."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from mizzap_common import ai_consents, changes, outbox, tasks
from mizzap_common.bus import Bus
from mizzap_common.contracts import catalog, curating, events
from mizzap_common.db import DATABASE_ERRORS, Database
from mizzap_common.errors import MizzapError
from prometheus_client import Counter, Histogram

from mizzap_curation import embeddings, repository, sets_repository
from mizzap_curation.clusters import Shot, cluster
from mizzap_curation.embeddings import Embeddings
from mizzap_curation.groups import Groups
from mizzap_curation.models import ChoiceRow, ScoreRow
from mizzap_curation.moments import LIMIT, Candidate, Library, choose
from mizzap_curation.quality import WEIGHTS, Quality
from mizzap_curation.reasons import explain
from mizzap_curation.sets_repository import Claim
from mizzap_curation.settings import CurationSettings
from mizzap_curation.spaces import space_of

CHOOSING_SECONDS = Histogram("mizzap_choosing_seconds", "Time it took to choose a user's best moments")
CHOOSING_FAILED = Counter(
    "mizzap_choosing_failed_total", "Best moments that could not be chosen: our mistake", ["error"]
)

_OUTAGES = (*DATABASE_ERRORS, MizzapError, OSError, TimeoutError)
_LONGEST_PAUSE = timedelta(hours=1)
"""A set that fails again and again is tried once an hour."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Known:
    """What the database knows of a user's library."""

    scores: Sequence[ScoreRow]
    pairs: Sequence[tuple[int, int]]
    choices: Sequence[ChoiceRow]


class Curator:
    """Any number may run: a set is claimed by one of them, for a time, with SKIP LOCKED."""

    def __init__(self, database: Database, bus: Bus, settings: CurationSettings) -> None:
        self.database = database
        self.bus = bus
        self.lease = timedelta(seconds=settings.curation_lease_seconds)
        self.retry = timedelta(seconds=settings.curation_retry_seconds)
        self.poll_seconds = settings.curation_poll_seconds

    async def run(self) -> None:
        """Runs until cancelled. An outage only makes the moments wait."""
        await tasks.repeat(lambda: tasks.exhaust(self.work), self.poll_seconds, _OUTAGES, "moments wait")

    async def work(self) -> bool:
        """Chooses the moments that have been due longest. False when nobody's are.

        Raises Unavailable when dedup doesn't answer; the moments wait then. What fails by a mistake of ours is one
        user's: it is tried again later, and nobody else waits for it.
        """
        async with self.database.begin() as session:
            claimed = await sets_repository.claim(session, self.lease)
        if claimed is None:
            return False
        try:
            with CHOOSING_SECONDS.time():
                await self._choose(claimed)
        except MizzapError:
            async with self.database.begin() as session:
                await sets_repository.postpone(session, claimed, self.retry)
            raise
        except _OUTAGES:
            raise
        except Exception as error:  # whatever a library can hold that nobody has thought of
            await self._put_off(claimed, error)
        return True

    async def _put_off(self, claimed: Claim, error: Exception) -> None:
        log.error("moments could not be chosen", user_id=claimed.user_id, set_id=claimed.set_id, exc_info=error)
        CHOOSING_FAILED.labels(type(error).__name__).inc()
        async with self.database.begin() as session:
            await sets_repository.postpone_failed(session, claimed, self.retry, _LONGEST_PAUSE)

    async def _choose(self, claimed: Claim) -> None:
        async with self.database.begin() as session:
            known = Known(
                await repository.scores(session, claimed.user_id),
                await repository.pairs(session, claimed.user_id),
                await repository.choices(session, claimed.user_id),
            )
        found = await embeddings.fetch(self.bus, claimed.user_id, [row.photo_id for row in known.scores])
        # seconds of computing for a large library: beside the event loop, not in it
        moments = await asyncio.to_thread(best_moments, known, found)
        async with self.database.begin() as session:
            consent = await ai_consents.held(session, claimed.user_id)
            if not await sets_repository.finish(session, claimed, len(known.scores)) or consent is None:
                return
            there = await repository.qualities(session, claimed.user_id, [m.photo_id for m in moments])
            moments = [moment for moment in moments if moment.photo_id in there]
            if moments != await sets_repository.moments(session, claimed.set_id):
                changes.note(session, claimed.user_id, repository.KIND, claimed.set_id)
            await sets_repository.replace_moments(session, claimed.set_id, moments)
            ready = events.CurationReady(user_id=claimed.user_id, set_id=claimed.set_id, moments=len(moments))
            await outbox.add(session, catalog.CURATION_READY, ready)
        log.info("moments chosen", user_id=claimed.user_id, photos=len(known.scores), moments=len(moments))


def best_moments(known: Known, found: Embeddings) -> list[curating.Moment]:
    """The moments in the order to show them: the user's own order first, then by time.

    More photos may be pinned than a set holds, as those in the trash keep their pins and come back: the newest count.
    """
    candidates = [_candidate(row) for row in known.scores]
    space = space_of(found.model_id)
    shots = [Shot(candidate.photo_id, candidate.taken_at) for candidate in candidates]
    clusters = cluster(shots, found.vectors, space.same_scene)
    library = Library(candidates, clusters, found.vectors, Groups(known.pairs), space.near_identical)
    pinned = _newest_pins(known.choices, {candidate.photo_id for candidate in candidates})
    removed = {choice.photo_id for choice in known.choices if choice.wish == repository.REMOVED}
    picks = choose(library, pinned, removed)
    moments = [
        curating.Moment(
            photo_id=pick.candidate.photo_id, score=pick.candidate.quality.total, reasons=reasons, pinned=pick.pinned
        )
        for pick, reasons in zip(picks, explain(picks, library), strict=True)
    ]
    places = {choice.photo_id: choice.position for choice in known.choices if choice.position is not None}
    return _arranged(moments, places)


def _newest_pins(choices: Sequence[ChoiceRow], there: Collection[int]) -> set[int]:
    pins = [choice for choice in choices if choice.wish == repository.PINNED and choice.photo_id in there]
    newest = sorted(pins, key=lambda choice: (choice.wished_at, choice.photo_id), reverse=True)
    return {choice.photo_id for choice in newest[:LIMIT]}


def _arranged(moments: Sequence[curating.Moment], places: Mapping[int, int]) -> list[curating.Moment]:
    return sorted(moments, key=lambda moment: places.get(moment.photo_id, len(places) + len(moments)))


def _candidate(row: ScoreRow) -> Candidate:
    quality = Quality(**{name: getattr(row, name) for name in WEIGHTS})
    return Candidate(row.photo_id, row.taken_at, quality, row.screenshot)
