"""Language models that write: encoder-decoders, decoders, two encoders made into a pair, and ones from scratch.

All come through transformers' Auto classes, by what their configuration can do and never by name. An encoder alone
(BERT) becomes both halves of a pair, whose decoder looks at the encoder by new layers ("Leveraging Pre-trained
Checkpoints for Sequence Generation Tasks", Rothe et al. 2020). Without a name it is made from nothing (see `_scratch`).

A decoder reads a source as its chat template says it, where it has one, and otherwise as the source and a line break.
The same ids are trained and served. Saved is the folder that transformers loads, and `writer.json` beside it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from autogpt.backbones import _pretrained, _scratch, _writers
from autogpt.backbones._pieces import Piece, gather, halves, tensors
from autogpt.config import Scratch
from autogpt.core import Inputs, LabelSpace, Making, Output
from autogpt.errors import ConfigError, InputError, ModelError
from autogpt.runtime import Runtime, detect
from autogpt.written import table

if TYPE_CHECKING:
    from autogpt.backbones._writing import Decoding, Pair, WriterNet, WriterTraining
    from autogpt.core import Array, Example, Scores

SOURCE_TOKENS, TARGET_TOKENS = 512, 256
"""Of a row, at most; what is cut is counted."""
SLACK = 1.2
"""Texts may become longer than the longest target of training by this factor."""


class Writer:
    """See `core.Scorer`. One language model; also the door to its training."""

    family = "writer"
    trains = frozenset({"text"})
    max_length = SOURCE_TOKENS

    def __init__(
        self, net: WriterNet, tokenizer: Any, *, source: _pretrained.Source, runtime: Runtime, decoding: Decoding
    ) -> None:
        self.net, self.tokenizer, self.source, self.runtime, self.decoding = net, tokenizer, source, runtime, decoding
        self._cut: set[int] = set()

    @classmethod
    def open(
        cls,
        name: str | None,
        *,
        output: str,
        size: int,
        labels: tuple[str, ...] = (),
        like: Inputs | None = None,
        runtime: Runtime,
        revision: str | None = None,
        offline: bool = False,
        making: Making | None = None,
    ) -> Self:
        """A model by folder or Hub name; without one (or named `scratch`) it is made as `making` says."""
        from autogpt.backbones._writing import Decoding, WriterNet

        if name in (None, _scratch.NAME):
            making = making or Making()
            shape = making.shape or Scratch()
            if shape.family == "encoder":
                raise ConfigError("an encoder writes nothing; use --family encoder-decoder or decoder")
            tokenizer = _scratch.tokenizer(making.texts(), shape.vocabulary)
            net = WriterNet(_scratch.model(shape, len(tokenizer), seed=making.seed), shape.family)
            source = _pretrained.Source(name=_scratch.NAME, location="", revision=f"seed {making.seed}")
        else:
            source = _pretrained.resolve(name, revision=revision, offline=offline)
            net, tokenizer = _writers.loaded(source.location)
        return cls(net, tokenizer, source=source, runtime=runtime, decoding=Decoding())._placed()

    @classmethod
    def sketch(
        cls,
        name: str | None,
        *,
        output: str,
        size: int,
        like: Inputs,
        revision: str | None = None,
        offline: bool = False,
        shape: Scratch | None = None,
    ) -> Self:
        """The writer as `open` would give it, without weights; only inside `rehearsal()` (see `_sketch`)."""
        from transformers.initialization import no_init_weights

        from autogpt.backbones._sketch import _words
        from autogpt.backbones._writing import Decoding, WriterNet

        with no_init_weights():
            if name in (None, _scratch.NAME):
                shape, tokenizer = shape or Scratch(), _words()
                size = shape.vocabulary or _scratch.VOCABULARY[1]
                net = WriterNet(_scratch.model(shape, size, seed=0), shape.family)
                source = _pretrained.Source(name=_scratch.NAME, location="", revision="")
            else:
                source = _pretrained.described(name, revision=revision, offline=offline)
                net, found = _writers.drawn(source.location)
                tokenizer = found or _words()
        drawn = cls(net, tokenizer, source=source, runtime=Runtime(), decoding=Decoding())
        drawn.net.eval()
        return drawn

    @staticmethod
    def rehearsal() -> AbstractContextManager[None]:
        """Inside, tensors have shapes and no bytes: nothing is computed."""
        from autogpt.backbones._sketch import drawing

        return drawing()

    @staticmethod
    def card(name: str | None) -> str:
        """The model card that lies on this machine under a folder's name; empty where there is none."""
        return "" if name in (None, _scratch.NAME) else _pretrained.card(name)

    @staticmethod
    def missing_default() -> str | None:
        """A writer can always be had: it is made from nothing."""
        return None

    @staticmethod
    def weight_bytes(name: str | None) -> int | None:
        """Bytes of the weights that lie on this machine under a folder's name; None where they do not."""
        return None if name in (None, _scratch.NAME) else _pretrained.weight_bytes(name)

    @property
    def layer_count(self) -> int:
        config = self.net.model.config
        return int(getattr(config, "decoder", config).num_hidden_layers)

    @property
    def kind(self) -> str:
        """`decoder` or `encoder-decoder`."""
        return self.net.kind

    @property
    def unread(self) -> str | None:
        """See `Encoder.unread`; and what is new to a body trains whole, beside adapters."""
        return rf".*\b({'|'.join(self.net.fresh)})\b.*" if self.net.fresh else None

    def linear_layers(self) -> dict[str, tuple[int, int]]:
        """Linear layers by name, with the numbers of their inputs and outputs; without the head, and what is new."""
        from autogpt.backbones._network import linear_layers

        found = linear_layers(self.net.body)
        heads = [name for name, module in self.net.body.named_modules() if module is self.net.head]
        return {n: size for n, size in found.items() if n not in heads and set(n.split(".")).isdisjoint(self.net.fresh)}

    @property
    def fresh(self) -> list[str] | None:
        """Names of modules that no pretraining has seen; None where there are none."""
        return list(self.net.fresh) or None

    @property
    def cut(self) -> int:
        """Sources that were longer than may be read."""
        return len(self._cut)

    def replace_body(self, change: Callable[[Any], Any]) -> None:
        """Put `change(body)` in the body's place (adapters are attached and merged this way)."""
        self.net.replace_body(change(self.net.body))
        self._placed()

    def score(self, inputs: Sequence[Inputs], *, batch_rows: int = 64) -> Scores:
        """A text for each source, as a table of bytes (see `outputs.text`). InputError: a row has no source."""
        from autogpt.backbones._writing import write

        sources = self._sources(inputs)
        told = {**self.signs, "room": self._side}
        found: list[Any] = [None] * len(sources)
        order = sorted(range(len(sources)), key=lambda place: len(sources[place]))
        waiting = [order[at : at + batch_rows] for at in range(0, len(order), batch_rows)][::-1]
        self.net.eval()
        while waiting:
            places = waiting.pop()
            try:
                written = write(self.net, [sources[place] for place in places], self.decoding, **told)
            except (RuntimeError, MemoryError) as problem:
                waiting += halves(places, problem)
                continue
            for place, (ids, likely) in zip(places, written, strict=True):
                found[place] = table(self.tokenizer.decode(ids, skip_special_tokens=True).strip(), likely)
        return found

    def raw(self, inputs: Sequence[Inputs]) -> Scores:
        """See `Encoder.raw`: what each token of a source would have been likely as an answer to it [T, V]."""
        import torch

        from autogpt.backbones._writing import laid

        found = []
        for pair in self.pairs(inputs, [str(row["source"]) for row in inputs]):
            told, _ = laid([pair], self.kind, start=self._start, pad_id=self._pad_id)
            with torch.inference_mode():
                logits = self.net({name: tensor.to(self.runtime.device) for name, tensor in told.items()})
            found.append(logits[0].float().cpu().numpy())
        return found

    def features(self, inputs: Sequence[Inputs], *, batch_rows: int = 256, exact: bool = False) -> Scores:
        """How sources are read [N, D] (see `WriterNet.features`)."""
        pieces = self.pieces(inputs)
        self.net.eval()
        read = lambda places: self.net.features(tensors([pieces[i] for i in places], self._pad_id, self.runtime.device))  # noqa: E731
        rows: list[Any] = [np.zeros(0)] * len(pieces)
        with nullcontext() if exact else self.runtime.autocast():
            gather(rows, pieces, read, runtime=self.runtime, module=self.net, batch_rows=batch_rows)
        return np.stack(rows) if rows else np.zeros((0, 0))

    @property
    def free(self) -> Array | None:
        """See `core.Features`: nothing is told untrained."""
        return None

    def training(
        self,
        examples: Sequence[Example],
        *,
        output: Output,
        space: LabelSpace,
        class_weight: Any = None,
        layers: int | None = None,
        embeddings: bool = True,
        dropout: bool = True,
        cache: bool = True,
    ) -> WriterTraining:
        """This writer as the training loop sees it. From now on its texts may be a little longer than these targets.

        There are no classes to weigh, and nothing is kept of frozen layers.
        """
        from autogpt.backbones._training import Freezing, freeze
        from autogpt.backbones._writing import WriterTraining

        inputs = [example.inputs for example in examples]
        pairs = self.pairs(inputs, [str(example.target) for example in examples])
        longest = max((len(pair.target) for pair in pairs), default=1)
        if longest * SLACK > self.decoding.most:
            self.decoding = replace(self.decoding, most=min(TARGET_TOKENS, int(longest * SLACK) + 1))
        freeze(self.net, self.layer_count, Freezing(layers=layers, embeddings=embeddings, dropout=dropout))
        return WriterTraining(
            self.net,
            pairs,
            weights=[example.weight for example in examples],
            output=output,
            start=self._start,
            pad_id=self._pad_id,
            runtime=self.runtime,
            score=lambda: self.score(inputs),
            decode=self._follow,
        )

    def drawn(self, inputs: Sequence[Inputs], *, seed: int, batch_rows: int = 64) -> list[tuple[str, Pair]]:
        """An answer drawn at random for each source, as likely as the model has it: its text and its ids."""
        from autogpt.backbones._likelihood import drawn

        self.net.eval()
        found = drawn(
            self.net, self._sources(inputs), self._room, seed=seed, batch_rows=batch_rows, end=self._end,
            pad_id=self._pad_id,
        )  # fmt: skip
        return [(self.text(pair.target), pair) for pair in found]

    def text(self, ids: Any) -> str:
        """What ids say, as an answer is given."""
        said: str = self.tokenizer.decode([int(one) for one in ids], skip_special_tokens=True)
        return said.strip()

    def likely(self, pairs: Sequence[Pair], *, net: WriterNet | None = None) -> Array:
        """Log probability [N] of each target after its source, of this net or another of its shape."""
        from autogpt.backbones._likelihood import log_likelihoods

        asked = net or self.net
        asked.eval()
        return log_likelihoods(asked, pairs, start=self._start, pad_id=self._pad_id, runtime=self.runtime)

    def write_up_to(self, tokens: int) -> int:
        """From now on answers have at most so many tokens, and no more than there is room for; how many that is."""
        self.decoding = replace(self.decoding, most=tokens)
        return self._room

    @property
    def _room(self) -> int:
        """Tokens that an answer may have."""
        return max(1, min(self.decoding.most, self._side))

    def _follow(self, beams: int) -> None:
        self.decoding = replace(self.decoding, beams=beams)

    def pairs(self, inputs: Sequence[Inputs], targets: Sequence[str]) -> list[Pair]:
        """Token ids of sources, and of targets with their end."""
        from autogpt.backbones._writing import Pair

        most = max(1, min(TARGET_TOKENS, self._side) - 1)
        written = self.tokenizer(list(targets), add_special_tokens=False, truncation=True, max_length=most)
        ended = [np.array([*ids, self._end], dtype=np.int64) for ids in written["input_ids"]]
        return [Pair(source, target) for source, target in zip(self._sources(inputs), ended, strict=True)]

    def pieces(self, inputs: Sequence[Inputs]) -> list[Piece]:
        """Sources as pieces (what memory is counted with)."""
        return [Piece(row=place, ids=ids) for place, ids in enumerate(self._sources(inputs))]

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.tokenizer.save_pretrained(folder)
        self.net.saved.save_pretrained(folder)
        described = {"kind": self.kind, "source": asdict(self.source), "decoding": asdict(self.decoding)}
        (folder / "writer.json").write_text(json.dumps(described, indent=1, ensure_ascii=False), "utf-8")

    @classmethod
    def load(cls, folder: Path, *, runtime: Runtime | None = None) -> Self:
        from autogpt.backbones._writing import Decoding

        path = folder / "writer.json"
        if not path.is_file():
            raise ModelError(f"{folder} has no writer.json; it was not saved by autogpt")
        described: Mapping[str, Any] = json.loads(path.read_text("utf-8"))
        net, tokenizer = _writers.loaded(str(folder))
        return cls(
            net,
            tokenizer,
            source=_pretrained.Source(**described["source"]),
            runtime=runtime or detect(),
            decoding=Decoding(**described["decoding"]),
        )._placed()

    def _placed(self) -> Self:
        self.net.to(self.runtime.device)
        self.net.eval()
        return self

    def _sources(self, inputs: Sequence[Inputs]) -> list[Array]:
        """What is read of each row before anything is written."""
        for place, row in enumerate(inputs):
            if not isinstance(row.get("source"), str):
                raise InputError(f"row {place} has no 'source'; this model writes from one")
        texts = [str(row["source"]) for row in inputs]
        most = max(1, min(SOURCE_TOKENS, self._side) - 4 - (len(self._asked("")) if self._templated else 0))
        plain = {"add_special_tokens": self.kind == "encoder-decoder" and self.source.name != _scratch.NAME}
        found = self.tokenizer(texts, **plain)["input_ids"] if texts else []
        self._cut.update(hash(text) for text, ids in zip(texts, found, strict=True) if len(ids) > most)
        if self._templated:  # the template stands around the text and is never cut
            fits = [
                text if len(ids) <= most else self.tokenizer.decode(ids[:most])
                for text, ids in zip(texts, found, strict=True)
            ]
            return [np.asarray(self._asked(text), dtype=np.int64) for text in fits]
        return [np.asarray(self._framed(ids[:most]), dtype=np.int64) for ids in found]

    @property
    def signs(self) -> dict[str, int]:
        """Ids that pad, that end an answer, and that an encoder-decoder is told first."""
        return {"pad_id": self._pad_id, "end": self._end, "start": self._start}

    @property
    def _templated(self) -> bool:
        """Whether the model was taught to be asked in a certain way."""
        return self.kind == "decoder" and bool(getattr(self.tokenizer, "chat_template", None))

    def _asked(self, text: str) -> list[int]:
        """A source as this model was taught to be asked."""
        asked = [{"role": "user", "content": text}]
        told: str = self.tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
        return list(self.tokenizer(told, add_special_tokens=False)["input_ids"])

    def _framed(self, ids: list[int]) -> list[int]:
        """With the sign that divides source and target, where they are read in one row, or the end of the source."""
        if self.kind == "encoder-decoder":
            return ids if ids and ids[-1] == self._end else [*ids, self._end]
        between = self.tokenizer.sep_token_id
        begin = [] if self.tokenizer.bos_token_id is None else [self.tokenizer.bos_token_id]
        line = self.tokenizer("\n", add_special_tokens=False)["input_ids"] if between is None else [between]
        return [*begin, *ids, *line] or [self._pad_id]

    @property
    def _side(self) -> int:
        """Tokens that a source may have, and what is written: a decoder has both in one row."""
        config = self.net.model.config
        sides = [getattr(config, side, None) or config for side in ("encoder", "decoder")]
        known = [getattr(one, "max_position_embeddings", None) or getattr(one, "n_positions", None) for one in sides]
        room = min((int(one) for one in known if one), default=1 << 20)
        return room if self.kind == "encoder-decoder" else room // 2

    @property
    def _pad_id(self) -> int:
        return int(self.tokenizer.pad_token_id or 0)

    @property
    def _end(self) -> int:
        signs = (self.tokenizer.eos_token_id, self.tokenizer.sep_token_id, self._pad_id)
        return int(next(sign for sign in signs if sign is not None))

    @property
    def _start(self) -> int:
        """What an encoder-decoder's decoder is told first."""
        config = self.net.model.config
        signs = (
            getattr(config, "decoder_start_token_id", None),
            self.tokenizer.cls_token_id,
            self.tokenizer.bos_token_id,
        )
        return int(next((sign for sign in signs if sign is not None), self._pad_id))


plugin = Writer
