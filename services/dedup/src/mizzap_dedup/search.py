"""Finds what a new photo matches: candidates from the hashes and the vectors, then a look at each."""

import asyncio
from dataclasses import replace

import structlog
from mizzap_common.db import Database
from mizzap_common.errors import NotFound
from mizzap_common.imaging.errors import ImageError
from mizzap_common.imaging.pool import DecodePool
from mizzap_common.storage import Storage

from mizzap_dedup import repository, rows
from mizzap_dedup.examine import Examination, look_again
from mizzap_dedup.fingerprint import PDQ_CANDIDATE, Fingerprint, Look, Pixels, distance, nearest_look
from mizzap_dedup.lanes import (
    Likeness,
    Match,
    VectorThresholds,
    decide,
    wants_second_look,
)
from mizzap_dedup.models import FingerprintRow
from mizzap_dedup.vectors import Vectors

log = structlog.get_logger(__name__)

MOST_BY_HASH = 60
MOST_BY_VECTOR = 12
MOST_LOOKS_BY_HASH = 8
MOST_LOOKS_BY_VECTOR = 3
"""Second looks at one photo's candidates, each a tenth of a second of a core. A crop's original is its nearest vector
or nearly so; more would only let a library of much the same pictures pay for each other."""


class Search:
    """``vectors`` is None without a model; then likeness alone finds nothing."""

    def __init__(
        self,
        database: Database,
        storage: Storage,
        pool: DecodePool,
        vectors: Vectors | None,
        thresholds: VectorThresholds | None,
    ) -> None:
        self.database = database
        self.storage = storage
        self.pool = pool
        self.vectors = vectors
        self.thresholds = thresholds

    async def matches(self, mine: FingerprintRow, found: Examination) -> dict[int, Match]:
        """By id, the owner's photos that this one matches. Its own fingerprint and vector are stored already, so that
        of two photos that arrive at the same time at least one finds the other."""
        evidence = rows.evidence_of(mine)
        others = {other.photo_id: (other, like) for other, like in await self._candidates(mine, found)}
        unsure = [
            (other, like)
            for other, like in others.values()
            if wants_second_look(evidence, rows.evidence_of(other), like, self.thresholds)
        ]
        for other, looked in await self._look_again(found.pixels, unsure):
            others[other.photo_id] = (other, looked)
        return {
            photo_id: replace(match, by_likeness=_led_by_vectors(match, like))
            for photo_id, (other, like) in others.items()
            if (match := decide(evidence, rows.evidence_of(other), like, self.thresholds)) is not None
        }

    async def _candidates(self, mine: FingerprintRow, found: Examination) -> list[tuple[FingerprintRow, Likeness]]:
        cosines: dict[int, float] = {}
        if self.vectors is not None and self.thresholds is not None and found.vector is not None:
            cosines = await self.vectors.nearest(
                mine.user_id, mine.photo_id, found.vector.tolist(), self.thresholds.candidate, MOST_BY_VECTOR
            )
        async with self.database.begin() as session:
            alike = await repository.alike(session, mine, rows.probes(found.fingerprint), PDQ_CANDIDATE, MOST_BY_HASH)
            stored = await repository.fingerprints(session, mine.user_id, {*alike, *cosines})
        return [(row, _likeness(found.fingerprint, row, cosines.get(row.photo_id))) for row in stored]

    async def _look_again(
        self, pixels: Pixels, unsure: list[tuple[FingerprintRow, Likeness]]
    ) -> list[tuple[FingerprintRow, Likeness]]:
        """The likeliest of the pairs, with their pictures laid upon each other."""
        asked = _likeliest(unsure)
        kinds = list(asked)
        files = await asyncio.gather(*(self._original(asked[kind]) for kind in kinds))
        there = [(kind, data) for kind, data in zip(kinds, files, strict=True) if data is not None]
        if not there:
            return []
        try:
            alignments = await self.pool.run(look_again, pixels, [(data, look) for (_, look), data in there])
        except ImageError as error:
            # each was decoded before: too much at once, and the hashes alone must do
            log.warning("no second look", photos=len(there), reason=error.message)
            return []
        found = dict(zip([kind for kind, _ in there], alignments, strict=True))
        return [
            (other, replace(like, alignment=found[other.pixel_hash, like.look]))
            for other, like in unsure
            if (other.pixel_hash, like.look) in found
        ]

    async def _original(self, object_key: str) -> bytes | None:
        """None when it was deleted since: the final transaction leaves the photo out."""
        try:
            return await self.storage.get(object_key)
        except NotFound:
            return None


def _led_by_vectors(match: Match, like: Likeness) -> bool:
    return match.lane == "similar" or (match.lane == "near" and like.look.distance > PDQ_CANDIDATE)


def _likeliest(unsure: list[tuple[FingerprintRow, Likeness]]) -> dict[tuple[str, Look], str]:
    """What to look at again, by pixels and turn, with the file it is in: the same pixels in the same turn need one look,
    however many files hold them."""
    by_hash = [pair for pair in unsure if pair[1].look.distance <= PDQ_CANDIDATE]
    by_vector = [pair for pair in unsure if pair[1].look.distance > PDQ_CANDIDATE]
    by_hash.sort(key=lambda pair: (pair[1].look.distance, pair[0].photo_id))
    by_vector.sort(key=lambda pair: (-(pair[1].cosine or 0), pair[0].photo_id))
    asked: dict[tuple[str, Look], str] = {}
    for pairs, most in ((by_hash, MOST_LOOKS_BY_HASH), (by_vector, MOST_LOOKS_BY_VECTOR)):
        limit = len(asked) + most
        for other, like in pairs:
            if len(asked) < limit:
                asked.setdefault((other.pixel_hash, like.look), other.object_key)
    return asked


def _likeness(probe: Fingerprint, row: FingerprintRow, cosine: float | None) -> Likeness:
    other = rows.fingerprint_of(row)
    return Likeness(nearest_look(probe, other.pdq, other.trimmed), distance(probe.phash, other.phash), cosine)
