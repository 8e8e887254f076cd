"""An open_clip tokenizer as one file of the `tokenizers` library, which the services read."""

from typing import Any

from mizzap_common.models.bundle import Tokenization
from open_clip.tokenizer import HFTokenizer, SimpleTokenizer
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors

# SimpleTokenizer.pat without its special tokens: what a user types is never one of those
_CLIP_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
_WORD_END = "</w>"


class UnsupportedTokenizer(Exception):
    """A tokenizer whose rules can't be written as one file."""


def portable(tokenizer: Any) -> tuple[Tokenizer, Tokenization]:
    """The same tokenizer for the services, and how they are to use it. Raises UnsupportedTokenizer."""
    if isinstance(tokenizer, SimpleTokenizer):
        return _from_clip(tokenizer), _usage(tokenizer, pad_id=0)
    if isinstance(tokenizer, HFTokenizer):
        return _from_transformers(tokenizer), _usage(tokenizer, pad_id=int(tokenizer.tokenizer.pad_token_id or 0))
    raise UnsupportedTokenizer(f"The tokenizer {type(tokenizer).__name__} can't be exported.")


def _from_clip(tokenizer: SimpleTokenizer) -> Tokenizer:
    if tokenizer.reduction_fn is not None:
        raise UnsupportedTokenizer("A tokenizer that shortens texts by chance or syntax can't be exported.")
    vocabulary = tokenizer.encoder
    merges = sorted(tokenizer.bpe_ranks, key=tokenizer.bpe_ranks.__getitem__)
    start, end = (tokenizer.decoder[token] for token in (tokenizer.sot_token_id, tokenizer.eot_token_id))
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, end_of_word_suffix=_WORD_END, unk_token=end))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_CLIP_WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    made.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}",
        special_tokens=[(start, tokenizer.sot_token_id), (end, tokenizer.eot_token_id)],
    )
    return made


def _from_transformers(tokenizer: HFTokenizer) -> Tokenizer:
    inner = tokenizer.tokenizer
    if tokenizer.tokenizer_mode or tokenizer.strip_sep_token or not getattr(inner, "is_fast", False):
        raise UnsupportedTokenizer("A tokenizer with rules in Python can't be exported.")
    made = Tokenizer.from_str(inner.backend_tokenizer.to_str())
    made.no_padding()
    made.no_truncation()
    return made


def _usage(tokenizer: Any, pad_id: int) -> Tokenization:
    return Tokenization(
        clean=tokenizer.clean_fn.__name__.removeprefix("_clean_"),
        context_length=int(tokenizer.context_length),
        pad_id=pad_id,
    )
