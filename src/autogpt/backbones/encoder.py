"""Encoders (BERT, RoBERTa, DeBERTa, ModernBERT, MiniLM, ...) through transformers' Auto classes, never by name.

Saved folders need nothing of ours to be used: sequence heads are sentence-transformers folders whose last module is
the head, so `SentenceTransformer(folder).encode(texts)` gives the logits; heads on tokens are transformers' own
token-classification and question-answering folders.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from autogpt.backbones import _adapters, _pretrained, _readings
from autogpt.backbones._pieces import TOKENS_PER_BATCH, Piece, blank_rows, gather, tensors
from autogpt.core import Inputs, LabelSpace, Output
from autogpt.errors import ModelError
from autogpt.runtime import Runtime, detect

if TYPE_CHECKING:
    import torch

    from autogpt.backbones._activations import Cache
    from autogpt.backbones._network import Net
    from autogpt.backbones._training import EncoderTraining
    from autogpt.backbones._trunk import Trunk
    from autogpt.core import Array, Example, Scores

DEFAULT_MAX_LENGTH = 256


@dataclass(frozen=True, slots=True)
class Shape:
    """What is attached to the body: the output kind, the head's columns, and how rows are read (see `_readings`)."""

    output: str
    size: int
    reading: str = "text"
    labels: tuple[str, ...] = ()


class Encoder:
    """See `core.Scorer`. One body with one head; also the door to frozen features and to the training loop."""

    family = "encoder"

    def __init__(self, net: Net, tokenizer: Any, *, source: _pretrained.Source, shape: Shape, runtime: Runtime) -> None:
        self.net, self.tokenizer, self.source, self.shape, self.runtime = net, tokenizer, source, shape, runtime
        self._room = _positions(net, tokenizer)
        self.max_length = min(
            _pretrained.sentence_settings(source.location)["max_length"] or DEFAULT_MAX_LENGTH, self._room
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
    ) -> Self:
        """A pretrained body with a new head of zeros; `name` is a folder, a Hub name, or None for the embedded one.

        `like` are the inputs of some row: all rows will be read in the way that fits it (None: one text).
        """
        shape = Shape(output, size, reading=_readings.of(like).name if like is not None else "text", labels=labels)
        source = _pretrained.resolve(name, revision=revision, offline=offline)
        net, tokenizer = build(source.location, shape), tokenizer_of(source.location)
        encoder = cls(net, tokenizer, source=source, shape=shape, runtime=runtime)
        encoder.set_head(np.zeros((size, encoder.width)), np.zeros(size))
        return encoder._placed()

    @staticmethod
    def missing_default() -> str | None:
        """Why there is no encoder when none is named; None when there is one."""
        if _pretrained.embedded_folder() is None:
            return "none is named, and the embedded one is not installed (pip install 'autogpt[offline]')"
        return None

    def _placed(self) -> Self:
        self.net.to(self.runtime.device)
        self.net.eval()
        return self

    @property
    def layer_count(self) -> int:
        body: Any = self.net.body
        return int(body.config.num_hidden_layers)

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
        if self.net.reading.name not in ("pair", "choices"):
            return None
        own = self.width // parts  # |u - v| and u * v are the last two parts
        return np.kron(np.eye(parts)[-2:], np.full((1, own), own**-0.5))

    @property
    def cut(self) -> int:
        """Texts that were longer than `max_length` tokens."""
        return len(self._cut)

    def pieces(self, inputs: Sequence[Inputs]) -> list[Piece]:
        """Token ids of rows; a text that is cut at `max_length` is counted once, however often it is read."""
        found, cut = self.net.reading.pieces(self.tokenizer, inputs, self.max_length) if inputs else ([], [])
        self._cut.update(map(hash, cut))
        return found

    def score(self, inputs: Sequence[Inputs], *, batch_rows: int = 256) -> Scores:
        return self._rows(inputs, self.net, batch_rows=batch_rows, empty_row=self.net.blank)

    def features(self, inputs: Sequence[Inputs], *, batch_rows: int = 256) -> Scores:
        """What the head reads: [N, D], or a list of [T_i, D] for tokens, of [K_i, D] for candidates.

        Read in bf16 where that is faster; `score`, which is tested and served, is in float32 everywhere.
        """
        with self.runtime.autocast():
            return self._rows(inputs, self.net.features, batch_rows=batch_rows, empty_row=None)

    def unknown_share(self, inputs: Sequence[Inputs]) -> float:
        """Share of tokens that the tokenizer has no word piece for (0 for byte-level tokenizers)."""
        unknown = self.tokenizer.unk_token_id
        ids = np.concatenate([piece.ids for piece in self.pieces(inputs)]) if inputs else np.zeros(0)
        return float((ids == unknown).mean()) if unknown is not None and len(ids) else 0.0

    def set_head(self, weight: Array, bias: Array) -> None:
        """Head weights [C, D] and bias [C]."""
        import torch

        with torch.no_grad():
            self.net.head.weight.copy_(torch.as_tensor(weight))
            self.net.head.bias.copy_(torch.as_tensor(bias))

    def activations(self, pieces: Sequence[Piece], boundary: int) -> Cache:
        """Hidden states after layer `boundary` of every piece, float32; later layers are not run."""
        from autogpt.backbones import _activations

        reading: dict[str, Any] = {"pad_id": self._pad_id, "device": self.runtime.device, "tokens": TOKENS_PER_BATCH}
        return _activations.fill(self.net, pieces, boundary=boundary, count=self.layer_count, **reading)

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
            device=self.runtime.device,
        )
        boundary = freeze(self.net, self.layer_count, Freezing(layers=layers, embeddings=embeddings, dropout=dropout))
        if boundary and cache:
            training.use(self.activations(pieces, boundary))
        return training

    def replace_body(self, change: Callable[[Any], Any]) -> None:
        """Put `change(body)` in the body's place (adapters are attached and merged this way)."""
        self.net.replace_body(change(self.net.body))
        self._placed()

    def attach(self, kind: str, **settings: Any) -> None:
        """Give the body parts of an `_adapters` kind, which are saved beside its weights; all else of it is frozen."""
        self.adapter = kind
        self.replace_body(lambda body: _adapters.get(kind).attach(body, **settings))
        self.max_length = min(self.max_length, self._room - _adapters.get(kind).positions(self.net.body))

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
        net = build(str(folder), shape)
        adapter = described.get("adapter")
        _folder.load_head(net, folder, apart=adapter is not None)
        source = _pretrained.Source(**described["source"])
        loaded = cls(net, tokenizer_of(str(folder)), source=source, shape=shape, runtime=runtime or detect())
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
        gather(rows, pieces, read, batch_rows=batch_rows)
        return rows


