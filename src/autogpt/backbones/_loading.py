"""Bodies, heads and tokenizers through transformers' Auto classes; what a family can do is looked up or tried out.

Which mapping of transformers has a configuration tells an encoder-decoder and whether there is a head for tokens; one
forward pass tells the width, and whether a state sees what follows it (a decoder). No family is known by its name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autogpt.backbones import _pretrained, _readings
from autogpt.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from autogpt.backbones._network import Net
    from autogpt.backbones._readings import Reading


@dataclass(frozen=True, slots=True)
class Shape:
    """What is attached to the body: the output kind, the head's columns, and how rows are read (see `_readings`), in
    which template where it is one that has a gap."""

    output: str
    size: int
    reading: str = "text"
    labels: tuple[str, ...] = ()
    template: str = ""


Load = Callable[..., Any]
"""`load(auto, **more)`: a model of a transformers Auto class, with more options of its configuration."""


def net(location: str, shape: Shape) -> Net:
    """Body in float32 with a new head; pickled weights and custom code are refused."""
    import torch
    from transformers import AutoConfig
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    try:
        config = AutoConfig.from_pretrained(location, trust_remote_code=False)
        load = _loader(location, {"dtype": torch.float32, "use_safetensors": True, "trust_remote_code": False})
        return assemble(config, load, location, shape)
    except (OSError, ValueError, KeyError) as problem:
        raise ModelError(f"{location!r} cannot be loaded as an encoder: {str(problem).splitlines()[0]}") from None


def assemble(config: Any, load: Load, location: str, shape: Shape) -> Net:
    """What `load` gives of a body with this configuration, under a new head."""
    from autogpt.backbones._network import PooledNet, SpanNet, StateHead, TokenNet, look

    reading = _readings.get(shape.reading, shape.template)
    found: Net
    if shape.template:
        return _with_gap(config, load, location, shape)
    try:
        model = _with_head(config, shape, reading, load)
        if model is None:
            whole, body = _body(config, load)
            width, _ = look(body)
    except (TypeError, RuntimeError, AttributeError, IndexError) as problem:
        why = str(problem).splitlines()[0]
        raise ModelError(f"{location!r} cannot read a text of token ids ({why}); give a language model") from None
    if model is None and not reading.token_level:
        # Of a part of a model, sentence-transformers knows nothing.
        settings: dict[str, Any] = _pretrained.sentence_settings(location) if whole is body else {}
        found = PooledNet(
            body,
            width=width,
            size=shape.size,
            pooling=settings.get("pooling", "mean"),
            normalize=settings.get("normalize", False),
            reading=reading,
        )
    else:
        headed = StateHead(body, width=width, size=shape.size) if model is None else model
        span = shape.output == "span"
        found = SpanNet(headed, reading=reading) if span else TokenNet(headed, shape.size, reading=reading)
    if model is None:
        found.stands_in(whole)
    causal = look(found.body)[1]
    if causal:
        config_of: Any = found.body.config
        config_of.use_cache = False  # nothing is generated
    found.kind = "encoder-decoder" if _translates(config) else "decoder" if causal else "encoder"
    return found


def _with_gap(config: Any, load: Load, location: str, shape: Shape) -> Net:
    """The body under its own masked-word head. ConfigError: it has none, or one that nobody trained."""
    from transformers import MODEL_FOR_MASKED_LM_MAPPING, AutoModelForMaskedLM

    from autogpt.backbones import _cloze

    if type(config) not in MODEL_FOR_MASKED_LM_MAPPING or _translates(config):
        raise ConfigError(f"{location!r} fills no gaps: it was not made for hidden words; {_cloze.OTHERS}")
    model, info = load(AutoModelForMaskedLM, output_loading_info=True)
    _cloze.check(model, sorted(info["missing_keys"]), location)
    return _cloze.ClozeNet(model, size=shape.size, reading=_readings.get(shape.reading, shape.template))


def _loader(location: str, options: dict[str, Any]) -> Load:
    return lambda auto, **more: auto.from_pretrained(location, **options, **more)


def _translates(config: Any) -> bool:
    """Whether the family is made of an encoder and a decoder."""
    from transformers import MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING

    return type(config) in MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING


def _body(config: Any, load: Load) -> tuple[Any, Any]:
    """What transformers loads and saves, and the part of it that reads: the same, or an encoder beside its decoder."""
    from transformers import MODEL_FOR_TEXT_ENCODING_MAPPING, AutoModel, AutoModelForTextEncoding

    if not _translates(config):
        body = load(AutoModel)
        return body, body
    if type(config) in MODEL_FOR_TEXT_ENCODING_MAPPING:
        body = load(AutoModelForTextEncoding)
        return body, body
    whole = load(AutoModel)
    return whole, whole.get_encoder()


def _with_head(config: Any, shape: Shape, reading: Reading, load: Load) -> Any | None:
    """transformers' own model with a head on every token; None where it has none, or one that reads a decoder."""
    import torch
    from transformers import (
        MODEL_FOR_QUESTION_ANSWERING_MAPPING,
        MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING,
        AutoModelForQuestionAnswering,
        AutoModelForTokenClassification,
    )

    if not reading.token_level:
        return None
    span = shape.output == "span"
    known: Any = MODEL_FOR_QUESTION_ANSWERING_MAPPING if span else MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING
    if type(config) not in known:
        return None
    if _translates(config):
        with torch.device("meta"):
            parts = {name for name, _ in known[type(config)](config).base_model.named_children()}
        if parts >= {"encoder", "decoder"}:
            return None
    if span:
        return load(AutoModelForQuestionAnswering)
    names = dict(enumerate(shape.labels or [str(i) for i in range(shape.size)]))
    labels = {"num_labels": shape.size, "id2label": names, "label2id": {n: i for i, n in names.items()}}
    return load(AutoModelForTokenClassification, ignore_mismatched_sizes=True, **labels)


