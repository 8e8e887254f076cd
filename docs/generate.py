"""Writes the generated documents and modules, or says which have drifted: ``python docs/generate.py [--check]``."""

import argparse
import json
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import client_code
from mizzap_common.contracts import catalog
from mizzap_common.contracts.requests import METHODS
from pydantic.json_schema import models_json_schema

DOCS = Path(__file__).parent
_CLOUD_EVENT_HEADERS = {
    "ce-id": "id of the event; the same id again is the same event",
    "ce-type": "the subject",
    "ce-source": "who published it: mizzap/{service}",
    "ce-subject": "what it is about: photo/123",
    "ce-time": "when it happened, RFC 3339",
    "traceparent": "W3C trace context of what caused it",
}


def events_markdown() -> str:
    """The catalogue for a person: who publishes what, who acts on it, what is in it."""
    lines = [
        "# Events",
        "",
        "Generated from `contracts/catalog.py`; `make docs` writes it, `make check` holds it to the code.",
        "",
        "Facts over NATS JetStream, one stream a publishing service, at least once: consumers know repetitions by the",
        "header `ce-id`. Payloads are camelCase JSON and only ever grow; a breaking change is a new subject with `.v2`.",
        "They hold ids, hashes and object keys, never personal data, never a photo's bytes.",
        "",
        'On the WebSocket an event is `{"event", "id", "data"}`: `id` is its `ce-id`, `data` its payload without `audience`,',
        "which says whose sockets show it and is shown on none.",
        "",
        "| subject | stream | published by | handled by | WebSocket |",
        "|---|---|---|---|---|",
    ]
    for event in catalog.EVENTS:
        handled = ", ".join(event.consumers) or "–"
        socket = f"`{event.websocket}`" if event.websocket else "–"
        lines.append(f"| `{event.subject}` | {event.stream} | {event.producer} | {handled} | {socket} |")
    lines += ["", "## Headers", "", "CloudEvents' binary mode.", "", "| header | meaning |", "|---|---|"]
    lines += [f"| `{name}` | {meaning} |" for name, meaning in _CLOUD_EVENT_HEADERS.items()]
    lines += ["", "## Payloads", ""]
    for event in catalog.EVENTS:
        lines += [f"### `{event.subject}`", ""]
        if doc := _own_doc(event.payload):
            lines += [doc, ""]
        lines += ["| field | type |", "|---|---|"]
        schema = event.payload.model_json_schema(by_alias=True)
        lines += [f"| `{name}` | {_type(field)} |" for name, field in schema["properties"].items()]
        lines += [""]
    lines += [
        "# Questions and commands",
        "",
        "Request and reply between the services, behind the gateway; not for other teams' services.",
        "",
        "| subject | request | answer |",
        "|---|---|---|",
    ]
    lines += [f"| `{m.subject}` | {m.request.__name__} | {m.answer.__name__} |" for m in METHODS]
    return "\n".join(lines) + "\n"


def _own_doc(model: type[Any]) -> str:
    doc = model.__dict__.get("__doc__") or ""
    return " ".join(doc.split())


def _type(field: dict[str, Any]) -> str:
    if "enum" in field:
        return " \\| ".join(f'`"{value}"`' for value in field["enum"])
    if "$ref" in field:
        return str(field["$ref"]).rsplit("/", 1)[-1]
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}"
    if "anyOf" in field:
        return " \\| ".join(_type(one) for one in field["anyOf"])
    return str(field.get("type", "any"))


def asyncapi() -> dict[str, Any]:
    """AsyncAPI 3.0: what other teams' services generate their subscribers from."""
    payloads = sorted({event.payload for event in catalog.EVENTS}, key=lambda model: model.__name__)
    _, schemas = models_json_schema(
        [(model, "serialization") for model in payloads], ref_template="#/components/schemas/{model}"
    )
    headers = {
        "type": "object",
        "properties": {name: {"type": "string", "description": text} for name, text in _CLOUD_EVENT_HEADERS.items()},
    }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "MIZZAP events", "version": "1.0.0", "description": "Facts over NATS JetStream."},
        "channels": {
            event.subject: {
                "address": event.subject,
                "messages": {event.subject: {"$ref": f"#/components/messages/{event.subject}"}},
            }
            for event in catalog.EVENTS
        },
        "operations": {
            f"{event.producer}.publishes.{event.subject}": {
                "action": "send",
                "channel": {"$ref": f"#/channels/{event.subject}"},
            }
            for event in catalog.EVENTS
        },
        "components": {
            "messages": {
                event.subject: {
                    "name": event.subject,
                    "contentType": "application/json",
                    "headers": {"$ref": "#/components/schemas/CloudEventHeaders"},
                    "payload": {"$ref": f"#/components/schemas/{event.payload.__name__}"},
                }
                for event in catalog.EVENTS
            },
            "schemas": {"CloudEventHeaders": headers, **schemas["$defs"]},
        },
    }


@cache
def openapi() -> dict[str, Any]:
    """The gateway's REST interface. Needs no server: the application is only put together."""
    from mizzap_gateway.app import build
    from mizzap_gateway.settings import GatewaySettings

    document: dict[str, Any] = build(GatewaySettings()).openapi()
    return document


def _json(make: Callable[[], dict[str, Any]]) -> Callable[[], str]:
    return lambda: json.dumps(make(), indent=2, ensure_ascii=False) + "\n"


ROOT = DOCS.parent
CLIENT = ROOT / "clients" / "python" / "src" / "mizzap_client"
GENERATED: dict[Path, Callable[[], str]] = {
    DOCS / "events.md": events_markdown,
    DOCS / "asyncapi.json": _json(asyncapi),
    DOCS / "openapi.json": _json(openapi),
    CLIENT / "schemas.py": lambda: client_code.schemas(openapi()),
    CLIENT / "operations.py": lambda: client_code.operations(openapi()),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail when a document has drifted")
    check = parser.parse_args().check
    drifted = []
    for path, make in GENERATED.items():
        made = make()
        if check and (not path.exists() or path.read_text() != made):
            drifted.append(str(path.relative_to(ROOT)))
        elif not check:
            path.write_text(made)
    if drifted:
        sys.exit(f"Drifted from the code: {', '.join(drifted)}. Run `make docs` and commit what it writes.")


if __name__ == "__main__":
    main()
