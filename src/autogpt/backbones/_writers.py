"""Models that write, through transformers' Auto classes: loaded from a folder, or drawn of their configuration."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt.backbones._language import FAMILIES, family_of, tokenizer_of
from autogpt.errors import ModelError

if TYPE_CHECKING:
    from autogpt.backbones._writing import WriterNet

Load = Callable[[Any], Any]
"""`load(auto)`: a model of a transformers Auto class."""


def loaded(location: str) -> tuple[WriterNet, Any]:
    """A model that writes, of a folder, and its tokenizer. Pickled weights and custom code are refused."""
    import torch
    from transformers import AutoConfig, EncoderDecoderModel
    from transformers.utils import logging as transformers_logging

    from autogpt.backbones._writing import WriterNet

    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    safe: dict[str, Any] = {"dtype": torch.float32, "use_safetensors": True, "trust_remote_code": False}
    both = {f"{side}_{name}": value for side in ("encoder", "decoder") for name, value in safe.items()}

    def pair() -> Any:
        return EncoderDecoderModel.from_encoder_decoder_pretrained(location, location, **both)

    try:
        config = AutoConfig.from_pretrained(location, trust_remote_code=False)
        with torch.random.fork_rng():  # what a folder lacks is drawn: a head, what a decoder looks at its encoder by
            torch.manual_seed(0)
            net = WriterNet(*_model(config, lambda auto: auto.from_pretrained(location, **safe), pair=pair))
        tokenizer = tokenizer_of(location)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise ModelError(f"{location!r} cannot be loaded as a writer: {str(problem).splitlines()[0]}") from None
    net.model.generation_config = type(net.model.generation_config)()  # how it writes is ours to say
    return net, tokenizer


def drawn(location: str) -> tuple[WriterNet, Any]:
    """The same without weights, of its configuration alone; no tokenizer where none is at hand."""
    from transformers import AutoConfig

    from autogpt.backbones._writing import WriterNet

    config = AutoConfig.from_pretrained(location, trust_remote_code=False)
    net = WriterNet(*_model(config, lambda auto: auto.from_config(config), pair=lambda: _pair_of(config)))
    known = any((Path(location) / name).is_file() for name in ("tokenizer.json", "vocab.txt"))
    return net, tokenizer_of(location) if known else None


def _model(config: Any, load: Load, *, pair: Callable[[], Any]) -> tuple[Any, ...]:
    """What `WriterNet` takes: a model with its head over the vocabulary, its kind, and the names of what is new in it.

    `pair()` makes a model of an encoder alone.
    """
    import transformers

    family = family_of(config)
    if family != "encoder":
        return load(getattr(transformers, f"AutoModelFor{FAMILIES[family]}")), family
    if type(config) not in transformers.MODEL_FOR_CAUSAL_LM_MAPPING:
        raise ModelError(f"transformers has no model of the kind {config.model_type!r} that writes; name another one")
    both = pair()
    return both, "encoder-decoder", _crossing(both.decoder)


def _crossing(decoder: Any) -> tuple[str, ...]:
    """What modules are called by which a decoder looks at its encoder."""
    parts = (part for name, _ in decoder.named_modules() for part in name.split("."))
    return tuple(sorted({part for part in parts if "cross" in part.lower()}))


def _pair_of(config: Any) -> Any:
    """What `_loaded` makes of an encoder, without its weights."""
    from transformers import EncoderDecoderConfig, EncoderDecoderModel

    return EncoderDecoderModel(EncoderDecoderConfig.from_encoder_decoder_configs(config, copy.deepcopy(config)))
