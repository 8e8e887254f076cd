"""The list of what the specification asks for is true: each endpoint is one, each rule has what holds it, and it is there."""

import importlib
import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from sqlalchemy import UniqueConstraint

ROOT = Path(__file__).resolve().parents[2]
LIST = (ROOT / "docs" / "specification.md").read_text()
PATHS = json.loads((ROOT / "docs" / "openapi.json").read_text())["paths"]
TARGETS = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
TEST = r"([\w/]+\.py)::(\w+)"


def rows(part: str) -> list[list[str]]:
    """The cells of all tables of a part, without their heads."""
    [text] = re.findall(rf"^## {part}$(.*?)(?=^## |\Z)", LIST, re.MULTILINE | re.DOTALL)
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")
    ]
    rules = {number for number, line in enumerate(lines) if set(line[0]) == {"-"}}
    return [line for number, line in enumerate(lines) if number not in rules and number + 1 not in rules]


ENDPOINTS, RULES, TABLES = rows("Endpoints"), rows("Rules"), rows("Tables")


def test_all_endpoints_are_listed() -> None:
    assert len(ENDPOINTS) == len({endpoint for endpoint, _ in ENDPOINTS}) == 26


@pytest.mark.parametrize("endpoint", [endpoint for endpoint, _ in ENDPOINTS])
def test_every_endpoint_is_there(endpoint: str) -> None:
    method, path = endpoint.strip("`").split()
    assert method.lower() in PATHS.get(path, {})


def what_holds(cell: str) -> list[str]:
    """Each test or target that a cell names. Raises ValueError when there is none, or anything else."""
    if not re.fullmatch(rf"(`(?:{TEST}|make [\w-]+)` ?)+", cell):
        raise ValueError(cell)
    return re.findall("`([^`]+)`", cell)


def problems(listed: list[list[str]]) -> list[str]:
    found = []
    for name, cell in listed:
        try:
            missing = [held for held in what_holds(cell) if held.startswith("make ") and held[5:] not in TARGETS]
        except ValueError:
            missing = [f"no tests: {cell}"]
        found += [f"{name}: {what}" for what in missing]
    names = [name for name, _ in listed]
    return found + [f"twice: {name}" for name in sorted(set(names)) if names.count(name) > 1]


def test_every_endpoint_and_rule_has_what_holds_it() -> None:
    assert len(RULES) > 80
    assert problems(ENDPOINTS + RULES) == []


@pytest.mark.parametrize("cell", ["", "`tests/a.py`", "yes `tests/a.py::test_a`", "`make nothing`", "`tests/a.py::`"])
def test_a_rule_with_nothing_that_holds_it_is_seen(cell: str) -> None:
    assert problems([["a rule", cell]]) != []


def test_a_rule_that_is_there_twice_is_seen() -> None:
    assert problems([["a rule", "`make bench`"]] * 2) == ["twice: a rule"]


@pytest.mark.parametrize(("file", "test"), sorted(set(re.findall(f"`{TEST}`", LIST))))
def test_every_test_is_there(file: str, test: str) -> None:
    assert re.search(rf"def {test}\(", (ROOT / file).read_text())


def table_of(service: str, table: str) -> Any:
    return importlib.import_module(f"mizzap_{service}.models").metadata.tables[table]


COLUMNS, VALUES, INDEXES = (
    [
        [cell.replace("`", "") for cell in row]
        for row in TABLES
        if len(row) == cells and (cells == 4 or dotted == ("." in row[0]))
    ]
    for cells, dotted in ((4, False), (3, True), (3, False))
)


def test_all_tables_are_listed() -> None:
    assert (len(COLUMNS), len(VALUES), len(INDEXES)) == (9, 8, 8)


@pytest.mark.parametrize(("table", "service", "columns", "otherwise"), COLUMNS)
def test_every_column_is_there(table: str, service: str, columns: str, otherwise: str) -> None:
    assert set(columns.split()) <= set(table_of(service, table).columns.keys())


@pytest.mark.parametrize(("column", "values", "where"), VALUES)
def test_every_value_is_one_and_there_are_no_others(column: str, values: str, where: str) -> None:
    module, model, field = where.split(".")
    shown = getattr(importlib.import_module(f"mizzap_common.contracts.{module}"), model).model_fields[field].annotation
    assert set(get_args(shown)) == set(values.split())


@pytest.mark.parametrize(("table", "service", "columns"), INDEXES)
def test_every_index_is_there(table: str, service: str, columns: str) -> None:
    known = table_of(service, table)
    unique = [constraint for constraint in known.constraints if isinstance(constraint, UniqueConstraint)]
    begins = [[column.name for column in index.columns] for index in (*known.indexes, *unique)]
    wanted = columns.split()
    assert wanted in [names[: len(wanted)] for names in begins]
