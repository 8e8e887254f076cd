"""Requests and answers around the audit log."""

from datetime import datetime

from mizzap_common.contracts.library import Page
from mizzap_common.contracts.message import Message


class ListAudit(Page):
    """The newest first."""


class AuditEntry(Message):
    seq: int
    """Counts a user's entries from 1."""
    at: datetime
    """When it happened. What is heard of late stands behind what has happened since."""
    action: str
    """``noun.verb``: photo.deleted, password.changed."""
    about: str
    """What it happened to: photo/123."""
    hash: str
    """SHA-256 over this entry and the hash of the one before."""


class AuditPage(Message):
    entries: list[AuditEntry]
    total: int
