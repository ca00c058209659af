"""A whole language model of any family with its tokenizer, as training on texts alone sees it."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.backbones import _pretrained, _scratch
from autogpt.blocks import Objective, OfVectors, Signs
from autogpt.errors import ModelError

if TYPE_CHECKING:
    from autogpt.config import Scratch
    from autogpt.core import Array

FAMILIES = {"encoder": "MaskedLM", "decoder": "CausalLM", "encoder-decoder": "Seq2SeqLM"}
"""What transformers calls the model with a head over the vocabulary."""
SENTINELS = 100


@dataclass(slots=True)
class LanguageModel:
    """`model` is transformers' own, `family` one of `FAMILIES`; `headless`: its head over the vocabulary is new,
    because the folder has none (as those of sentence encoders), and knows nothing yet."""

    model: Any
    tokenizer: Any
    family: str
    source: _pretrained.Source
    headless: bool = False
    original: Any = None
    """The body as it was before any training, frozen, once somebody has asked for it (`keep_original`)."""
    parts: dict[str, Any] = field(default_factory=dict)
    """What objectives have beside the model, by their names, and which of it `begun` to know anything: never saved."""
    begun: set[str] = field(default_factory=set)
    pieces: dict[int, list[int]] = field(default_factory=dict)
    """Of new words (`extend`), the tokens that they were before."""

    @classmethod
    def made(cls, texts: Sequence[str], shape: Scratch, *, seed: int) -> LanguageModel:
        """From nothing: a tokenizer of these texts, and random weights."""
        tokenizer = _scratch.tokenizer(texts, shape.vocabulary)
        model = _scratch.model(shape, len(tokenizer), seed=seed)
        return cls(model, tokenizer, shape.family, _pretrained.Source(_scratch.NAME, "", f"seed {seed}"))

    @classmethod
    def loaded(cls, name: str, *, revision: str | None, offline: bool) -> LanguageModel:
        """By folder or Hub name; the family is what transformers has a model for. ModelError: it has none."""
        import torch
        import transformers
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()
        transformers_logging.set_verbosity_error()
        source = _pretrained.resolve(name, revision=revision, offline=offline)
        safe: dict[str, Any] = {"dtype": torch.float32, "use_safetensors": True, "trust_remote_code": False}
        try:
            config = transformers.AutoConfig.from_pretrained(source.location, trust_remote_code=False)
            family = family_of(config)
            auto = getattr(transformers, f"AutoModelFor{FAMILIES[family]}")
            model, loading = auto.from_pretrained(source.location, output_loading_info=True, **safe)
            tokenizer = tokenizer_of(source.location)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
            raise ModelError(f"{name!r} cannot be trained on texts: {str(problem).splitlines()[0]}") from None
        body = f"{model.base_model_prefix}."
        headless = any(not name.startswith(body) for name in loading["missing_keys"])
        return cls(model, tokenizer, family, source, headless)

    def keep_original(self) -> Any:
        """`original`; the first who asks has it made, so ask before anything trains."""
        if self.original is None:
            self.original = copy.deepcopy(self.model.base_model).eval().requires_grad_(False)
        return self.original

    def part(self, objective: OfVectors, seed: int) -> Any:
        """What an objective has beside the model; made at the first call."""
        import torch

        if objective.name not in self.parts:
            words = self.model.get_input_embeddings().weight
            with torch.inference_mode(mode=False), torch.random.fork_rng():
                torch.manual_seed(seed)
                made = objective.part(words.shape[1], words.shape[0])
            self.parts[objective.name] = made if made is None else made.to(words.device)
        return self.parts[objective.name]

    def lacks(self, objective: Objective, seed: int) -> bool:
        """Whether what the objective needs beside the body is new, and knows nothing yet."""
        if isinstance(objective, OfVectors):
            return self.part(objective, seed) is not None and objective.name not in self.begun
        return self.headless

    def learned(self, objective: Objective) -> None:
        """What it needs knows something from now on."""
        if isinstance(objective, OfVectors):
            self.begun.add(objective.name)
        else:
            self.headless = False

    def adopt(self, body: Any) -> None:
        """Have somebody else's body in the place of the own one; a tied head is tied to its word embeddings."""
        setattr(self.model, self.model.base_model_prefix, body)
        head, words = self.model.get_output_embeddings(), body.get_input_embeddings().weight
        if head is not None and getattr(self.model.config, "tie_word_embeddings", False):
            head.weight = words

    def extend(self, words: Sequence[str]) -> None:
        """Give words tokens of their own, whose embedding is the mean of those of the tokens that they were before.

        They are found where they stand alone. `original`, who knows nothing of them, is kept as it is.
        """
        import torch
        from tokenizers import AddedToken

        self.keep_original()
        ids = self.tokenizer([f" {word}" for word in words], add_special_tokens=False)["input_ids"]
        spaced = any(len(row) for row in self.tokenizer([" "], add_special_tokens=False)["input_ids"])
        told = {"single_word": True, "normalized": True, "lstrip": spaced}  # else a space is a token before each
        self.tokenizer.add_tokens([AddedToken(word, **told) for word in words])
        size = max(len(self.tokenizer), int(self.model.get_input_embeddings().weight.shape[0]))
        self.model.resize_token_embeddings(size, mean_resizing=False)
        places = [self.tokenizer.convert_tokens_to_ids(word) for word in words]
        head = self.model.get_output_embeddings()
        rows = [self.model.get_input_embeddings().weight, *([] if head is None else [head.weight])]
        rows += [] if head is None or head.bias is None else [head.bias]
        with torch.no_grad():
            for place, old in zip(places, ids, strict=True):
                for table in {id(one): one for one in rows}.values():  # tied ones once
                    table[place] = table[old].mean(dim=0)
        self.pieces = dict(zip(places, ids, strict=True))

    def plain(self, block: Array) -> Array:
        """A block without the new words: with the tokens that they were before, as far as there are positions."""
        if not self.pieces:
            return block
        parts = [self.pieces.get(token, [token]) for token in block.tolist()]
        return np.array([token for part in parts for token in part][: self.room], dtype=np.int64)

    @property
    def sentence(self) -> dict[str, Any]:
        """How the folder that it came from makes a text's vector (see `_pretrained.sentence_settings`)."""
        return _pretrained.sentence_settings(self.source.location)

    @property
    def room(self) -> int:
        """Tokens that there are positions for."""
        known = getattr(self.model.config, "max_position_embeddings", None)
        usable = int(known or 1 << 20)
        return usable - 2 if known and known % 8 == 2 else usable  # RoBERTa's begin after the padding id

    def signs(self) -> Signs:
        """What an objective has to know of the tokenizer."""
        tokenizer, size = self.tokenizer, int(self.model.get_input_embeddings().weight.shape[0])
        known = [tokenizer.convert_tokens_to_ids(f"<extra_id_{place}>") for place in range(SENTINELS)]
        own = [sign for sign in known if sign is not None and sign != tokenizer.unk_token_id]
        sentinels = own or list(range(len(tokenizer) - 1, len(tokenizer) - 1 - SENTINELS, -1))
        start = getattr(self.model.config, "decoder_start_token_id", None)
        pad = int(tokenizer.pad_token_id or 0)
        end = tokenizer.eos_token_id if tokenizer.eos_token_id is not None else tokenizer.sep_token_id
        return Signs(
            vocabulary=min(size, len(tokenizer)),
            pad=pad,
            mask=int(tokenizer.mask_token_id if tokenizer.mask_token_id is not None else pad),
            end=int(end if end is not None else pad),
            start=int(start if start is not None else pad),
            first=len(_scratch.SIGNS) if self.source.name == _scratch.NAME else 0,
            special=frozenset(int(one) for one in tokenizer.all_special_ids),
            starts=_starts(tokenizer),
            sentinels=tuple(int(one) for one in sentinels),
        )

    def blocks(self, texts: Sequence[str], size: int) -> list[Array]:
        """Texts as blocks of at most `size` tokens, none of two texts; a text's last block ends with the end sign."""
        size = min(size, self.room)
        begin = [self.tokenizer.bos_token_id] if self.tokenizer.bos_token_id is not None else []
        begin = [self.tokenizer.cls_token_id] if self.family == "encoder" and self.tokenizer.cls_token_id else begin
        end = self.signs().end
        found = []
        for ids in self.tokenizer(list(texts), add_special_tokens=False)["input_ids"] if texts else []:
            step = max(1, size - len(begin) - 1)
            for at in range(0, max(1, len(ids)), step):
                part, last = ids[at : at + step], at + step >= len(ids)
                if part:
                    found.append(np.array([*begin, *part, *([end] if last else [])], dtype=np.int64))
        return found

    def groups(self, whole: Any = None) -> list[dict[str, Any]]:
        """Parameter groups for the optimizer (see `core.Trainable`), of a module that has the model in it."""
        from autogpt.backbones._training import groups

        head, begun = self.model.get_output_embeddings(), self.source.name != _scratch.NAME
        return groups(whole or self.model, head, lambda name: 1.0, begun=begun)

    def save(self, folder: Path, facts: dict[str, Any]) -> None:
        """An ordinary folder of transformers', and `pretraining.json` with what was done. One that came from a folder
        of sentence-transformers is such a folder again; a head that knows nothing is left out."""
        folder.mkdir(parents=True, exist_ok=True)
        _pretrained.copy_sentence_settings(self.source.location, folder)
        self.tokenizer.save_pretrained(folder)
        (self.model.base_model if self.headless else self.model).save_pretrained(folder)
        document = {"source": asdict(self.source), **facts}
        (folder / "pretraining.json").write_text(json.dumps(document, indent=1, ensure_ascii=False), "utf-8")


