"""White space for a tokenizer of word pieces, which knows none: where lines are to be written, it learns to.

Such a tokenizer (BERT's) drops white space, and decoding puts one space between words: "a != b" comes back as
"a! = b", and two lines as one. That does no harm to a label, and is the end of code. Where the texts to learn from have
lines, each stretch of white space becomes a token of its own and decoding adds nothing, so that a text comes back as it
was, up to what the pieces themselves lose (capitals, where the tokenizer is uncased). Sources are read without these
tokens, as the encoder was trained.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

LEAST, MOST = 0.01, 30
"""Share of texts with other white space than single spaces from which on it is learned; tokens at most."""
ALWAYS = (" ", "\n", "\t")


def settled(tokenizer: Any, model: Any, texts: Sequence[str]) -> Any:
    """A tokenizer of word pieces, and the two halves of a new pair, with the white space of texts; the same tokenizer
    where that is not needed."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None or type(backend.model).__name__ != "WordPiece":
        return tokenizer
    found = [re.findall(r"\s+", text.strip()) for text in texts]
    if sum(any(run != " " for run in runs) for runs in found) < max(1.0, LEAST * len(texts)):
        return tokenizer
    import torch
    from tokenizers import AddedToken, decoders
    from transformers import PreTrainedTokenizerFast

    frequent = Counter(run for runs in found for run in runs).most_common(MOST - len(ALWAYS))
    signs = dict.fromkeys([*ALWAYS, *(run for run, _ in frequent)])
    tokenizer.add_tokens([AddedToken(sign, normalized=False) for sign in signs])
    backend.decoder = decoders.Sequence([decoders.Replace("##", ""), decoders.Fuse()])
    made = PreTrainedTokenizerFast(  # its own class would put its own decoder back when it is loaded
        tokenizer_object=backend,
        model_max_length=tokenizer.model_max_length,
        clean_up_tokenization_spaces=False,
        **tokenizer.special_tokens_map,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for half in (model.encoder, model.decoder):
            half.resize_token_embeddings(len(made), mean_resizing=False)
    return made


def spaces(tokenizer: Any) -> frozenset[int]:
    """The ids of tokens that are white space alone."""
    return frozenset(i for i, token in tokenizer.added_tokens_decoder.items() if token.content.isspace())
