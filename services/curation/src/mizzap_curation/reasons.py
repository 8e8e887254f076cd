"""Why a photo is among the best moments, in sentences for a person."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from datetime import date, datetime
from statistics import median
from typing import Final

from mizzap_curation.moments import Candidate, Library, Pick

_BETTER: Final = {
    "sharpness": "sharper",
    "exposure": "better exposed",
    "contrast": "richer in contrast",
    "colourfulness": "more colourful",
    "low_noise": "cleaner",
    "resolution": "higher in resolution",
}
CHOSEN_BY_USER: Final = "You chose it."
_CLEARLY: Final = 1.03  # ratio to the scene's median from which a difference is worth a word


def explain(picks: Sequence[Pick], library: Library) -> list[list[str]]:
    """Two to four sentences for each pick, in the same order."""
    candidates = {candidate.photo_id: candidate for candidate in library.candidates}
    events: dict[int | None, list[Candidate]] = {}
    for cluster in library.clusters:
        members = [candidates[photo_id] for photo_id in cluster.photo_ids if photo_id in candidates]
        events.setdefault(cluster.event, []).extend(members)
    found = []
    for pick in picks:
        sentences = [CHOSEN_BY_USER] if pick.pinned else []
        sentences.append(_of_scene(pick, candidates, library))
        copies = library.groups.size(pick.candidate.photo_id)
        if copies > 1:
            sentences.append(f"Stands for {copies} copies of the same picture.")
        sentences.append(_of_event(pick.scene.event, events[pick.scene.event]))
        if pick.fault and not pick.pinned:
            sentences.append(f"It is {pick.fault}, but the best there is of its event.")
        found.append(sentences)
    return found


def _of_scene(pick: Pick, candidates: dict[int, Candidate], library: Library) -> str:
    members = [candidates[photo_id] for photo_id in pick.scene.photo_ids if photo_id in candidates]
    if len(members) == 1:
        if pick.candidate.photo_id not in library.vectors:
            return "The only photo of its moment."
        others = "other undated photo" if pick.scene.event is None else "other photo of that time"
        return f"No {others} shows the same."
    better = _advantages(pick.candidate, members)
    place = 1 + sum(member.quality.total > pick.candidate.quality.total for member in members)
    if place > 1 and not better:
        return f"Another view of a scene with {len(members)} photos."
    which = "The best" if place == 1 else f"Number {place}"
    rest = "the other" if len(members) == 2 else "most of them"
    than = f": {' and '.join(better)} than {rest}" if better else ""
    return f"{which} of {len(members)} similar photos{than}."


def _advantages(candidate: Candidate, members: Sequence[Candidate]) -> list[str]:
    """In what the photo is clearly above the middle of its scene, the two largest advantages first."""
    ratios = []
    for name, own in candidate.quality.components().items():
        usual = median(member.quality.components()[name] for member in members)
        ratios.append((own / max(usual, 0.01), name))
    return [_BETTER[name] for ratio, name in sorted(ratios, reverse=True)[:2] if ratio >= _CLEARLY]


def _of_event(event: int | None, members: Sequence[Candidate]) -> str:
    count = f"{len(members)} photos" if len(members) > 1 else "the only photo"
    times = [member.taken_at for member in members if member.taken_at is not None]
    if event is None or not times:
        return f"From {count} without a date."
    return f"From {_days(min(times), max(times))}, {count} of that time."


def _days(first: datetime, last: datetime) -> str:
    """12 October 2025; 12–14 October 2025; 30 September – 2 October 2025; 31 December 2024 – 1 January 2025."""
    if first.date() == last.date():
        return _day(first)
    if first.year != last.year:
        return f"{_day(first)} – {_day(last)}"
    if first.month != last.month:
        return f"{first.day} {calendar.month_name[first.month]} – {_day(last)}"
    return f"{first.day}–{_day(last)}"


def _day(day: date) -> str:
    return f"{day.day} {calendar.month_name[day.month]} {day.year}"
