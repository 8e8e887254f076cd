"""Ways to bend a user's audit log, for somebody who owns the database and has switched its triggers off."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psycopg
from mizzap_auth import audit_chain
from mizzap_auth.audit_chain import Broken, Entry, Head
from mizzap_common.sealed import KeyRing

_HEAD = "user_id, bridge_seq, bridge_hash, seq, hash, seal"
_ENTRY = "user_id, seq, at, action, about, previous, hash"


class Tamperer:
    """Does one thing to one user's log that a check must see, in a transaction that is never committed."""

    def __init__(self, connection: psycopg.Connection[Any], user_id: int, ring: KeyRing, seed: int) -> None:
        self.connection = connection
        self.user_id = user_id
        self.ring = ring
        self.random = random.Random(seed)

    def run(self, statement: str, **values: Any) -> Any:
        return self.connection.execute(statement, {"u": self.user_id, **values})

    def seqs(self) -> list[int]:
        return [row[0] for row in self.run("SELECT seq FROM audit_log WHERE user_id = %(u)s ORDER BY seq")]

    def edit(self) -> None:
        change = self.random.choice(["action = 'photo.kept'", "about = 'photo/999'", "at = at - interval '1 second'"])
        self.run(
            f"UPDATE audit_log SET {change} WHERE user_id = %(u)s AND seq = %(s)s", s=self.random.choice(self.seqs())
        )

    def edit_and_hash_anew(self) -> None:
        """The chain is made anew from there on, head included: all but the signature."""
        chosen = self.random.choice(self.seqs())
        self.run("UPDATE audit_log SET action = 'photo.kept' WHERE user_id = %(u)s AND seq = %(s)s", s=chosen)
        previous = audit_chain.NOTHING
        for found in self.read()[1]:
            entry = audit_chain.hashed(replace(found, previous=previous))
            previous = entry.hash
            self.run(
                "UPDATE audit_log SET previous = %(p)s, hash = %(h)s WHERE user_id = %(u)s AND seq = %(s)s",
                p=entry.previous, h=entry.hash, s=entry.seq,
            )  # fmt: skip
        self.run("UPDATE audit_heads SET hash = %(h)s WHERE user_id = %(u)s", h=previous)

    def delete(self) -> None:
        chosen = self.random.choice(self.seqs()[:-1])
        self.run("DELETE FROM audit_log WHERE user_id = %(u)s AND seq = %(s)s", s=chosen)

    def swap(self) -> None:
        left, right = self.random.sample(self.seqs(), 2)
        for now, then in ((left, 10**6), (right, left), (10**6, right)):
            self.run("UPDATE audit_log SET seq = %(t)s WHERE user_id = %(u)s AND seq = %(n)s", t=then, n=now)

    def cut_the_tail(self) -> None:
        self.run("DELETE FROM audit_log WHERE user_id = %(u)s AND seq > %(s)s", s=self.random.choice(self.seqs()[:-1]))

    def cut_the_tail_and_the_head(self) -> None:
        last = self.random.choice(self.seqs()[:-1])
        self.run("DELETE FROM audit_log WHERE user_id = %(u)s AND seq > %(s)s", s=last)
        self.run(
            "UPDATE audit_heads SET seq = %(s)s,"
            " hash = (SELECT hash FROM audit_log WHERE user_id = %(u)s AND seq = %(s)s) WHERE user_id = %(u)s", s=last,
        )  # fmt: skip

    def cut_the_front(self) -> None:
        chosen = self.random.choice(self.seqs()[1:])
        self.run("DELETE FROM audit_log WHERE user_id = %(u)s AND seq < %(s)s", s=chosen)
        self.run(
            "UPDATE audit_heads SET bridge_seq = %(b)s,"
            " bridge_hash = (SELECT previous FROM audit_log WHERE user_id = %(u)s AND seq = %(s)s)"
            " WHERE user_id = %(u)s", b=chosen - 1, s=chosen,
        )  # fmt: skip

    def add(self) -> None:
        entries = self.read()[1]
        entry = audit_chain.hashed(replace(entries[-1], seq=entries[-1].seq + 1, previous=entries[-1].hash))
        self.run(
            f"INSERT INTO audit_log ({_ENTRY}) VALUES (%(u)s, %(s)s, %(at)s, %(a)s, %(b)s, %(p)s, %(h)s)",
            s=entry.seq, at=entry.at, a=entry.action, b=entry.about, p=entry.previous, h=entry.hash,
        )  # fmt: skip

    def remove_all(self) -> None:
        self.run("DELETE FROM audit_log WHERE user_id = %(u)s")
        if self.random.random() < 0.5:
            self.run("DELETE FROM audit_heads WHERE user_id = %(u)s")

    def read(self) -> tuple[Head | None, list[Entry]]:
        head = self.run(f"SELECT {_HEAD} FROM audit_heads WHERE user_id = %(u)s").fetchone()
        entries = self.run(f"SELECT {_ENTRY} FROM audit_log WHERE user_id = %(u)s ORDER BY seq").fetchall()
        return head and Head(*head), [Entry(*entry) for entry in entries]

    def verdict(self) -> Broken | None:
        head, entries = self.read()
        return audit_chain.verify(self.user_id, head, entries, self.ring)


WAYS: list[Callable[[Tamperer], None]] = [
    Tamperer.edit, Tamperer.edit_and_hash_anew, Tamperer.delete, Tamperer.swap, Tamperer.cut_the_tail,
    Tamperer.cut_the_tail_and_the_head, Tamperer.cut_the_front, Tamperer.add, Tamperer.remove_all,
]  # fmt: skip
