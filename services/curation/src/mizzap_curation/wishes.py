"""What a user's wishes make of the set that is shown, before the moments are chosen anew."""

from collections.abc import Mapping, Sequence

from mizzap_common.contracts.curating import ChangeMoments, Moment
from mizzap_common.errors import Conflict, InvalidInput

from mizzap_curation.moments import LIMIT
from mizzap_curation.reasons import CHOSEN_BY_USER


def check(request: ChangeMoments) -> set[int]:
    """The photos that are put in or taken out. Raises InvalidInput for wishes that contradict each other."""
    if both := set(request.add) & set(request.remove):
        raise InvalidInput("A photo can't be put in and taken out at the same time.", photo_ids=sorted(both))
    if request.order is not None and len(set(request.order)) < len(request.order):
        raise InvalidInput("A photo has one place in the order.", field="order")
    return {*request.add, *request.remove}


def edit(shown: Sequence[Moment], request: ChangeMoments, scores: Mapping[int, float]) -> list[Moment]:
    """The set with the wishes fulfilled; `scores` has the technical quality of the photos that are put in.

    Photos put in go last, and where they are too many the weakest go that nobody asked for. Raises Conflict when all
    were asked for, InvalidInput when the order isn't one of exactly these photos.
    """
    kept = {moment.photo_id: moment for moment in shown if moment.photo_id not in request.remove}
    for photo_id in request.add:
        kept[photo_id] = _pinned(photo_id, kept.get(photo_id), scores[photo_id])
    spare = sorted((m for m in kept.values() if not m.pinned), key=lambda m: (m.score, m.photo_id))
    excess = max(len(kept) - LIMIT, 0)
    if len(spare) < excess:
        raise Conflict(f"The best moments are {LIMIT} photos at most. Take one out first.", code="TOO_MANY_MOMENTS")
    for moment in spare[:excess]:
        del kept[moment.photo_id]
    if request.order is None:
        return list(kept.values())
    if set(request.order) != kept.keys():
        raise InvalidInput("The order must name each photo of the set, and no other.", field="order")
    return [kept[photo_id] for photo_id in request.order]


def _pinned(photo_id: int, shown: Moment | None, score: float) -> Moment:
    if shown is not None and shown.pinned:
        return shown
    reasons = [CHOSEN_BY_USER, *(shown.reasons if shown else [])]
    return Moment(photo_id=photo_id, score=score, reasons=reasons, pinned=True)