def tokenizer_of(location: str) -> Any:
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(location)
    except (OSError, ValueError, KeyError) as problem:
        raise ModelError(f"{location!r} has no tokenizer that transformers can load: {problem}") from None
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def build(location: str, shape: Shape) -> Net:
    """Body in float32 with a new head; pickled weights and custom code are refused."""
    import torch
    from transformers import AutoModel, AutoModelForQuestionAnswering, AutoModelForTokenClassification
    from transformers.utils import logging as transformers_logging

    from autogpt.backbones._network import PooledNet, SpanNet, TokenNet

    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    options = {"dtype": torch.float32, "use_safetensors": True}
    reading = _readings.get(shape.reading)
    try:
        if shape.output == "span":
            return SpanNet(AutoModelForQuestionAnswering.from_pretrained(location, **options), reading=reading)
        if reading.token_level:
            names = dict(enumerate(shape.labels or [str(i) for i in range(shape.size)]))
            model = AutoModelForTokenClassification.from_pretrained(
                location, num_labels=shape.size, id2label=names, label2id={n: i for i, n in names.items()},
                ignore_mismatched_sizes=True, **options,
            )  # fmt: skip
            return TokenNet(model, shape.size, reading=reading)
        body = AutoModel.from_pretrained(location, **options)
    except (OSError, ValueError, KeyError) as problem:
        raise ModelError(f"{location!r} cannot be loaded as an encoder: {str(problem).splitlines()[0]}") from None
    settings = _pretrained.sentence_settings(location)
    return PooledNet(
        body,
        width=int(body.config.hidden_size),
        size=shape.size,
        pooling=settings["pooling"],
        normalize=settings["normalize"],
        reading=reading,
    )


def _positions(net: Net, tokenizer: Any) -> int:
    """Tokens that positions and tokenizer allow."""
    body: Any = net.body
    most = int(tokenizer.model_max_length if tokenizer.model_max_length < 1 << 20 else 1 << 20)
    positions = int(body.config.to_dict().get("max_position_embeddings") or most)
    # RoBERTa's positions begin after the padding id: two are never usable.
    usable = positions - 2 if positions % 2 == 0 and positions % 8 == 2 else positions
    return min(usable, max(8, most))


plugin = Encoder
