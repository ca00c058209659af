"""Texts that keep to a grammar while they are written: what breaks it has no probability.

"Efficient Guided Generation for Large Language Models" (Willard and Louf 2023), by the llguidance library, which says
for every state of the grammar which tokens may follow. Ours also ends every text: what the limit of tokens cuts off is
closed by the tokens that end the soonest, so that each text is whole whatever the model wrote.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

MOST_CLOSING = 1000
"""Tokens that a text may be closed with; no grammar of ours takes so many."""
MISSING = "the library llguidance is not installed (pip install 'autogpt[format]')"


class Constraint:
    """A grammar over the tokens of one tokenizer. ValueError: why there is none; ImportError without the library."""

    def __init__(self, grammar: str, tokenizer: Any, *, vocabulary: int, end: int, closing: str) -> None:
        from llguidance import LLMatcher

        spelled = _spelled(tokenizer, vocabulary, end)
        self._begin = LLMatcher(spelled, grammar, log_level=0)
        if self._begin.is_error():
            raise ValueError(f"the grammar cannot be used: {self._begin.get_error().splitlines()[0]}")
        self.vocabulary, self.end = vocabulary, end
        signs = [spelled.tokenize_str(sign) for sign in closing]
        texts = [spelled.decode_str([token]) for token in range(min(vocabulary, len(tokenizer)))]
        shortest = sorted(range(len(texts)), key=lambda token: (not texts[token].strip(), len(texts[token].encode())))
        self._soonest = [*(tokens[0] for tokens in signs if len(tokens) == 1), *shortest]

    def accepts(self, tokens: Sequence[int]) -> bool:
        """Whether these tokens are a whole text of the grammar."""
        state = self._begin.deep_copy()
        return bool(state.validate_tokens(list(tokens)) == len(tokens) and state.consume_tokens(list(tokens))) and bool(
            state.is_accepting()
        )

    def closed(self, tokens: Sequence[int]) -> list[int]:
        """The tokens, with what ends the text soonest behind them where it is not whole."""
        state = self._begin.deep_copy()
        kept = list(tokens)[: state.try_consume_tokens(list(tokens))]
        for _ in range(MOST_CLOSING):
            if state.is_accepting():
                break
            allowed = self.allowed(state)
            kept.append(next(token for token in self._soonest if allowed[token]))
            state.consume_token(kept[-1])
        return kept

    def allowed(self, state: Any) -> Any:
        """Which tokens may follow [V]."""
        bits = np.unpackbits(np.frombuffer(state.compute_bitmask(), dtype=np.uint8), bitorder="little")
        return bits[: self.vocabulary].astype(bool)

    def masks(self, skipped: int) -> Masks:
        """What transformers' `generate` asks before each token; the first `skipped` tokens of a row are not written."""
        return Masks(self, self._begin.deep_copy(), skipped)


class Pieces:
    """SentencePiece as T5 has it: a piece is its own text, with a sign for a space. What llguidance asks of it."""

    SPACE = "\u2581"

    def __init__(self, tokenizer: Any, vocabulary: int, end: int) -> None:
        self.tokenizer, self.eos_token_id, self.bos_token_id = tokenizer, end, None
        names = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
        self.special_token_ids = [*tokenizer.all_special_ids, *range(len(names), vocabulary)]
        self.tokens = [name.replace(self.SPACE, " ").encode() for name in names]
        self.tokens += [f"<unused {place}>".encode() for place in range(len(names), vocabulary)]

    def __call__(self, text: bytes | str) -> list[int]:
        """The ids of a stretch of text; without the space that the tokenizer puts before a whole one."""
        told = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        pieces = self.tokenizer.backend_tokenizer.model.tokenize(told.replace(" ", self.SPACE))
        return [piece.id for piece in pieces]


def _spelled(tokenizer: Any, vocabulary: int, end: int) -> Any:
    """How a tokenizer's tokens are spelled, as llguidance knows it. ValueError: nobody knows."""
    from llguidance import LLTokenizer, TokenizerWrapper
    from llguidance.hf import from_tokenizer

    try:
        if type(tokenizer.backend_tokenizer.decoder).__name__ == "Metaspace":
            return LLTokenizer(TokenizerWrapper(Pieces(tokenizer, vocabulary, end)))
        return from_tokenizer(tokenizer, n_vocab=vocabulary, eos_token=end)
    except (ValueError, RuntimeError, TypeError, AttributeError) as problem:
        raise ValueError(f"how this tokenizer spells is not known: {str(problem).splitlines()[0]}") from None


class Masks:
    """See `transformers.LogitsProcessor`. Rows of beams change places: a state is found by what its row has written."""

    def __init__(self, constraint: Constraint, begin: Any, skipped: int) -> None:
        self.constraint, self.skipped = constraint, skipped
        self.states: dict[tuple[int, ...], Any] = {}
        self.begin = begin

    def __call__(self, ids: Any, scores: Any) -> Any:
        """Scores [R, V] of the next tokens of rows of ids [R, T], minus infinity where the grammar has none."""
        import torch

        rows = [tuple(row) for row in ids[:, self.skipped :].tolist()]
        self.states = {row: self._after(row) for row in dict.fromkeys(rows)}
        masks = {
            row: self._free if state is None else self.constraint.allowed(state) for row, state in self.states.items()
        }
        allowed = torch.from_numpy(np.stack([masks[row] for row in rows])).to(scores.device)
        return scores.masked_fill(~allowed, float("-inf"))

    def _after(self, row: tuple[int, ...]) -> Any:
        """The state after a row; None where it has ended, or is a beam that was ruled out and never wins."""
        if not row:
            return self.begin
        before = self.states.get(row[:-1])
        if before is None or row[-1] == self.constraint.end:
            return None
        state = before.deep_copy()
        return state if state.consume_token(row[-1]) else None

    @property
    def _free(self) -> Any:
        return np.ones(self.constraint.vocabulary, dtype=bool)
