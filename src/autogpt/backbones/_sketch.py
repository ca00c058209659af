"""An encoder without weights: all shapes of one, made of its configuration alone, to rehearse what it would take.

It stands in torch's `FakeTensorMode`: tensors have a shape and a device but no bytes, every operation is dispatched as
on the real device, and nothing is computed. So it costs no memory, and what a body of any family would need is counted
instead of being put into a formula.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from autogpt.backbones import _loading, _pretrained, _readings
from autogpt.backbones._loading import Shape
from autogpt.backbones._pieces import blank_rows
from autogpt.backbones.encoder import Encoder
from autogpt.core import Inputs
from autogpt.errors import ModelError
from autogpt.runtime import Runtime

if TYPE_CHECKING:
    from autogpt.backbones._network import Net
    from autogpt.backbones._training import EncoderTraining
    from autogpt.core import Array, Scores


class Sketch(Encoder):
    """See `Encoder`. Scores and features are zeros, and nothing is kept of what frozen layers give."""

    @classmethod
    def draw(cls, source: _pretrained.Source, shape: Shape) -> Self:
        """Only inside `drawing()`. Without a tokenizer at hand every word is a token."""
        net = _drawn(source, shape)
        known = any((Path(source.location) / name).is_file() for name in ("tokenizer.json", "vocab.txt"))
        tokenizer = _loading.tokenizer(source.location, net.reading) if known else _words()
        drawn = cls(net, tokenizer, source=source, shape=shape, runtime=Runtime())
        drawn.set_head(np.zeros((shape.size, drawn.width)), np.zeros(shape.size))
        return drawn._placed()

    def _placed(self) -> Self:
        self.net.eval()
        return self

    def _made(self, shape: Shape) -> Net:
        return _drawn(self.source, shape)

    def read_gap(self, template: str) -> Any:
        self._to_gap(template)
        return _Nothing(self)

    def training(self, examples: Any, **options: Any) -> EncoderTraining:
        return super().training(examples, **{**options, "cache": False})

    def _rows(
        self, inputs: Sequence[Inputs], function: Callable[[Any], Any], *, batch_rows: int, empty_row: Any
    ) -> Scores:
        width = int(self.net.head.out_features if empty_row is not None else self.width)
        return blank_rows(width, [_readings.of(row).size(row) for row in inputs])


def _drawn(source: _pretrained.Source, shape: Shape) -> Net:
    from transformers import AutoConfig
    from transformers.initialization import no_init_weights

    def load(
        auto: Any, *, ignore_mismatched_sizes: bool = False, output_loading_info: bool = False, **more: Any
    ) -> Any:
        made = auto.from_config(AutoConfig.from_pretrained(source.location, trust_remote_code=False, **more))
        made.tie_weights()  # left out where weights are not drawn; T5's embeddings would count twice
        return (made, {"missing_keys": ()}) if output_loading_info else made

    try:
        config = AutoConfig.from_pretrained(source.location, trust_remote_code=False)
        with no_init_weights():
            return _loading.assemble(config, load, source.location, shape)
    except (OSError, ValueError, KeyError, AttributeError) as problem:
        raise ModelError(
            f"{source.name!r} cannot be used as an encoder: {str(problem).splitlines()[0]}; name one of BERT's kin"
        ) from None


class _Nothing:
    """`prompting.Filler` of zeros."""

    tokens = ("word",) * 8

    def __init__(self, encoder: Sketch) -> None:
        self._encoder = encoder

    def states(self, template: str, rows: Sequence[Inputs]) -> Array:
        return np.zeros((len(rows), self._encoder.width), dtype=np.float32)

    def likely(self, template: str, rows: Sequence[Inputs]) -> Array:
        return np.zeros((len(rows), len(self.tokens)), dtype=np.float32)

    def rows_of(self, template: str, words: Mapping[str, Sequence[str]]) -> tuple[Array, Array]:
        return np.zeros((len(words), self._encoder.width), dtype=np.float32), np.zeros(len(words))


@contextmanager
def drawing() -> Iterator[None]:
    """Inside, new tensors have no bytes; modules stay where they are, because there is nothing to be moved."""
    from torch import nn
    from torch._subclasses.fake_tensor import FakeTensorMode

    moved = nn.Module.to
    nn.Module.to = lambda module, *_, **__: module  # type: ignore[method-assign, assignment]
    try:
        with FakeTensorMode(allow_non_fake_inputs=True):
            yield
    finally:
        nn.Module.to = moved  # type: ignore[method-assign]


def _words() -> Any:
    """A tokenizer of words, for a body whose own was not fetched."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    names = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    vocabulary = {name: place for place, name in enumerate((*names.values(), "word"))}
    made = Tokenizer(models.WordLevel(vocabulary, "word"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=1 << 20, **names)
