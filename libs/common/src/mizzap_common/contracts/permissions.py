"""What each connection may do at the broker, from the catalogue: a user per service, and one per outside subscriber.

``python -m mizzap_common.contracts.permissions`` prints the ``authorization`` block of the server's configuration.
NATS reads an empty list as "everything": a side with nothing allowed is denied as a whole.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mizzap_common.contracts import catalog, invalidation, requests, shared_state, steps
from mizzap_common.contracts.catalog import DEAD_LETTER_STREAM, DEAD_LETTER_SUBJECT, Event
from mizzap_common.contracts.shared_state import ANSWERS, COUNTER_WINDOWS, TICKETS, counter_stream, counter_subject

OPERATOR = "operator"
"""Declares streams and looks after dead letters: may do everything."""


@dataclass(frozen=True)
class Permissions:
    """Subjects one user may publish to and subscribe to; nothing else."""

    publish: Sequence[str] = ()
    subscribe: Sequence[str] = ()
    answers: bool = False
    """Whether the user may publish to the reply subject of what reached it."""

    def as_configuration(self) -> dict[str, Any]:
        made: dict[str, Any] = {"publish": _side(self.publish), "subscribe": _side(self.subscribe)}
        if self.answers:
            made["allow_responses"] = {"max": 1, "expires": "2m"}
        return made


@dataclass(frozen=True)
class OutsideSubscriber:
    """Another team's service: the events it may read, live or through durables that we declare for it."""

    name: str
    subjects: Sequence[str] = field(default_factory=lambda: tuple(catalog.BY_SUBJECT))

    def durable(self, event: Event[Any]) -> str:
        return f"outside-{self.name}-{event.subject.replace('.', '-')}"

    @property
    def events(self) -> list[Event[Any]]:
        """Raises KeyError for a subject that is in no catalogue."""
        return [catalog.BY_SUBJECT[subject] for subject in self.subjects]


def inbox_prefix(user: str) -> str:
    """Replies come to a prefix of the user's own, which nobody else may listen to."""
    return f"_INBOX_{user}"


def of_service(service: str, declares: bool = True) -> Permissions:
    """``declares``: whether it may make its own stream and durables again after the broker lost its disk."""
    publish = [event.subject for event in catalog.produced_by(service)]
    publish += [method.subject for method in requests.METHODS if service in method.askers]
    for event in catalog.consumed_by(service):
        publish += _reading(event.stream, event.durable(service))
        publish.append(f"{DEAD_LETTER_SUBJECT}.{event.durable(service)}")
        if declares:
            publish.append(f"$JS.API.CONSUMER.DURABLE.CREATE.{event.stream}.{event.durable(service)}")
    if publish_stream := catalog.produced_by(service):
        own = publish_stream[0].stream
        # the sweeper looks how far the others have come in its own stream
        publish += [f"$JS.API.STREAM.INFO.{own}", f"$JS.API.STREAM.MSG.GET.{own}", f"$JS.API.CONSUMER.INFO.{own}.*"]
        publish += _declaring(own) if declares else []
    publish += _declaring(DEAD_LETTER_STREAM) if declares else []
    if service in invalidation.SOURCES:
        publish.append(invalidation.subjects(service))
    if service in steps.STEP_OF:
        publish.append(steps.subjects(service))
    if service == shared_state.OWNER:
        publish += _sharing(declares)
    subscribe = [f"{inbox_prefix(service)}.>"]
    subscribe += [method.subject for method in requests.answered_by(service)]
    if service == "gateway":
        subscribe += [event.subject for event in catalog.EVENTS if event.watched]
    if service == invalidation.HEARD_BY:
        subscribe.append(invalidation.subjects())
    if service == steps.HEARD_BY:
        subscribe.append(steps.subjects())
    return Permissions(tuple(dict.fromkeys(publish)), tuple(subscribe), answers=bool(requests.answered_by(service)))


