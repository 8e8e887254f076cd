"""Between the tables and the rules: what is stored of a photo, as the rules want to see it, and back."""

from typing import cast

from mizzap_common.contracts import events
from mizzap_common.imaging.metadata import PhotoMetadata

from mizzap_dedup.fingerprint import PDQ_BITS, VERSION, Fingerprint
from mizzap_dedup.grouping import Edge
from mizzap_dedup.keeper import Candidate
from mizzap_dedup.lanes import Evidence, Lane, Match
from mizzap_dedup.models import FingerprintRow, MatchRow, Values
from mizzap_dedup.repository import PROBES
from mizzap_dedup.shots import Shot

_PDQ_BYTES = PDQ_BITS // 8
_TURNS = 8


def bits(hash_: int) -> str:
    """The text form of ``bit(256)``."""
    return f"{hash_:0{PDQ_BITS}b}"


def fingerprint_values(photo: events.PhotoUploaded, found: Fingerprint, metadata: PhotoMetadata) -> Values:
    return {
        "photo_id": photo.photo_id,
        "user_id": photo.user_id,
        "object_key": photo.object_key,
        "sha256": photo.sha256,
        "mime_type": photo.mime_type,
        "size_bytes": photo.size_bytes,
        "width": metadata.width,
        "height": metadata.height,
        "version": VERSION,
        "pixel_hash": found.pixel_hash,
        "pdq": bits(found.pdq),
        "turns": b"".join(turn.to_bytes(_PDQ_BYTES, "big") for turn in found.turns),
        "trimmed": None if found.trimmed is None else bits(found.trimmed),
        "pdq_quality": found.pdq_quality,
        "phash": found.perceptual_hash,
        "taken_at": metadata.taken_at,
        "offset_minutes": metadata.offset_minutes,
        "make": metadata.camera_make,
        "model": metadata.camera_model,
        "serial": metadata.camera_serial,
        "burst_id": metadata.burst_id,
    }


def probes(found: Fingerprint) -> list[str | None]:
    made = [*map(bits, found.turns), None if found.trimmed is None else bits(found.trimmed)]
    assert len(made) == PROBES
    return made


def fingerprint_of(row: FingerprintRow) -> Fingerprint:
    turns = tuple(
        int.from_bytes(row.turns[at : at + _PDQ_BYTES], "big") for at in range(0, _TURNS * _PDQ_BYTES, _PDQ_BYTES)
    )
    return Fingerprint(
        pixel_hash=row.pixel_hash,
        pdq_quality=row.pdq_quality,
        turns=turns,
        trimmed=None if row.trimmed is None else int(row.trimmed, 2),
        phash=int(row.phash, 16),
    )


def shot_of(row: FingerprintRow) -> Shot:
    return Shot(row.taken_at, row.offset_minutes, row.make, row.model, row.serial, row.burst_id)


def evidence_of(row: FingerprintRow) -> Evidence:
    return Evidence(row.sha256, row.pixel_hash, row.pdq_quality, shot_of(row))


def candidate_of(row: FingerprintRow) -> Candidate:
    shot = shot_of(row)
    return Candidate(
        photo_id=row.photo_id,
        mime_type=row.mime_type,
        size_bytes=row.size_bytes,
        width=row.width,
        height=row.height,
        has_camera=shot.by_camera,
        taken_at=row.taken_at,
    )


def edge_of(row: MatchRow) -> Edge:
    return Edge(row.left_id, row.right_id, Match(cast(Lane, row.lane), row.score, tuple(row.reasons)))


def match_values(user_id: int, photo_id: int, other_id: int, match: Match) -> Values:
    left, right = sorted((photo_id, other_id))
    return {
        "left_id": left,
        "right_id": right,
        "user_id": user_id,
        "lane": match.lane,
        "score": match.score,
        "reasons": list(match.reasons),
        "by_likeness": match.by_likeness,
    }
