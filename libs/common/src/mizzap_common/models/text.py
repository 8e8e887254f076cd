"""A text before the tokenizer, cleaned as open_clip's tokenizers clean it in Python."""

import html
import string
import unicodedata
from typing import Literal

Cleaning = Literal["lower", "whitespace", "canonicalize"]

# what ftfy, which open_clip uses, makes of the quotes that phones type; its repair of broken encodings is left out
_STRAIGHT_QUOTES = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"'})
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def clean(text: str, how: Cleaning) -> str:
    """One space between words, straight quotes, no HTML entities, NFC; in lower case for CLIP ("lower").

    "canonicalize" is big_vision's for SigLIP: lower case and no punctuation.
    """
    text = unicodedata.normalize("NFC", text.translate(_STRAIGHT_QUOTES))
    text = html.unescape(html.unescape(text))
    if how == "canonicalize":
        text = text.replace("_", " ").translate(_NO_PUNCTUATION)
    if how != "whitespace":
        text = text.lower()
    return " ".join(text.split())
