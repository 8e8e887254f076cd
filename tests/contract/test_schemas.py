"""Payloads only grow. ``schemas.json`` beside this file is what subscribers were promised; new fields are added to it
by ``python tests/contract/test_schemas.py``, which refuses what would break them."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from mizzap_common.contracts import catalog

PROMISED = Path(__file__).with_name("schemas.json")


def schemas() -> dict[str, Any]:
    return {
        event.subject: event.payload.model_json_schema(by_alias=True, mode="serialization") for event in catalog.EVENTS
    }


def breaks(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What a subscriber written against ``old`` would stumble over in ``new``."""
    found = []
    for name, field in old.get("properties", {}).items():
        now = new.get("properties", {}).get(name)
        if now is None:
            found.append(f"{name} is gone")
        elif {k: v for k, v in field.items() if k in ("type", "$ref", "items", "enum")} != {
            k: v for k, v in now.items() if k in ("type", "$ref", "items", "enum")
        }:
            found.append(f"{name} has another type")
        elif name in old.get("required", []) and name not in new.get("required", []):
            found.append(f"{name} may be missing now")
    for name, definition in old.get("$defs", {}).items():
        found += [f"{name}.{problem}" for problem in breaks(definition, new.get("$defs", {}).get(name, {}))]
    return found


def all_breaks(promised: dict[str, Any], now: dict[str, Any]) -> list[str]:
    gone = [f"{subject} is gone" for subject in promised if subject not in now]
    return gone + [
        f"{subject}: {problem}"
        for subject, schema in promised.items()
        if subject in now
        for problem in breaks(schema, now[subject])
    ]


def test_nothing_promised_is_broken() -> None:
    assert all_breaks(json.loads(PROMISED.read_text()), schemas()) == []


def test_everything_new_is_promised() -> None:
    assert json.loads(PROMISED.read_text()) == schemas(), "run: python tests/contract/test_schemas.py"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda s: s["properties"].pop("sha256"), "sha256 is gone"),
        (lambda s: s["properties"]["sha256"].update(type="integer"), "sha256 has another type"),
        (lambda s: s["required"].remove("sha256"), "sha256 may be missing now"),
        (lambda s: s["properties"].update(new={"type": "string"}), None),
    ],
)
def test_a_break_is_seen(change: Any, problem: str | None) -> None:
    old = schemas()["photo.uploaded"]
    new = json.loads(json.dumps(old))
    change(new)
    assert breaks(old, new) == ([problem] if problem else [])


if __name__ == "__main__":
    problems = all_breaks(json.loads(PROMISED.read_text()), schemas()) if PROMISED.exists() else []
    if problems:
        sys.exit("These would break subscribers; make a new subject with .v2 instead: " + "; ".join(problems))
    PROMISED.write_text(json.dumps(schemas(), indent=2) + "\n")
