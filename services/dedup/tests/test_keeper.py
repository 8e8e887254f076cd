"""The suggested keeper: the original rather than what was made of it, and never simply the largest file."""

from datetime import datetime

import pytest
from mizzap_dedup.keeper import DEFAULT_POLICY, Candidate, rank, why_keep

NOON, LONG_AGO = datetime(2024, 7, 14, 12), datetime(2009, 7, 14, 12)


def photo(photo_id: int = 1, **changes: object) -> Candidate:
    values: dict[str, object] = {
        "photo_id": photo_id, "mime_type": "image/jpeg", "size_bytes": 4_000_000, "width": 4000, "height": 3000,
        "has_camera": True, "taken_at": NOON,
    }  # fmt: skip
    return Candidate(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("keeper", "other", "why"),
    [
        (photo(2), photo(1, has_camera=False, taken_at=None, size_bytes=9_000_000), "camera's data"),
        (photo(2, width=4000), photo(1, width=2000, height=1500, size_bytes=9_000_000), "4000 × 3000 against 2000"),
        (photo(2, mime_type="image/heic", size_bytes=1_800_000), photo(1, size_bytes=5_500_000), "less compressed"),
        (photo(2), photo(1, mime_type="image/heic", size_bytes=700_000), "less compressed"),
        (photo(2, taken_at=LONG_AGO), photo(1, taken_at=LONG_AGO, mime_type="image/heic"), "camera's own file"),
        (photo(2), photo(1, mime_type="image/png", size_bytes=20_000_000), "camera's own file"),
        (photo(2), photo(1, size_bytes=900_000), "less compressed"),
        (photo(1), photo(2), "uploaded first"),
    ],
    ids=[
        "with the camera's data",
        "larger picture",
        "a phone's HEIC before the JPEG made of it",
        "a camera's JPEG before the HEIC made of it",
        "no camera wrote HEIC then",
        "no camera writes PNG",
        "less compressed",
        "first of equals",
    ],
)
def test_the_original_is_kept(keeper: Candidate, other: Candidate, why: str) -> None:
    assert rank(keeper) < rank(other)
    assert why in why_keep(keeper, other)


def test_users_may_order_the_rules() -> None:
    small, stripped = photo(1, width=400, height=300), photo(2, has_camera=False, taken_at=None)
    assert rank(small) < rank(stripped)
    assert rank(stripped, ("pixels", "camera", "compression")) < rank(small, ("pixels", "camera", "compression"))


def test_no_two_photos_rank_the_same() -> None:
    assert rank(photo(1)) != rank(photo(2))
    assert DEFAULT_POLICY[0] == "camera"
