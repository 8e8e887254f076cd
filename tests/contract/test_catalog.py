"""Holds the code to the catalogue: who subscribes, who answers, who publishes, and how."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mizzap_common import streams
from mizzap_common.bus import Bus
from mizzap_common.contracts import catalog, requests
from mizzap_common.sealed import new_key_ring
from mizzap_common.service import Service
from mizzap_common.settings import KeyRingSettings
from pydantic import SecretStr

ROOT = Path(__file__).resolve().parents[2]
WITH_DATABASE = [name for name in catalog.SERVICES if name != "gateway"]


def sources(*folders: str) -> Iterator[tuple[Path, ast.Module]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("src/**/*.py")):
            yield path, ast.parse(path.read_text())


def built_bus(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bus:
    """The bus of a service as its own ``build`` wires it; nothing is started."""
    buses: list[Bus] = []
    initialise = Service.__init__

    def remember(self: Service, *arguments: Any) -> None:
        initialise(self, *arguments)
        buses.append(self.bus)

    monkeypatch.setattr(Service, "__init__", remember)
    settings_module = importlib.import_module(f"mizzap_{name}.settings")
    (kind,) = [v for k, v in vars(settings_module).items() if k.lower() == f"{name}settings"]
    values: dict[str, Any] = {"signing_key_file": signing_key(tmp_path)} if name == "auth" else {}
    if issubclass(kind, KeyRingSettings):
        values["key_ring_file"] = key_ring(tmp_path)
    if name in WITH_DATABASE:
        values["database_url"] = SecretStr("postgresql+psycopg://nobody@127.0.0.1:1/none")
    importlib.import_module(f"mizzap_{name}.app").build(kind(**values))
    return buses[0]


def key_ring(folder: Path) -> Path:
    path = folder / "ring.json"
    path.write_text(new_key_ring("1"))
    return path


def signing_key(folder: Path) -> Path:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path = folder / "key.pem"
    form = serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return path


@pytest.mark.parametrize("name", WITH_DATABASE)
def test_a_service_hears_and_answers_what_the_catalogue_says(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bus = built_bus(name, monkeypatch, tmp_path)
    assert {event.subject for event in bus.consumed} == {event.subject for event in catalog.consumed_by(name)}
    assert {method.subject for method in bus.answered} == {m.subject for m in requests.answered_by(name)}


def test_the_gateway_hears_every_event_that_it_shows_and_the_ends_of_sessions(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bus = built_bus("gateway", monkeypatch, tmp_path)
    watched = {subscriber.subject.broker_address for subscriber in bus.broker.subscribers}
    assert watched == {event.subject for event in catalog.EVENTS if event.watched}


@pytest.mark.parametrize("name", catalog.SERVICES)
def test_a_service_publishes_what_the_catalogue_says(name: str) -> None:
    """Every ``catalog.X`` outside of a subscription is one that this service publishes."""
    mentioned: set[str] = set()
    for _, tree in sources(f"services/{name}"):
        subscribed = {id(node) for call in calls(tree, "on") for node in ast.walk(call)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "catalog":
                event = getattr(catalog, node.attr, None)
                if isinstance(event, catalog.Event) and id(node) not in subscribed:
                    mentioned.add(event.subject)
    own = {event.subject for event in catalog.produced_by(name)}
    heard = {event.subject for event in catalog.consumed_by(name)}
    assert own <= mentioned, "in the catalogue, but never published"
    assert mentioned <= own | heard, "published, but another service's by the catalogue"


def calls(tree: ast.AST, method: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == method:
            yield node


def test_only_the_relay_and_the_dead_letters_publish() -> None:
    """A publish beside the outbox is an event that a crash loses, or one that tells of what never was."""
    allowed = {"relay.py", "bus.py", "admin.py", "testing.py"}
    offenders = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path, tree in sources("services", "libs/common")
        if not (path.parent.name == "mizzap_common" and path.name in allowed)
        for call in calls(tree, "publish")
    ]
    assert offenders == []


def test_only_the_bus_subscribes() -> None:
    """Delivery rules live in one place: a subscriber made elsewhere would have FastStream's defaults."""
    offenders = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path, tree in sources("services", "libs/common")
        if path.name != "bus.py"
        for method in ("subscriber", "pull_subscribe", "subscribe_bind")
        for call in calls(tree, method)
    ]
    assert offenders == []


def test_only_the_database_commits() -> None:
    offenders = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path, tree in sources("services", "libs/common")
        if path.name not in ("db.py", "migrations.py")
        for call in calls(tree, "commit")
    ]
    assert offenders == []


def test_every_subject_is_noun_dot_verb_and_belongs_to_one_stream() -> None:
    for event in catalog.EVENTS:
        assert event.subject.count(".") == 1 and event.subject == event.subject.lower()
        assert event.producer in catalog.SERVICES
        assert set(event.consumers) <= set(catalog.SERVICES)
    subjects = [subject for config in streams.stream_configs(1) for subject in config.subjects or ()]
    assert len(subjects) == len(set(subjects))


def test_every_durable_leaves_the_last_word_to_the_delivery_middleware() -> None:
    for _, consumer in streams.consumer_configs():
        assert consumer.max_deliver == -1 and consumer.backoff is None
        assert consumer.ack_wait == streams.ACK_WAIT_SECONDS
    for stream in streams.stream_configs(3):
        assert stream.num_replicas == 3 and stream.max_bytes and stream.max_age
