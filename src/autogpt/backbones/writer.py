"""Language models that write: encoder-decoders, decoders, two encoders made into a pair, and ones from scratch.

All come through transformers' Auto classes, by what their configuration can do and never by name. An encoder alone
(BERT) becomes both halves of a pair, whose decoder looks at the encoder by new layers ("Leveraging Pre-trained
Checkpoints for Sequence Generation Tasks", Rothe et al. 2020). Without a name it is made from nothing (see `_scratch`).

A decoder reads a source as its chat template says it, where it has one, and otherwise as the source and a line break; a
dialogue is read by the chat template of any of them (see `_chat`). The same ids are trained and served. Saved is the
folder that transformers loads, and `writer.json` beside it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from autogpt import registry
from autogpt.backbones import _chat, _parts, _pretrained, _scratch, _spelling, _writers
from autogpt.backbones._asking import TARGET_TOKENS, Asking
from autogpt.backbones._constraint import MISSING
from autogpt.backbones._pieces import gather, halves, tensors
from autogpt.config import Scratch
from autogpt.core import Inputs, LabelSpace, Making, Output
from autogpt.errors import ConfigError, ModelError
from autogpt.runtime import Runtime, detect
from autogpt.written import source_of, table

if TYPE_CHECKING:
    from autogpt.backbones._constraint import Constraint
    from autogpt.backbones._writing import Decoding, Pair, WriterNet, WriterTraining
    from autogpt.core import Array, Example, Scores

SLACK = 1.2
"""Texts may become longer than the longest target of training by this factor."""
CHECKED, ACCEPTED = 200, 0.9
"""So many targets are read by a grammar before it is kept to, and so many of them must keep to it themselves."""


class Writer(Asking):
    """See `core.Scorer`. One language model; also the door to its training."""

    family = "writer"
    trains = frozenset({"text"})

    def __init__(
        self, net: WriterNet, tokenizer: Any, *, source: _pretrained.Source, runtime: Runtime, decoding: Decoding
    ) -> None:
        self.net, self.tokenizer, self.source, self.runtime, self.decoding = net, tokenizer, source, runtime, decoding
        self.parts: _parts.Parts | None = None
        self._cut: set[int] = set()
        self._learned: tuple[str | None, list[Any]] | None = None
        self._bound: tuple[str, Constraint] | None = None

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
            texts = making.texts()
            said = [word for word in _chat.WORDS for _ in texts] if _chats(like) else []
            tokenizer = _scratch.tokenizer([*texts, *said], shape.vocabulary)
            net = WriterNet(_scratch.model(shape, len(tokenizer), seed=making.seed), shape.family)
            source = _pretrained.Source(name=_scratch.NAME, location="", revision=f"seed {making.seed}")
        else:
            source = _pretrained.resolve(name, revision=revision, offline=offline)
            net, tokenizer = _writers.loaded(source.location)
            if net.fresh and making is not None:
                tokenizer = _spelling.settled(tokenizer, net.model, making.texts())
        if _chats(like):
            _chat.settle(tokenizer)
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
        if _chats(like):
            _chat.settle(tokenizer)
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
    def suited(languages: Mapping[str, float], seconds: float) -> str | None:
        """None: a writer is made from its own texts, in whatever language."""
        return None

    @staticmethod
    def weight_bytes(name: str | None) -> int | None:
        """Bytes of the weights that lie on this machine under a folder's name; None where they do not."""
        return None if name in (None, _scratch.NAME) else _pretrained.weight_bytes(name)

    @property
    def layer_count(self) -> int:
        return len(self.layers())

    def layers(self) -> Any:
        """See `Encoder.layers`; those of an encoder stand below those of its decoder."""
        return self.net.layers()

    @property
    def unread(self) -> str | None:
        """See `Encoder.unread`; and what is new to a body trains whole, beside adapters."""
        from autogpt.backbones._network import unread

        new = [rf".*\b({'|'.join(self.net.fresh)})\b.*"] if self.net.fresh else []
        return "|".join([*new, *filter(None, [unread(self.net.body)])]) or None

    def linear_layers(self) -> dict[str, tuple[int, int]]:
        """Linear layers by name, with the numbers of their inputs and outputs; without the head, and what is new."""
        from autogpt.backbones._network import linear_layers

        found = linear_layers(self.net.body)
        heads = [name for name, module in self.net.body.named_modules() if module is self.net.head]
        return {n: size for n, size in found.items() if n not in heads and set(n.split(".")).isdisjoint(self.net.fresh)}

    @property
    def fresh(self) -> list[str] | None:
        """Layers that no pretraining has seen, by name; None where there are none.

        Each by itself: of whole blocks PEFT's (IA)3 cannot give the weights back.
        """
        unseen = (name.rpartition(".")[0] for name, _ in self.net.unseen())
        return list(dict.fromkeys(unseen)) or None

    def replace_body(self, change: Callable[[Any], Any]) -> None:
        """Put `change(body)` in the body's place (adapters are attached and merged this way)."""
        self.net.replace_body(change(self.net.body))
        self._placed()

    def attach(self, kind: str, **settings: Any) -> Any:
        """See `Encoder.attach`; what no pretraining has seen trains beside."""
        self.parts = _parts.attach(self.net, kind, settings)
        self._placed()
        return self.parts.module(self.net)

    def settle(self, folder: Path) -> None:
        """See `Encoder.settle`."""
        if self.parts is not None:
            self.parts.settle(self.net, folder)
            self._placed()

    def score(self, inputs: Sequence[Inputs], *, batch_rows: int = 64) -> Scores:
        """A text for each source, as a table of bytes (see `outputs.text`). InputError: a row has no source."""
        from autogpt.backbones._writing import write

        sources = self._sources(inputs)
        told = {**self.signs, "room": self._side, **self._keeping()}
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
                found[place] = table(self.text(ids), likely)
        return found

    def raw(self, inputs: Sequence[Inputs]) -> Scores:
        """See `Encoder.raw`: what each token of a source would have been likely as an answer to it [T, V]."""
        import torch

        from autogpt.backbones._writing import laid

        found = []
        for pair in self.pairs(inputs, [source_of(row) for row in inputs]):
            told, _ = laid([pair], self.kind, start=self._start, pad_id=self._pad_id)
            with torch.inference_mode():
                logits = self.net({name: tensor.to(self.runtime.device) for name, tensor in told.items()})
            found.append(logits[0].float().cpu().numpy())
        return found

    def likelihood(self, inputs: Sequence[Inputs], answers: Sequence[str]) -> list[Array]:
        """The log probability of each token [T] of given answers, their end included: how far they were expected.

        None ([0]) of an answer that is longer than may be written.
        """
        from autogpt.backbones._likelihood import token_likelihoods

        self.net.eval()
        pairs = self.pairs(inputs, answers)
        found = token_likelihoods(self.net, pairs, start=self._start, pad_id=self._pad_id, runtime=self.runtime)
        return [row if pair.size else row[:0] for row, pair in zip(found, pairs, strict=True)]

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
        if self._learned is None:  # the rows to learn from come first
            form = registry.get("formats", space.format) if space.format else None
            grammar = form.grammar([str(example.target) for example in examples]) if form else None
            self._learned = (grammar, [pair.target for pair in pairs[:CHECKED]])
            self.decoding = replace(self.decoding, format=space.format)
        longest = max((len(pair.target) for pair in pairs), default=1)
        if longest * SLACK > self.decoding.most:
            self.decoding = replace(self.decoding, most=min(TARGET_TOKENS, int(longest * SLACK) + 1))
        freeze(self.net, self.layers, Freezing(layers=layers, embeddings=embeddings, dropout=dropout))
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
            begun=self.source.name != _scratch.NAME,
            keep=self._keep,
            grammar=self._learned[0],
        )

    def drawn(self, inputs: Sequence[Inputs], *, seed: int, batch_rows: int = 64) -> list[tuple[str, Pair]]:
        """An answer drawn at random for each source, as likely as the model has it: its text and its ids."""
        from autogpt.backbones._likelihood import drawn

        self.net.eval()
        found = drawn(self.net, self._sources(inputs), self._room, seed=seed, batch_rows=batch_rows, **self.signs)
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

    def _keep(self, on: bool) -> str:
        """Keep to the learned grammar from now on, or no longer. Why that cannot be, empty where it can."""
        grammar, targets = self._learned or (None, [])
        self.decoding = replace(self.decoding, grammar=grammar if on else None)
        if not on or grammar is None:
            return ""
        try:
            accepts = self._constraint().accepts
            share = float(np.mean([accepts(target[:-1].tolist()) for target in targets]))
            problem = "" if share >= ACCEPTED else f"it has only {share:.0%} of the targets, as this tokenizer has them"
        except (ValueError, ImportError) as wrong:
            problem = MISSING if isinstance(wrong, ImportError) else str(wrong)
        if problem:
            self.decoding = replace(self.decoding, grammar=None)
        return problem

    def _keeping(self) -> dict[str, Any]:
        """What `write` is told of the format: the constraint, or, without one, which of several texts are whole."""
        if self.decoding.grammar is not None:
            try:
                return {"constraint": self._constraint()}
            except ImportError:
                logging.getLogger(__name__).warning("texts are not kept to their grammar: %s", MISSING)
            except ValueError as problem:
                raise ModelError(f"this model's texts cannot be kept to their grammar: {problem}") from None
        if self.decoding.format is None:
            return {}
        fault = registry.get("formats", self.decoding.format).fault
        return {"whole": lambda ids: fault(self.text(ids)) is None}

    def _constraint(self) -> Constraint:
        """The grammar that is kept to, over this model's tokens."""
        from autogpt.backbones._constraint import Constraint

        grammar = str(self.decoding.grammar)
        if self._bound is None or self._bound[0] != grammar:
            form, weight = registry.get("formats", str(self.decoding.format)), next(self.net.head.parameters())
            vocabulary = int(weight.shape[0])
            made = Constraint(grammar, self.tokenizer, vocabulary=vocabulary, end=self._end, closing=form.closing)
            self._bound = (grammar, made)
        return self._bound[1]

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.tokenizer.save_pretrained(folder)
        with self.parts.removed(self.net) if self.parts else nullcontext():
            self.net.saved.save_pretrained(folder)
        described: dict[str, Any] = {
            "kind": self.kind,
            "source": asdict(self.source),
            "decoding": asdict(self.decoding),
        }
        if self.instruction:
            described["instruction"] = self.instruction
        if self.parts is not None:
            self.parts.save(self.net, folder / _parts.FOLDER)
            described["parts"] = self.parts.to_dict()
        (folder / "writer.json").write_text(json.dumps(described, indent=1, ensure_ascii=False), "utf-8")

    @classmethod
    def load(cls, folder: Path, *, runtime: Runtime | None = None) -> Self:
        from autogpt.backbones._writing import Decoding

        path = folder / "writer.json"
        if not path.is_file():
            raise ModelError(f"{folder} has no writer.json; it was not saved by autogpt")
        described: Mapping[str, Any] = json.loads(path.read_text("utf-8"))
        net, tokenizer = _writers.loaded(str(folder))
        loaded = cls(
            net,
            tokenizer,
            source=_pretrained.Source(**described["source"]),
            runtime=runtime or detect(),
            decoding=Decoding(**described["decoding"]),
        )
        loaded.instruction = str(described.get("instruction", ""))
        if "parts" in described:
            loaded.parts = _parts.Parts(**described["parts"])
            loaded.parts.load(net, folder / _parts.FOLDER)
        return loaded._placed()

    def _placed(self) -> Self:
        self.net.to(self.runtime.device)
        self.net.eval()
        return self


def _chats(like: Inputs | None) -> bool:
    """Whether rows are dialogues."""
    return like is not None and "messages" in like


plugin = Writer
