"""The vectors of a user's photos, asked from dedup."""

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from mizzap_common.bus import Bus
from mizzap_common.contracts import duplicating, requests
from mizzap_common.errors import Unavailable

from mizzap_curation.clusters import Vector

_BATCH = 100
_AT_ONCE = 4


@dataclass
class Embeddings:
    """Normalised vectors by photo id, all from one model; none and no model id while dedup runs without a model."""

    model_id: str | None = None
    vectors: dict[int, Vector] = field(default_factory=dict)


async def fetch(bus: Bus, user_id: int, photo_ids: Sequence[int]) -> Embeddings:
    """The vectors of those photos that have one. Raises Unavailable when dedup doesn't answer or changes its model."""
    found: Embeddings | None = None
    batches = [photo_ids[at : at + _BATCH] for at in range(0, len(photo_ids), _BATCH)]
    for at in range(0, len(batches), _AT_ONCE):
        asked = [duplicating.EmbeddingsRequest(user_id=user_id, photo_ids=list(b)) for b in batches[at : at + _AT_ONCE]]
        for answer in await asyncio.gather(*(bus.ask(requests.DEDUP_EMBEDDINGS, request) for request in asked)):
            found = found or Embeddings(answer.model.id)
            if answer.model.id != found.model_id:
                raise Unavailable("The embedding model has changed meanwhile.", service="dedup")
            if answer.model.id is None:
                return found
            found.vectors.update({e.photo_id: _vector(e.vector) for e in answer.embeddings})
    return found or Embeddings()


def _vector(encoded: str) -> Vector:
    return np.frombuffer(base64.b64decode(encoded), dtype="<f4").astype(np.float32, copy=False)