def family_of(config: Any) -> str:
    """What a configuration has a model with a head over the vocabulary for: both sides, hidden words, or the next."""
    import transformers

    mappings = {
        "encoder-decoder": transformers.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING,
        "encoder": transformers.MODEL_FOR_MASKED_LM_MAPPING,
        "decoder": transformers.MODEL_FOR_CAUSAL_LM_MAPPING,
    }
    for family, mapping in mappings.items():
        if type(config) in mapping:
            return family
    raise ModelError(f"transformers has no language model of the kind {config.model_type!r}; name another one")


def tokenizer_of(location: str) -> Any:
    """The tokenizer of a folder, with a token to pad with."""
    from transformers import AutoTokenizer

    found = AutoTokenizer.from_pretrained(location, trust_remote_code=False)
    if found.pad_token is None:
        found.pad_token = found.eos_token or found.unk_token
    return found


def _starts(tokenizer: Any) -> Array | None:
    """Tokens that begin a word: those without "##"; those with the sign for a space, and what is no letter."""
    tokens = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    if any(token.startswith("##") for token in tokens if token):
        return np.array([place for place, token in enumerate(tokens) if token and not token.startswith("##")])
    spaced = [place for place, token in enumerate(tokens) if token and token[0] in "Ġ▁"]
    if not spaced:
        return None
    alone = [place for place, token in enumerate(tokens) if token and not token[0].isalpha()]
    added = [int(place) for place in tokenizer.get_added_vocab().values()]  # new words stand alone
    return np.array(sorted({*spaced, *alone, *added}))
