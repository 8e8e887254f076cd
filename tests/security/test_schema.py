"""Every operation of the OpenAPI document, called with what its schema allows and with what it doesn't.

No answer is a 5xx, none is outside of its schema, and no operation that needs a token answers without one.
``make test`` runs a few examples an operation, ``make fuzz`` three hundred.
"""

import os
from pathlib import Path

import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.security.people import Person
from tests.stack import Stack

EXAMPLES = int(os.environ.get("MIZZAP_FUZZ_EXAMPLES", "6"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


# the document is generated from the code and held to it by `make check`
schema = schemathesis.openapi.from_path(Path(__file__).resolve().parents[2] / "docs" / "openapi.json")
some = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES < 100,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@schema.parametrize()
@some
def test_logged_in(case: Case, stack: Stack, person: Person) -> None:
    answer = case.call(base_url=stack.gateway, headers=person.headers)
    case.validate_response(answer, checks=CHECKS)
    # what ends its own session, or the account, is tried with another one next time
    if answer.status_code < 300 and case.method != "GET" and not person.logged_in():
        person.register()


@schema.parametrize()
@some
def test_logged_out(case: Case, stack: Stack) -> None:
    answer = case.call(base_url=stack.gateway, headers={})
    case.validate_response(answer, checks=CHECKS)
    if case.operation.definition.raw.get("security"):
        # any refusal will do: two credentials at once, a key used for something else, a method that there is none of
        assert 400 <= answer.status_code < 500, f"{answer.status_code} without a token"
