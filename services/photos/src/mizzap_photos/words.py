"""How names are compared in searches: without case and accents, word by word."""

import re
import unicodedata
from collections.abc import Iterable

_NO_WORD = re.compile(r"[\W_]+")
_ACCENTS = re.compile("[\u0300-\u036f]+")


def fold(text: str) -> str:
    """ "Été à Łódź" → "ete a łodz"."""
    if text.isascii():
        return text.lower()
    return _ACCENTS.sub("", unicodedata.normalize("NFKD", text.casefold()))


def words(*names: str | None) -> set[str]:
    """ "Saint-Étienne" → {"saint", "etienne"}."""
    return set(_NO_WORD.split(fold("\n".join(name for name in names if name)))) - {""}


def searchable(*names: str | None) -> str:
    """What a part of a name is looked for in. A line each, so that no word is found across two of them."""
    return "\n".join(fold(name) for name in names if name)


def asked(query: str) -> Iterable[str]:
    """The words of a search: a name's own punctuation belongs to them, as in IMG_0001.jpg."""
    return dict.fromkeys(fold(query).split())
