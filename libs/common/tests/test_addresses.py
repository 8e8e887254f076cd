"""Which spellings of an address are the same one: for auth's accounts, and for the gateway's count of guesses."""

import pytest
from mizzap_common import addresses


@pytest.mark.parametrize(
    "spelling",
    ["BOB@example.com", " bob@Example.com\n", "bob@ⓔxample.com", "bob@ｅｘａｍｐｌｅ.com", "bob@example。com",
     "bob@ex\u1d43mple.com"],
)  # fmt: skip
def test_spellings_of_one_address(spelling) -> None:
    assert addresses.normalised(spelling) == "bob@example.com"


@pytest.mark.parametrize("text", ["no address", "a@b@c", "", "\ud800@x.com", "ab@example.com" * 100_000])
def test_what_is_no_address_has_one_form_too(text) -> None:
    assert addresses.normalised(f" {text.upper()} ") == addresses.normalised(text) == text
