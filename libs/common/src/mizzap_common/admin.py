"""``mizzap-admin dlq list|show|replay|drop``: what operators do with dead letters."""

import argparse
import asyncio
import json
import sys

from nats.js import JetStreamContext, api
from nats.js.errors import NotFoundError

from mizzap_common.contracts import catalog
from mizzap_common.settings import Settings
from mizzap_common.streams import connect


async def _letters(js: JetStreamContext) -> list[api.RawStreamMsg]:
    info = await js.stream_info(catalog.DEAD_LETTER_STREAM)
    found = []
    for sequence in range(info.state.first_seq, info.state.last_seq + 1):
        try:
            found.append(await js.get_msg(catalog.DEAD_LETTER_STREAM, sequence))
        except NotFoundError:  # dropped before
            continue
    return found


async def list_letters(js: JetStreamContext) -> None:
    for letter in await _letters(js):
        headers = letter.headers or {}
        print(
            letter.seq, headers["mizzap-dead-durable"], headers["mizzap-dead-code"], headers["mizzap-dead-attempts"],
            headers["mizzap-dead-reason"], sep="\t",
        )  # fmt: skip


async def show(js: JetStreamContext, sequence: int) -> None:
    letter = await js.get_msg(catalog.DEAD_LETTER_STREAM, sequence)
    print(json.dumps({"headers": letter.headers, "payload": (letter.data or b"").decode(errors="replace")}, indent=2))


async def replay(js: JetStreamContext, sequence: int) -> None:
    """Publishes the event on its own subject again, then drops the letter. Who has handled it swallows it."""
    letter = await js.get_msg(catalog.DEAD_LETTER_STREAM, sequence)
    headers = letter.headers or {}
    subject = headers["mizzap-dead-subject"]
    kept = {key: value for key, value in headers.items() if not key.startswith("mizzap-dead-")}
    kept["Nats-Msg-Id"] = f"{kept.get('ce-id', sequence)}:replay:{sequence}"
    await js.publish(subject, letter.data or b"", headers=kept, stream=catalog.BY_SUBJECT[subject].stream)
    await drop(js, sequence)


async def drop(js: JetStreamContext, sequence: int) -> None:
    await js.delete_msg(catalog.DEAD_LETTER_STREAM, sequence)


async def run(arguments: argparse.Namespace) -> None:
    """Carries one call out and prints its answer. Exits with a sentence when there is no such letter."""
    client = await connect(Settings(), allow_reconnect=False)
    js = client.jetstream()
    try:
        if arguments.what == "list":
            await list_letters(js)
        else:
            await {"show": show, "replay": replay, "drop": drop}[arguments.what](js, arguments.sequence)
    except NotFoundError:
        sys.exit("There is no such dead letter.")
    finally:
        await client.close()


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="mizzap-admin", description=__doc__)
    groups = made.add_subparsers(required=True)
    letters = groups.add_parser("dlq", help="dead letters").add_subparsers(dest="what", required=True)
    letters.add_parser("list", help="sequence, durable, code, attempts, reason")
    for name, text in (("show", "all of one"), ("replay", "handle it again"), ("drop", "forget it")):
        letters.add_parser(name, help=text).add_argument("sequence", type=int)
    return made


def main() -> None:
    asyncio.run(run(parser().parse_args()))
