"""The list of what the specification asks for is true: each endpoint is one, and each test named is there."""

import importlib
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIST = (ROOT / "docs" / "specification.md").read_text()
PATHS = json.loads((ROOT / "docs" / "openapi.json").read_text())["paths"]


@pytest.mark.parametrize(("method", "path"), re.findall(r"^\| `(\w+) (/[^`]+)` \|", LIST, re.MULTILINE))
def test_every_endpoint_is_there(method: str, path: str) -> None:
    assert method.lower() in PATHS.get(path, {})


@pytest.mark.parametrize(("file", "test"), sorted(set(re.findall(r"`([\w/]+\.py)::(\w+)`", LIST))))
def test_every_test_is_there(file: str, test: str) -> None:
    assert re.search(rf"def {test}\(", (ROOT / file).read_text())


TABLES = re.findall(r"^\| `(\w+)` \| (\w+) \| ((?:`\w+` ?)+) \|", LIST, re.MULTILINE)


def test_all_tables_are_listed() -> None:
    assert len(TABLES) == 9


@pytest.mark.parametrize(("table", "service", "columns"), TABLES)
def test_every_column_is_there(table: str, service: str, columns: str) -> None:
    held = importlib.import_module(f"mizzap_{service}.models").metadata.tables[table]
    assert set(re.findall(r"\w+", columns)) <= set(held.columns.keys())
