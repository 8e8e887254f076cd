"""What the gateways share in the broker: declared as often as anybody likes, bounded in age and size."""

import asyncio
import json

import nats
import pytest
from mizzap_common import streams
from mizzap_common.contracts import shared_state
from nats.errors import NoRespondersError
from nats.js.api import StorageType
from nats.js.errors import KeyWrongLastSequenceError


def test_everything_is_bounded_and_replicated() -> None:
    configs = streams.shared_state_configs(3)
    assert len({config.name for config in configs}) == len(configs) == 4
    for config in configs:
        assert config.num_replicas == 3 and config.max_age and config.max_bytes
        # one value a key: what was before it is of no use, and personal data must not pile up
        assert config.max_msgs_per_subject == 1
    on_disk = [config.name for config in configs if config.storage == StorageType.FILE]
    assert on_disk == [shared_state.ANSWERS.stream]


@pytest.mark.parametrize("window", shared_state.COUNTER_WINDOWS)
async def test_counters_count_and_buckets_are_buckets(nats_url: str, window: int) -> None:
    client = await nats.connect(nats_url)
    js = client.jetstream()
    await asyncio.gather(*(streams.declare_own(js, shared_state.OWNER) for _ in range(4)))
    subject = f"{shared_state.counter_subject(window)}.test.{client.client_id}"
    values = [
        json.loads((await client.request(subject, b"", headers={"Nats-Incr": step})).data)["val"]
        for step in ("1", "2", "-1")
    ]
    assert values == ["1", "3", "2"]
    bucket = await js.key_value(shared_state.ANSWERS.name)
    key = f"test-{client.client_id}"
    await bucket.create(key, b"mine")
    with pytest.raises(KeyWrongLastSequenceError):
        await bucket.create(key, b"theirs")
    await streams.declare_own(js, shared_state.OWNER)
    assert (await bucket.get(key)).value == b"mine", "declaring again leaves everything as it is"
    with pytest.raises(NoRespondersError):
        await client.request("counter.7.nobody", b"")
    await client.close()