def of_outside(subscriber: OutsideSubscriber) -> Permissions:
    """Reads the events named, and can do nothing else: no questions, no streams, nobody's inbox."""
    publish = [line for event in subscriber.events for line in _reading(event.stream, subscriber.durable(event))]
    return Permissions(tuple(publish), (f"{inbox_prefix(subscriber.name)}.>", *subscriber.subjects))


def of_operator() -> Permissions:
    return Permissions((">",), (">",))


def authorization(passwords: Mapping[str, str], outside: Sequence[OutsideSubscriber] = ()) -> dict[str, Any]:
    """The server's ``authorization`` block. ``passwords`` by user; plain ones, or bcrypt hashes as NATS takes them."""
    permissions = {service: of_service(service) for service in catalog.SERVICES}
    permissions[OPERATOR] = of_operator()
    permissions |= {subscriber.name: of_outside(subscriber) for subscriber in outside}
    users = [
        {"user": user, "password": passwords[user], "permissions": granted.as_configuration()}
        for user, granted in permissions.items()
    ]
    return {"users": users}


def outside_from(text: str) -> list[OutsideSubscriber]:
    """Reads ``{"NAME": ["photo.processed", …]}``; an empty list means every event. Raises ValueError."""
    found = [
        OutsideSubscriber(name, tuple(subjects) or tuple(catalog.BY_SUBJECT))
        for name, subjects in (json.loads(text) if text else {}).items()
    ]
    for subscriber in found:
        if not subscriber.name.isalnum() or subscriber.name in (*catalog.SERVICES, OPERATOR):
            raise ValueError(f"{subscriber.name!r} can't be an outside subscriber's name")
        if unknown := set(subscriber.subjects) - catalog.BY_SUBJECT.keys():
            raise ValueError(f"{subscriber.name} asks for events that don't exist: {', '.join(sorted(unknown))}")
    return found


def _reading(stream: str, durable: str) -> list[str]:
    return [
        f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}",
        f"$JS.API.CONSUMER.INFO.{stream}.{durable}",
        f"$JS.ACK.{stream}.{durable}.>",
    ]


def _sharing(declares: bool) -> list[str]:
    """Counting, reading counters that are over, and what a bucket's values are written and read by, and how full one is."""
    lines = []
    for window in COUNTER_WINDOWS:
        stream, subject = counter_stream(window), counter_subject(window)
        lines += [f"{subject}.>", f"$JS.API.DIRECT.GET.{stream}.{subject}.>"]
        lines += _declaring(stream) if declares else []
    for bucket in (ANSWERS, TICKETS):
        lines.append(f"{bucket.prefix}>")
        # without direct reads the key stands in the request's body
        read = f"DIRECT.GET.{bucket.stream}.{bucket.prefix}>" if bucket.direct else f"STREAM.MSG.GET.{bucket.stream}"
        lines.append(f"$JS.API.{read}")
        lines += _declaring(bucket.stream) if declares else []
    lines.append(f"$JS.API.STREAM.INFO.{ANSWERS.stream}")
    return lines


def _declaring(stream: str) -> list[str]:
    return [f"$JS.API.STREAM.CREATE.{stream}", f"$JS.API.STREAM.UPDATE.{stream}"]


def _side(allowed: Sequence[str]) -> dict[str, Any]:
    return {"allow": list(allowed)} if allowed else {"deny": [">"]}


def _main() -> None:
    outside = outside_from(os.environ.get("MIZZAP_OUTSIDE_SUBSCRIBERS", ""))
    users = (*catalog.SERVICES, OPERATOR, *(subscriber.name for subscriber in outside))
    variables = {user: f"MIZZAP_NATS_PASSWORD_{user.upper()}" for user in users}
    if missing := [name for name in variables.values() if not os.environ.get(name)]:
        sys.exit(
            f"Passwords are missing; set {', '.join(missing)} (plain, or bcrypt as `nats server passwd` makes it)."
        )
    passwords = {user: os.environ[name] for user, name in variables.items()}
    sys.stdout.write(json.dumps({"authorization": authorization(passwords, outside)}, indent=2) + "\n")


if __name__ == "__main__":
    _main()
