"""Language models that read: encoders, decoders, and the encoders of encoder-decoders, never known by name.

What is trained and scored are states of the last layer, whatever stack of layers made them (see `_loading`). The
sentence vector is their mean, of decoders too, unless the folder says otherwise (embedding models made of decoders
declare the last token, the one that has seen all): of the small ones that were measured, frozen means tell topics far
better. A tag of a decoder's token is told by what stands before it alone.

Saved folders need nothing of ours to be used: sequence heads are sentence-transformers folders whose last module is
the head, so `SentenceTransformer(folder).encode(texts)` gives the logits; heads on tokens are transformers' own
token-classification and question-answering folders. Where transformers has no such head, or sentence-transformers would
read with a decoder (BART), the folder is the plain model, and the head stands beside it in `head.safetensors`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from autogpt import memory
from autogpt.backbones import _adapters, _loading, _multilingual, _pretrained, _readings
from autogpt.backbones._loading import Shape
from autogpt.backbones._pieces import Piece, blank_rows, filled, gather, tensors, tokens_at_once
from autogpt.core import Inputs, LabelSpace, Making, Output
from autogpt.errors import ConfigError
from autogpt.runtime import Runtime, detect

if TYPE_CHECKING:
    import torch

    from autogpt.backbones._activations import Cache
    from autogpt.backbones._cloze import Filler
    from autogpt.backbones._network import Net
    from autogpt.backbones._training import EncoderTraining
    from autogpt.backbones._trunk import Trunk
    from autogpt.core import Array, Example, Scores

DEFAULT_MAX_LENGTH = 256
KEPT_SHARE = 0.4
"""Of the room that there is, at most, goes into activations that are kept; training itself needs the rest."""


class Encoder:
    """See `core.Scorer`. One body with one head; also the door to frozen features and to the training loop."""

    family = "encoder"
    embedded = _pretrained.EMBEDDED
    trains = frozenset({"classes", "path", "labels", "value", "tokens", "ranking", "choices", "span"})

    def __init__(self, net: Net, tokenizer: Any, *, source: _pretrained.Source, shape: Shape, runtime: Runtime) -> None:
        self.net, self.tokenizer, self.source, self.shape, self.runtime = net, tokenizer, source, shape, runtime
        self.room = _loading.positions(net, tokenizer)  # tokens that it can read at most
        self.max_length = min(
            _pretrained.sentence_settings(source.location)["max_length"] or DEFAULT_MAX_LENGTH, self.room
        )
        self.adapter: str | None = None  # the kind of parts that the body has beside its weights (`_adapters`)
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
        """A pretrained body with a new head of zeros; `name` is a folder, a Hub name, or None for the embedded one.

        `like` are the inputs of some row: all rows will be read in the way that fits it (None: one text). `making` is
        for families that can be made from nothing.
        """
        shape = Shape(output, size, reading=_readings.of(like).name if like is not None else "text", labels=labels)
        source = _pretrained.resolve(name, revision=revision, offline=offline)
        net = _loading.net(source.location, shape)
        tokenizer = _loading.tokenizer(source.location, net.reading)
        encoder = cls(net, tokenizer, source=source, shape=shape, runtime=runtime)
        encoder.set_head(np.zeros((size, encoder.width)), np.zeros(size))
        return encoder._placed()

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
        shape: Any = None,
    ) -> Encoder:
        """The encoder as `open` would give it, without weights; only inside `rehearsal()` (see `_sketch`).

        `shape` is for families that can be made from nothing. Of a Hub name nothing but its configuration is fetched.
        """
        from autogpt.backbones._sketch import Sketch

        source = _pretrained.described(name, revision=revision, offline=offline)
        return Sketch.draw(source, Shape(output, size, reading=_readings.of(like).name))

    @staticmethod
    def rehearsal() -> AbstractContextManager[None]:
        """Inside, tensors have shapes and no bytes: nothing is computed."""
        from autogpt.backbones._sketch import drawing

        return drawing()

    @staticmethod
    def weight_bytes(name: str | None) -> int | None:
        """Bytes of the weights that lie on this machine under a folder's name or None; None where they do not."""
        return _pretrained.weight_bytes(name)

    @staticmethod
    def card(name: str | None) -> str:
        """The model card that lies on this machine under a folder's name or None; empty where there is none."""
        return _pretrained.card(name)

    @staticmethod
    def missing_default() -> str | None:
        """Why there is no encoder when none is named; None when there is one."""
        if _pretrained.embedded_folder() is None:
            return "none is named, and the embedded one is not installed (pip install 'autogpt[offline]')"
        return None

    @staticmethod
    def suited(languages: Mapping[str, float], seconds: float) -> str | None:
        """The embedded encoder for texts in these languages, where it is another than the default one and can be
        had within so many seconds."""
        return _multilingual.NAME if _multilingual.suits(languages, seconds) else None

    def _placed(self) -> Self:
        self.net.to(self.runtime.device)
        self.net.eval()
        return self

    @property
    def layer_count(self) -> int:
        body: Any = self.net.body
        return int(body.config.num_hidden_layers)

    @property
    def kind(self) -> str:
        """`encoder`, `decoder`, or `encoder-decoder` (of which the encoder reads)."""
        return self.net.kind

    def linear_layers(self) -> dict[str, tuple[int, int]]:
        """The body's linear layers by name, with the numbers of their inputs and outputs."""
        from autogpt.backbones._network import linear_layers

        return linear_layers(self.net.body)

    @property
    def unread(self) -> str | None:
        """A pattern of the body's modules that the head never reads; None where it reads them all."""
        from autogpt.backbones._network import unread

        return unread(self.net.body)

    @property
    def fresh(self) -> list[str] | None:
        """Names of the body's modules that no pretraining has seen, which train whole beside adapters: none."""
        return None

    def layers(self) -> Any:
        """The body's transformer layers, from the lowest to the highest."""
        from autogpt.backbones._network import layers

        return layers(self.net.body, self.layer_count)

    @property
    def width(self) -> int:
        """Features that the head reads."""
        return int(self.net.head.in_features)

    @property
    def free(self) -> Array | None:
        """Directions [K, width] of features that tell the likeness of two texts untrained: sum |u - v|, sum u * v."""
        parts = self.net.reading.parts
        if self.net.reading.name not in ("pair", "joint", "choices"):
            return None
        own = self.width // parts  # |u - v| and u * v are the last two parts
        return np.kron(np.eye(parts)[-2:], np.full((1, own), own**-0.5))

    @property
    def cut(self) -> int:
        """Texts that were longer than `max_length` tokens."""
        return len(self._cut)

    def pieces(self, inputs: Sequence[Inputs]) -> list[Piece]:
        """Token ids of rows; a text that is cut at `max_length` is counted once, however often it is read.

        InputError: a row lacks what the model reads.
        """
        if not inputs:
            return []
        reading = self.net.reading
        _readings.check(reading, inputs)
        found, cut = reading.pieces(self.tokenizer, inputs, self.max_length, causal=self.net.kind == "decoder")
        self._cut.update(map(hash, cut))
        return [filled(piece, self._pad_id) for piece in found]

    def score(self, inputs: Sequence[Inputs], *, batch_rows: int = 256) -> Scores:
        return self._rows(inputs, self.net, batch_rows=batch_rows, empty_row=self.net.blank)

    def raw(self, inputs: Sequence[Inputs]) -> Scores:
        """Numbers that are the same if and only if the model is (nothing is decided on the way to them): the scores."""
        return self.score(inputs)

    def features(self, inputs: Sequence[Inputs], *, batch_rows: int = 256, exact: bool = False) -> Scores:
        """What the head reads: [N, D], or a list of [T_i, D] for tokens, of [K_i, D] for candidates.

        Read in bf16 where that is faster, unless they are wanted `exact`; `score`, which is tested and served, and
        `activations` are in float32 everywhere.
        """
        with nullcontext() if exact else self.runtime.autocast():
            return self._rows(inputs, self.net.features, batch_rows=batch_rows, empty_row=None)

    def spell(self, texts: Sequence[str]) -> tuple[int, int]:
        """Tokens of some texts, uncut and without the tokenizer's own, and those of them that stand for the unknown."""
        ids = [token for row in self.tokenizer(list(texts), add_special_tokens=False)["input_ids"] for token in row]
        return len(ids), ids.count(self.tokenizer.unk_token_id)

    def set_head(self, weight: Array, bias: Array) -> None:
        """Head weights [C, D] and bias [C]."""
        import torch

        with torch.no_grad():
            self.net.head.weight.copy_(torch.as_tensor(weight))
            self.net.head.bias.copy_(torch.as_tensor(bias))

    def activations(self, pieces: Sequence[Piece], boundary: int) -> Cache:
        """Hidden states after layer `boundary` of every piece, float32; later layers are not run."""
        from autogpt.backbones import _activations

        read = lambda places: self.net.features(tensors([pieces[i] for i in places], self._pad_id, self.runtime.device))  # noqa: E731
        most = tokens_at_once(pieces, read, runtime=self.runtime, module=self.net)
        reading: dict[str, Any] = {"pad_id": self._pad_id, "device": self.runtime.device, "tokens": most}
        return _activations.fill(self.net, pieces, boundary=boundary, count=self.layer_count, **reading)

    def _has_room(self, pieces: Sequence[Piece]) -> bool:
        """Whether activations of these pieces can be kept in memory beside what training takes; says so if not."""
        states = sum(len(piece.ids) + (len(piece.pair) if piece.pair is not None else 0) for piece in pieces)
        body: Any = self.net.body
        taken, room = 4 * int(body.config.hidden_size) * states, self.runtime.memory.room()
        if taken <= KEPT_SHARE * room.bytes:
            return True
        self.runtime.memory.tell(
            f"frozen layers run in every step: to keep what they give of {len(pieces):,} rows would take "
            f"{memory.size(taken)}, and {memory.size(room.bytes)} may be used ({room.bound})"
        )
        return False

    def training(
        self,
        examples: Sequence[Example],
        *,
        output: Output,
        space: LabelSpace,
        class_weight: torch.Tensor | None = None,
        layers: int | None = None,
        embeddings: bool = True,
        dropout: bool = True,
        cache: bool = True,
    ) -> EncoderTraining:
        """This encoder as the training loop sees it: the top `layers` train (None: all, embeddings if asked).

        Layers below are run once and their outputs kept when `cache` is on.
        """
        from autogpt.backbones._training import EncoderTraining, Freezing, freeze

        pieces = self.pieces([example.inputs for example in examples])
        training = EncoderTraining(
            self.net,
            pieces=pieces,
            sizes=[self.net.reading.size(example.inputs) for example in examples],
            targets=output.encode([example.target for example in examples], space),
            weights=[example.weight for example in examples],
            output=output,
            class_weight=class_weight,
            pad_id=self._pad_id,
            runtime=self.runtime,
        )
        boundary = freeze(self.net, self.layers, Freezing(layers=layers, embeddings=embeddings, dropout=dropout))
        if boundary and cache and self._has_room(pieces):
            training.use(self.activations(pieces, boundary))
        return training

    def read_together(self) -> bool:
        """From now on read the two texts of a row as one sequence, under a new head of zeros; False: rows have one."""
        from autogpt.backbones._network import PooledNet

        if self.shape.reading != "pair" or not isinstance(self.net, PooledNet):
            return False
        self.shape = replace(self.shape, reading="joint")
        self.net.replace_reading(_readings.get("joint"))
        self.set_head(np.zeros((self.shape.size, self.width)), np.zeros(self.shape.size))
        self._placed()
        return True

    def read_gap(self, template: str) -> Filler:
        """From now on read rows in a template with a gap, under a new head of zeros on what the model's own masked-word
        head reads there; returned is what it would fill in. ConfigError: the model has no such head."""
        from autogpt.backbones._cloze import Filler

        self._to_gap(template)
        return Filler(self)

    def _to_gap(self, template: str) -> None:
        from autogpt.backbones._cloze import OTHERS

        if self.shape.reading not in ("text", "pair", "cloze"):
            raise ConfigError(f"a gap is for rows of one text or two, not for {self.shape.reading!r}; {OTHERS}")
        if self.shape.reading != "cloze":
            self.shape = replace(self.shape, reading="cloze", template=template)
            self.net = self._made(self.shape)
        self.shape = replace(self.shape, template=template)
        self.net.reading = _readings.get("cloze", template)
        self.set_head(np.zeros((self.shape.size, self.width)), np.zeros(self.shape.size))
        self._placed()

    def at_gap(self, template: str, rows: Sequence[Inputs]) -> Array:
        """What the masked-word head reads [N, D] in any template, whose fields the rows have."""
        kept, self.net.reading = self.net.reading, _readings.get("cloze", template)
        try:
            return np.asarray(self.features(rows, exact=True))
        finally:
            self.net.reading = kept

    def _made(self, shape: Shape) -> Net:
        """A net of the pretrained weights."""
        return _loading.net(self.source.location, shape)

    def take_mean(self, others: Sequence[Encoder]) -> None:
        """The mean of the weights of encoders that were tuned from the same ones, of which it may be one, in place of
        its own: "Model soups" (Wortsman et al. 2022)."""
        import torch

        tables = [dict(one.net.named_parameters()) for one in others]
        with torch.no_grad():
            for name, own in self.net.named_parameters():
                own.copy_(torch.stack([table[name] for table in tables]).mean(dim=0))

    def replace_body(self, change: Callable[[Any], Any]) -> None:
        """Put `change(body)` in the body's place (adapters are attached and merged this way)."""
        self.net.replace_body(change(self.net.body))
        self._placed()

    def attach(self, kind: str, **settings: Any) -> Any:
        """Give the body parts of an `_adapters` kind, which are saved beside its weights; all else of it is frozen.

        Returned is the module that has them.
        """
        self.adapter = kind
        self.replace_body(lambda body: _adapters.get(kind).attach(body, **settings))
        self.max_length = min(self.max_length, self.room - _adapters.get(kind).positions(self.net.body))
        return self.net.body

    @staticmethod
    def trunk(encoders: Mapping[str, Encoder]) -> Trunk:
        """Encoders of several tasks on one body, the first one's."""
        from autogpt.backbones._trunk import Trunk

        return Trunk(encoders)

    @staticmethod
    def load_trunk(folder: Path, names: Sequence[str], *, runtime: Runtime | None = None) -> Trunk:
        """What `Trunk.save` wrote in `folder`, for the tasks with these names."""
        from autogpt.backbones._trunk import Trunk

        return Trunk.load(folder, names, runtime=runtime)

    def settle(self, folder: Path) -> None:
        """Save the body's parts alone and take them as they were saved: what is served is what was tested."""
        if self.adapter is not None:
            kind = _adapters.get(self.adapter)
            kind.save(self.net.body, folder)
            with kind.removed(self.net.body) as plain:
                bare = plain
            self.replace_body(lambda _: kind.load(bare, folder))

    def save(self, folder: Path) -> None:
        from autogpt.backbones import _folder

        folder.mkdir(parents=True, exist_ok=True)
        _folder.save(self, folder)

    @classmethod
    def load(cls, folder: Path, *, runtime: Runtime | None = None) -> Self:
        from autogpt.backbones import _folder

        described = _folder.describe(folder)
        shape = Shape(**{**described["shape"], "labels": tuple(described["shape"].get("labels", ()))})
        net = _loading.net(str(folder), shape)
        adapter = described.get("adapter")
        _folder.load_head(net, folder, apart=adapter is not None)
        source = _pretrained.Source(**described["source"])
        loaded = cls(
            net, _loading.tokenizer(str(folder), net.reading), source=source, shape=shape, runtime=runtime or detect()
        )
        loaded.max_length = int(described["max_length"])
        if adapter is not None:
            loaded.adapter = adapter
            loaded.replace_body(lambda body: _adapters.get(adapter).load(body, folder / _folder.ADAPTER))
        return loaded._placed()

    @property
    def _pad_id(self) -> int:
        return int(self.tokenizer.pad_token_id or 0)

    def _rows(
        self, inputs: Sequence[Inputs], function: Callable[[Any], Any], *, batch_rows: int, empty_row: Any
    ) -> Scores:
        """`function` of length-sorted batches; rows of tokens or candidates give a row of numbers for each of them."""
        pieces = self.pieces(inputs)
        width = int(self.net.head.out_features if empty_row is not None else self.width)
        rows = blank_rows(width, [self.net.reading.size(row) for row in inputs], empty_row)
        self.net.eval()
        read = lambda places: function(tensors([pieces[i] for i in places], self._pad_id, self.runtime.device))  # noqa: E731
        gather(rows, pieces, read, runtime=self.runtime, module=self.net, batch_rows=batch_rows)
        return rows


plugin = Encoder
