"""Virtual tokens through the PEFT library: trained vectors before the text, or keys and values in every layer.

PEFT reads them as tokens of the text; our heads must not. Their hidden states are cut off before pooling or tagging,
so that masks, pooled vectors and tags are those of the text, and token tasks work as well.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn


class Prompted(nn.Module):
    """A PEFT model of virtual tokens that looks like the body it wraps."""

    def __init__(self, prompted: Any) -> None:
        super().__init__()
        self.prompted = prompted
        self.config = prompted.base_model.config

    def __getattr__(self, name: str) -> Any:
        """Whatever else a model around asks of its part is answered by the one that stood here."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            prompted: Any = super().__getattr__("prompted")
            return getattr(prompted.base_model, name)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **others: Any) -> Any:
        """As the body's; `last_hidden_state` [B, T, D] is that of the text alone."""
        # PEFT leaves segment ids out: it knows none for virtual tokens.
        given = {name: value for name, value in others.items() if value is not None and name != "token_type_ids"}
        output = self.prompted(input_ids=input_ids, attention_mask=attention_mask, **given)
        output.last_hidden_state = output.last_hidden_state[:, -input_ids.shape[1] :]
        return output


def attach(body: Any, *, config: Any, seed: int) -> Any:
    """Virtual tokens as a PEFT `config` describes them; their first weights depend on `seed` alone."""
    from peft import get_peft_model

    config.num_layers = int(body.config.num_hidden_layers)
    config.num_attention_heads = int(body.config.num_attention_heads)
    if config.peft_type != "PREFIX_TUNING":  # word embeddings may be wider or narrower than the body (ELECTRA)
        config.token_dim = body.get_input_embeddings().embedding_dim
    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        return Prompted(get_peft_model(body.requires_grad_(False), config))


def positions(body: Any) -> int:
    return int(body.prompted.active_peft_config.num_virtual_tokens)


@contextmanager
def removed(body: Any) -> Iterator[Any]:
    yield body.prompted.base_model


def save(body: Any, folder: Path) -> None:
    body.prompted.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's empty model card


def load(body: Any, folder: Path) -> Any:
    from peft import PeftModel

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Prompted(PeftModel.from_pretrained(body, str(folder)))
