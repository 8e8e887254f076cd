"""A user's chain of audit entries: how each is hashed, how its two ends are signed, and what is wrong with it."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from mizzap_common.sealed import KeyRing

_PURPOSE = "audit_heads/seal"
NOTHING = bytes(32)
"""The hash before the first entry."""


@dataclass(frozen=True)
class Entry:
    """One thing that happened. ``previous`` is the hash of the entry before."""

    user_id: int
    seq: int
    at: datetime
    action: str
    about: str
    previous: bytes
    hash: bytes = b""


@dataclass(frozen=True)
class Head:
    """The two ends of a chain: the bridge is the last entry that was dropped for its age, or ``NOTHING``."""

    user_id: int
    bridge_seq: int = 0
    bridge_hash: bytes = NOTHING
    seq: int = 0
    hash: bytes = NOTHING
    seal: bytes = b""


@dataclass(frozen=True)
class Broken:
    """A chain that is not as it was written, and the first entry at which that shows."""

    user_id: int
    seq: int
    problem: str


def hashed(entry: Entry) -> Entry:
    """The entry with its hash."""
    content = {
        "userId": entry.user_id,
        "seq": entry.seq,
        "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "action": entry.action,
        "about": entry.about,
        "previous": entry.previous.hex(),
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    return replace(entry, hash=hashlib.sha256(canonical).digest())


def sealed(head: Head, ring: KeyRing) -> Head:
    """The head signed with the ring's index key: who has the database alone can't make one."""
    return replace(head, seal=ring.index(_ends(head), _PURPOSE))


def is_intact(head: Head, ring: KeyRing) -> bool:
    return ring.is_index(head.seal, _ends(head), _PURPOSE)


def _ends(head: Head) -> str:
    return "/".join(map(str, (head.user_id, head.bridge_seq, head.bridge_hash.hex(), head.seq, head.hash.hex())))


def broken_link(after_seq: int, after_hash: bytes, entries: Iterable[Entry]) -> Broken | None:
    """The first of these entries, in their order, that doesn't follow from the one before."""
    seq, previous = after_seq, after_hash
    for entry in entries:
        if entry.seq > seq + 1:
            return Broken(entry.user_id, seq + 1, "the entry is missing")
        if entry.seq != seq + 1:
            return Broken(entry.user_id, entry.seq, "the entry does not belong here")
        if entry.previous != previous or entry.hash != hashed(entry).hash:
            return Broken(entry.user_id, entry.seq, "the entry was changed")
        seq, previous = entry.seq, entry.hash
    return None


def verify(user_id: int, head: Head | None, entries: list[Entry], ring: KeyRing) -> Broken | None:
    """What is wrong with a user's whole chain; ``entries`` in the order of ``seq``."""
    if head is None:
        return Broken(user_id, entries[0].seq if entries else 1, "the log has no signed head")
    if problem := broken_link(head.bridge_seq, head.bridge_hash, entries):
        return problem
    seq, last = (entries[-1].seq, entries[-1].hash) if entries else (head.bridge_seq, head.bridge_hash)
    if seq < head.seq:
        return Broken(user_id, seq + 1, "the entry is missing")
    if seq > head.seq:
        return Broken(user_id, head.seq + 1, "the entry was not written by the service")
    if last != head.hash:
        return Broken(user_id, seq, "the chain was made anew")
    return None if is_intact(head, ring) else Broken(user_id, seq, "the head was not signed by the service")
