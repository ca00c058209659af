"""Virtual tokens that a decoder remembers: its cache of keys and values begins with theirs.

PEFT's own models of virtual tokens change every call of `generate`, each family in its own way. A decoder never looks
ahead, so what its layers keep of the virtual tokens is the same whatever follows: ours computes it once for all rows
(prompts), or has it as it is (a prefix), and lets the cache begin with it. Training, a cache that grows token by token
and beams are then all the body's own affair. What is kept on disk is PEFT's, as in `virtual_tokens`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from transformers import DynamicCache, EncoderDecoderCache

from autogpt.backbones._adapters import virtual_tokens
from autogpt.backbones._adapters.virtual_tokens import Prompted, positions, removed, save

__all__ = ["attach", "load", "positions", "removed", "save"]


class Remembering(Prompted):
    """A PEFT model of virtual tokens that looks like the decoder it wraps; their states are never seen."""

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        position_ids: torch.Tensor | None = None,
        past_key_values: Any = None,
        **others: Any,
    ) -> Any:
        """As the decoder's, whose mask [B, T] and positions [B, T] are those of the text alone."""
        given = input_ids if input_ids is not None else others["inputs_embeds"]
        count = positions(self)
        if past_key_values is None:
            past_key_values = DynamicCache()
            if others.get("encoder_hidden_states") is not None:
                past_key_values = EncoderDecoderCache(past_key_values, DynamicCache())
        both = isinstance(past_key_values, EncoderDecoderCache)
        own = past_key_values.self_attention_cache if both else past_key_values
        if own.get_seq_length() == 0:
            for place, (keys, values) in enumerate(self._kept()):
                own.update(*(states.expand(len(given), -1, -1, -1) for states in (keys, values)), place)
        if attention_mask is not None:
            attention_mask = torch.cat([attention_mask.new_ones(len(given), count), attention_mask], dim=1)
        if position_ids is not None:
            others["position_ids"] = position_ids + count
        return self.prompted.base_model(
            input_ids=input_ids, attention_mask=attention_mask, past_key_values=past_key_values, **others
        )

    def _kept(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Keys and values [1, H, V, d] of the virtual tokens, layer by layer."""
        cache = self.prompted.get_prompt(1)
        if isinstance(cache, torch.Tensor):
            vectors, cache = cache, DynamicCache()
            self.prompted.base_model(inputs_embeds=vectors, past_key_values=cache, use_cache=True)
        yield from ((layer.keys, layer.values) for layer in cache.layers)


def attach(body: Any, *, config: Any, seed: int) -> Any:
    """As `virtual_tokens.attach`; a prefix has the shape of what the body is seen to keep of two tokens.

    ValueError: it keeps nothing.
    """
    if config.peft_type == "PREFIX_TUNING":
        cache, ids = DynamicCache(), torch.tensor([[0, 0]], device=next(body.parameters()).device)
        with torch.no_grad():
            body(input_ids=ids, past_key_values=cache, use_cache=True)
        if not cache.layers:
            raise ValueError("its layers keep no keys and values")
        config.num_layers, config.num_attention_heads = len(cache.layers), cache.layers[0].keys.shape[1]
        config.token_dim = config.num_attention_heads * cache.layers[0].keys.shape[3]
    return Remembering(virtual_tokens.attach(body, config=config, seed=seed).prompted)


def load(body: Any, folder: Path) -> Any:
    return Remembering(virtual_tokens.load(body, folder).prompted)
