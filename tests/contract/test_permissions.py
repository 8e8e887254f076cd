"""Who may do what at the broker: every user against every subject there is, on a real server with our configuration.

What is expected is said here once more, in rules for people, and not taken from what makes the configuration.
"""

import ast
from collections.abc import AsyncIterator, Callable, Iterator

import nats
import pytest
from mizzap_common import streams
from mizzap_common.bus import Bus
from mizzap_common.contracts import catalog, permissions, requests
from mizzap_common.contracts.permissions import OPERATOR, OutsideSubscriber, inbox_prefix
from mizzap_common.errors import Unauthorized
from mizzap_common.testing import eventually, published
from mizzap_devstack.ports import Ports
from mizzap_devstack.program import spawn, stop
from mizzap_devstack.servers import NatsServer
from mizzap_gateway.counts import Counts, Place
from mizzap_gateway.kept_answers import KeptAnswers, read_record
from mizzap_gateway.seals import Answer, Seal
from mizzap_gateway.settings import GatewaySettings
from mizzap_gateway.shared_state import SharedState
from mizzap_gateway.tickets import Tickets
from mizzap_gateway.tokens import Caller
from nats.aio.client import Client

from tests.contract.test_catalog import calls, sources

OUTSIDE = OutsideSubscriber("warehouse", ("photo.processed", "duplicate.detected"))
USERS = (*catalog.SERVICES, OPERATOR, OUTSIDE.name)
STREAMS = (*sorted({event.stream for event in catalog.EVENTS}), catalog.DEAD_LETTER_STREAM)
DURABLES = [(event.stream, event.durable(service)) for event in catalog.EVENTS for service in event.consumers]
OUTSIDE_DURABLES = [(event.stream, OUTSIDE.durable(event)) for event in OUTSIDE.events]
SENTINEL = "forbidden.to.all"
SHARED = {
    "COUNTERS_60": "counter.60.api.x.1",
    "COUNTERS_3600": "counter.3600.uploads.x.1",
    "KV_answers": "$KV.answers.x",
    "KV_tickets": "$KV.tickets.x",
}
"""What gateways share: each stream with a subject of its own."""
SAID_BY = {"changed": {"photos", "albums", "thumbs"}, "started": {"photos", "thumbs", "dedup", "curation"}}
HINTS = {f"{hint}.{name}.7": {name} & said_by for hint, said_by in SAID_BY.items() for name in catalog.SERVICES}
OF_STREAMS = ("CREATE", "UPDATE", "INFO", "DELETE", "PURGE", "MSG.GET", "MSG.DELETE", "SNAPSHOT", "RESTORE")


def password(user: str) -> str:
    return f"{user}-secret"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Our configuration on a server of its own; gives its URL."""
    data = tmp_path_factory.mktemp("broker")
    authorization = permissions.authorization({user: password(user) for user in USERS}, [OUTSIDE])
    server = NatsServer(data, Ports(data, environment={}), authorization)
    server.prepare()
    with (data / "nats.log").open("ab") as log:
        process = spawn(server.program(), log)
        while not server.is_ready():
            assert process.poll() is None, (data / "nats.log").read_text()
        yield server.url
        stop(process, server.program())


class Violations:
    """One user's connection that remembers what the broker forbade it."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    async def note(self, error: Exception) -> None:
        # nats: permissions violation for publish to "subject" | for subscription to "subject"
        text = str(error)
        if "ermissions violation" in text:
            self.seen.add(text.split('"')[1].lower())

    async def all_told(self, client: Client, user: str) -> None:
        """The broker tells in order: the last thing forbidden is the last to be heard of."""
        await client.flush()
        if user != OPERATOR:
            await eventually(lambda: SENTINEL in self.seen)


@pytest.fixture
async def connect(broker: str) -> AsyncIterator[Callable[..., AsyncIterator[Client]]]:
    opened: list[Client] = []

    async def open_(user: str, violations: Violations | None = None) -> Client:
        note = (violations or Violations()).note
        client = await nats.connect(
            broker, user=user, password=password(user), error_cb=note, inbox_prefix=inbox_prefix(user)
        )
        opened.append(client)
        return client

    yield open_  # type: ignore[misc]
    for client in opened:
        await client.close()


@pytest.fixture
async def gateways(broker: str) -> AsyncIterator[list[Bus]]:
    """The connections of two gateways, as they make them."""
    buses = [Bus("gateway", broker, user="gateway", password=password("gateway")) for _ in range(2)]
    for bus in buses:
        await bus.connect()
    yield buses
    for bus in buses:
        await bus.stop()