def tokenizer(location: str, reading: Reading) -> Any:
    """The tokenizer of a folder, padding on the right, with something between two texts that are read as one."""
    from transformers import AutoTokenizer

    try:
        found = AutoTokenizer.from_pretrained(location, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as problem:
        raise ModelError(f"{location!r} has no tokenizer that transformers can load: {problem}") from None
    if not found.is_fast and reading.name not in ("text", "pair"):
        raise ModelError(
            f"the tokenizer of {location!r} cannot tell where its tokens stand, and {reading.name!r} needs it; "
            "give a model with a tokenizer.json"
        )
    if found.pad_token is None:
        found.pad_token = found.eos_token or found.unk_token
    found.padding_side = found.truncation_side = "right"
    if found.is_fast:
        _separate(found)
    return found


def _separate(tokenizer: Any) -> None:
    """Let the end-of-text token (or another special one) stand between two texts where nothing does.

    Decoders were trained on documents in a row with that token between them. It becomes part of the tokenizer, so that
    a saved folder reads as it was trained; one text alone is read as ever.
    """
    from tokenizers.processors import Sequence, TemplateProcessing

    sign = tokenizer.eos_token or tokenizer.sep_token or tokenizer.bos_token
    if sign is None or tokenizer.num_special_tokens_to_add(True) > tokenizer.num_special_tokens_to_add(False):
        return
    between = TemplateProcessing(
        single="$A", pair=f"$A {sign} $B:1", special_tokens=[(sign, tokenizer.convert_tokens_to_ids(sign))]
    )
    backend = tokenizer.backend_tokenizer
    known = backend.post_processor
    backend.post_processor = between if known is None else Sequence([known, between])


def positions(net: Net, tokenizer: Any) -> int:
    """Tokens that positions and tokenizer allow."""
    body: Any = net.body
    most = int(tokenizer.model_max_length if tokenizer.model_max_length < 1 << 20 else 1 << 20)
    named = body.config.attribute_map.get("max_position_embeddings", "max_position_embeddings")
    known = int(body.config.to_dict().get(named) or most)
    # RoBERTa's positions begin after the padding id: two are never usable.
    usable = known - 2 if known % 2 == 0 and known % 8 == 2 else known
    return min(usable, max(8, most))
