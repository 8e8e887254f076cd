"""The Python client's generated modules follow the document: another one makes another client."""

import copy
import sys
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture
def generate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """docs/generate.py, run as `--check`, with a document that a test may change."""
    monkeypatch.syspath_prepend(str(DOCS))
    import generate

    document = copy.deepcopy(generate.openapi())
    generate.document = document
    monkeypatch.setattr(generate, "openapi", lambda: document)
    monkeypatch.setattr(sys, "argv", ["generate.py", "--check"])
    return generate


def test_what_is_committed_is_what_the_document_makes(generate: Any) -> None:
    generate.main()


def test_a_changed_document_is_noticed_in_the_client(generate: Any) -> None:
    generate.document["components"]["schemas"]["Change"]["properties"]["brandNew"] = {"type": "string"}
    generate.document["paths"]["/api/v1/changes"]["get"]["operationId"] = "list_what_changed"
    with pytest.raises(SystemExit, match=r"mizzap_client/schemas\.py.*mizzap_client/operations\.py"):
        generate.main()