def of_shared_state() -> dict[str, set[str]]:
    may: dict[str, set[str]] = {}
    for stream, subject in SHARED.items():
        may[subject] = {"gateway"}
        for verb in OF_STREAMS:
            may[f"$JS.API.STREAM.{verb}.{stream}"] = {"gateway"} if verb in ("CREATE", "UPDATE") else set()
        may[f"$JS.API.CONSUMER.CREATE.{stream}.x"] = may[f"$JS.API.DIRECT.GET.{stream}"] = set()
        may[f"$JS.API.DIRECT.GET.{stream}.{subject}"] = {"gateway"}
    # how full the kept answers' bucket is
    may["$JS.API.STREAM.INFO.KV_answers"] = {"gateway"}
    # a ticket is asked of the stream's leader, who never has an old one
    may["$JS.API.DIRECT.GET.KV_tickets.$KV.tickets.x"] = set()
    may["$JS.API.STREAM.MSG.GET.KV_tickets"] = {"gateway"}
    may["counter.7.x"] = may["$KV.others.x"] = may["$JS.API.DIRECT.GET.KV_answers.$KV.tickets.x"] = set()
    return may


def publishable() -> dict[str, set[str]]:
    """Every subject somebody could publish to → the users who may."""
    may = of_shared_state() | HINTS
    for event in catalog.EVENTS:
        may[event.subject] = {event.producer}
    for method in requests.METHODS:
        may[method.subject] = set(method.askers)
    for stream, durable in (*DURABLES, *OUTSIDE_DURABLES):
        owner = OUTSIDE.name if durable.startswith("outside-") else durable.split("-", 1)[0]
        producer = stream.lower()
        may[f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"] = {owner}
        may[f"$JS.API.CONSUMER.INFO.{stream}.{durable}"] = {owner, producer}
        may[f"$JS.ACK.{stream}.{durable}.1.1.1.1.1"] = {owner}
        may[f"$JS.API.CONSUMER.DELETE.{stream}.{durable}"] = set()
        may[f"$JS.API.CONSUMER.CREATE.{stream}.{durable}.x"] = set()
        may[f"$JS.API.CONSUMER.DURABLE.CREATE.{stream}.{durable}"] = {owner} - {OUTSIDE.name}
        may[f"dead_letter.{durable}"] = {owner} - {OUTSIDE.name}
    for stream in STREAMS:
        owner = {stream.lower()}
        if stream == catalog.DEAD_LETTER_STREAM:
            owner = set(catalog.SERVICES)
        for verb in OF_STREAMS:
            may[f"$JS.API.STREAM.{verb}.{stream}"] = owner if verb in ("CREATE", "UPDATE") else set()
        if stream != catalog.DEAD_LETTER_STREAM:
            may[f"$JS.API.STREAM.INFO.{stream}"] = may[f"$JS.API.STREAM.MSG.GET.{stream}"] = owner
    for subject in ("$JS.API.STREAM.NAMES", "$JS.API.STREAM.LIST", "$JS.API.INFO", "$SYS.REQ.SERVER.PING", "anything"):
        may[subject] = set()
    for user in USERS:
        may[f"{inbox_prefix(user)}.x"] = set()
    return may


def subscribable() -> dict[str, set[str]]:
    may: dict[str, set[str]] = {}
    for event in catalog.EVENTS:
        outside = {OUTSIDE.name} if event.subject in OUTSIDE.subjects else set()
        may[event.subject] = outside | ({"gateway"} if event.watched else set())
    for method in requests.METHODS:
        may[method.subject] = {method.service}
    may |= {f"{inbox_prefix(user)}.*": {user} for user in USERS}
    may["changed.*.*"], may["started.*.*"] = {"gateway"}, {"photos"}
    for subject in (">", "*", "_INBOX.>", "rpc.>", "photo.>", "$JS.API.>", "$JS.ACK.>", "dead_letter.>", "$SYS.>",
                    "counter.>", "$KV.>", "$KV.answers.x", "$KV.tickets.x", "changed.>", "started.>"):  # fmt: skip
        may[subject] = set()
    return may


@pytest.mark.parametrize("user", USERS)
async def test_a_user_may_publish_what_it_must_and_nothing_else(user: str, connect: Callable[..., object]) -> None:
    violations = Violations()
    client: Client = await connect(user, violations)  # type: ignore[misc]
    for subject in publishable():
        # without a body and a reply subject the broker does nothing with it
        await client.publish(subject, b"")
    await client.publish(SENTINEL, b"")
    await violations.all_told(client, user)
    allowed = {subject for subject in publishable() if subject.lower() not in violations.seen}
    wanted = {subject for subject, users in publishable().items() if user in users or user == OPERATOR}
    assert allowed - wanted == set(), "unexpectedly allowed"
    assert wanted - allowed - {"$SYS.REQ.SERVER.PING"} == set(), "unexpectedly denied"


@pytest.mark.parametrize("user", USERS)
async def test_a_user_may_listen_to_what_it_must_and_nothing_else(user: str, connect: Callable[..., object]) -> None:
    violations = Violations()
    client: Client = await connect(user, violations)  # type: ignore[misc]
    for subject in subscribable():
        await client.subscribe(subject)
    await client.publish(SENTINEL, b"")
    await violations.all_told(client, user)
    allowed = {subject for subject in subscribable() if subject.lower() not in violations.seen}
    wanted = {subject for subject, users in subscribable().items() if user in users or user == OPERATOR}
    assert allowed - wanted == set(), "unexpectedly allowed"
    assert wanted - allowed == set(), "unexpectedly denied"


async def test_nobody_comes_in_without_a_password(broker: str) -> None:
    for user, secret in ((None, None), ("photos", "wrong"), ("nobody", "x")):
        with pytest.raises(Exception, match="Authorization Violation"):
            await nats.connect(broker, user=user, password=secret, allow_reconnect=False)


async def test_each_service_can_declare_what_it_needs_after_the_operator(connect: Callable[..., object]) -> None:
    operator: Client = await connect(OPERATOR)  # type: ignore[misc]
    await streams.declare(operator.jetstream())
    for service in catalog.SERVICES:
        client: Client = await connect(service)  # type: ignore[misc]
        await streams.declare_own(client.jetstream(), service)


async def test_an_outside_subscriber_reads_its_events_through_durables_of_its_own(
    connect: Callable[..., object],
) -> None:
    operator: Client = await connect(OPERATOR)  # type: ignore[misc]
    await streams.declare(operator.jetstream())
    await streams.declare_outside(operator.jetstream(), OUTSIDE)
    photos: Client = await connect("photos")  # type: ignore[misc]
    body = catalog.PHOTO_PROCESSED.payload(photo_id=7, user_id=1).to_json()
    await photos.jetstream().publish("photo.processed", body, stream="PHOTOS")
    outside: Client = await connect(OUTSIDE.name)  # type: ignore[misc]
    reading = await outside.jetstream().pull_subscribe_bind(OUTSIDE.durable(catalog.PHOTO_PROCESSED), "PHOTOS")
    (message,) = await reading.fetch(1, timeout=5)
    assert message.data == body
    await message.ack()

    async def nothing_waits() -> bool:
        info = await operator.jetstream().consumer_info("PHOTOS", OUTSIDE.durable(catalog.PHOTO_PROCESSED))
        return not info.num_ack_pending

    await eventually(nothing_waits)
    assert len(await published(operator.jetstream(), catalog.PHOTO_PROCESSED)) == 1


@pytest.mark.parametrize("declared_by", [OPERATOR, "gateway"])
async def test_gateways_count_keep_answers_and_pass_tickets_on(
    connect: Callable[..., object], gateways: list[Bus], declared_by: str
) -> None:
    operator: Client = await connect(OPERATOR)  # type: ignore[misc]
    await streams.declare(operator.jetstream())
    if declared_by == "gateway":
        for stream in SHARED:
            await operator.jetstream().delete_stream(stream)
    settings = GatewaySettings(declare_streams=declared_by == "gateway")
    one, other = ((bus, SharedState(bus, settings).declare) for bus in gateways)

    place = Place("api", declared_by, 60, 7)
    assert await Counts(*one).add(place, 1) == (1, 0)
    assert await Counts(*other).add(place, 2) == (3, 0), "counted together"
    assert await Counts(*one).add(Place("api", declared_by, 60, 8), 1) == (1, 3)

    answers, same_answers = KeptAnswers(*one, claim_seconds=10), KeptAnswers(*other, claim_seconds=10)
    claim = await answers.claim(declared_by)
    assert claim is not None and await same_answers.claim(declared_by) is None
    seal = Seal("key", b"POST /", b"hash")
    await claim.keep(Answer(201, [], b"{}"), seal)
    kept = await same_answers.wait(declared_by, 5)
    assert kept is not None and read_record(kept, seal).status == 201

    caller = Caller(user_id=1, session_id=2, expires_at=3.0)
    ticket = await Tickets(*one).issue(caller)
    assert await Tickets(*other).redeem(ticket) == caller
    with pytest.raises(Unauthorized):
        await Tickets(*one).redeem(ticket)


def test_only_those_ask_who_the_catalogue_says() -> None:
    """A question that the broker would refuse, found before a user does."""
    for service in catalog.SERVICES:
        for path, tree in sources(f"services/{service}"):
            for call in calls(tree, "ask"):
                for node in ast.walk(call):
                    if (
                        isinstance(node, ast.Attribute)
                        and isinstance(node.value, ast.Name)
                        and node.value.id == "requests"
                    ):
                        method = getattr(requests, node.attr)
                        assert service in method.askers, f"{path.name}: {service} asks {method.subject}"


@pytest.mark.parametrize("allowed", [(), ("photo.uploaded",)])
def test_nothing_allowed_is_written_as_everything_denied(allowed: tuple[str, ...]) -> None:
    """The trap: NATS takes an empty list for no restriction at all."""
    made = permissions.Permissions(publish=allowed).as_configuration()["publish"]
    assert made == ({"allow": ["photo.uploaded"]} if allowed else {"deny": [">"]})


@pytest.mark.parametrize("text", ['{"photos": []}', '{"a b": []}', '{"x": ["photo.nothing"]}', "[]", "no"])
def test_an_outside_subscriber_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises((ValueError, AttributeError)):
        permissions.outside_from(text)
