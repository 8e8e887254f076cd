"""Texts as the tokenizers are to see them; the export's tests compare with open_clip itself."""

import pytest
from mizzap_common.models.text import Cleaning, clean


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("lower", 'it\'s "naïve", & snake_case ας'),
        ("whitespace", 'It\'s "Naïve", & snake_case ΑΣ'),
        ("canonicalize", "its naïve snake case ας"),
    ],
)
def test_cleaning(how: Cleaning, expected: str) -> None:
    assert clean(" It’s\t“Nai\u0308ve”,\n &amp; snake_case  ΑΣ ", how) == expected
