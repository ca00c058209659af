"""The torch side of a writer: what is read, what is to be written, and how it is written."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from autogpt.backbones._network import _Still
from autogpt.backbones._pieces import pad
from autogpt.core import Batch, Job, Output
from autogpt.errors import ConfigError
from autogpt.runtime import Runtime

if TYPE_CHECKING:
    from autogpt.backbones._constraint import Constraint

Tensors = Mapping[str, torch.Tensor]
IGNORED = -100
READ_ROWS = 8
"""Rows whose targets are read at once."""
BEAMS, BEAM_SECONDS, KEEP_SECONDS = 4, 2 * 4, 2 * 3
"""Beams that are tried, and how many times what the last took must be left for that, and for a grammar."""
SWAPS = 19
"""Draws that a difference must exceed to be more than chance, one time in twenty."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Token ids of a source [S], as the model reads it, and of what is written to it [T], its end included.

    `size`: bytes of the target's text; 0 where it was cut.
    """

    source: Any
    target: Any
    size: int = 0


class WriterNet(_Still):
    """transformers' own language model: an encoder that reads and a decoder that writes, or a decoder that does both.

    `model` has its own head over the vocabulary. An encoder-decoder reads `ids` [B, S] and is told what was written so
    far, `written` [B, T]; a decoder reads both in one row. `fresh` are names of modules that no pretraining has seen.
    """

    def __init__(self, model: Any, kind: str, fresh: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.model, self.kind, self.fresh = model, kind, fresh
        self._keeps = "logits_to_keep" in inspect.signature(model.forward).parameters

    @property
    def body(self) -> Any:
        """The whole model: adapters are put into it, its head included where they want it."""
        return self.model

    @property
    def head(self) -> nn.Module:
        """The layer over the vocabulary (it may be the word embeddings as well)."""
        found: nn.Module = self.model.get_output_embeddings()
        return found

    @property
    def decoder(self) -> Any:
        """The stack of layers that writes, without its head."""
        whole = self.model.get_decoder() if self.kind == "encoder-decoder" else self.model
        return whole.base_model

    def layers(self) -> list[nn.Module]:
        """The layers of transformers, from the lowest to the highest: an encoder's stand below those of its decoder."""
        stacks = [self.model.get_encoder().base_model] if self.kind == "encoder-decoder" else []
        return [layer for stack in (*stacks, self.decoder) for layer in _stack(stack)]

    def unseen(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Parameters that no pretraining has seen, and their names in the body."""
        for name, parameter in self.model.named_parameters():
            if not set(name.split(".")).isdisjoint(self.fresh):
                yield name, parameter

    @property
    def saved(self) -> Any:
        """The model that transformers saves."""
        return self.model

    def replace_body(self, body: Any) -> None:
        self.model = body

    def forward(self, inputs: Tensors) -> torch.Tensor:
        """Logits [B, T, V] for the target's places alone: of a decoder the head never sees all others of a row."""
        told = {"input_ids": inputs["ids"], "attention_mask": inputs["mask"], "use_cache": False}
        if self.kind == "encoder-decoder":
            logits: torch.Tensor = self.model(**told, decoder_input_ids=inputs["written"]).logits
            return logits
        places = inputs["places"].unsqueeze(-1)
        only = self.head.register_forward_pre_hook(lambda _, given: torch.take_along_dim(given[0], places, dim=1))
        try:
            logits = self.model(**told).logits
        finally:
            only.remove()
        return logits

    def features(self, inputs: Tensors) -> torch.Tensor:
        """How a source is read: the mean state of its tokens [B, D]."""
        told: dict[str, Any] = {"input_ids": inputs["ids"], "attention_mask": inputs["mask"]}
        if self.kind == "encoder-decoder":
            states = self.model.get_encoder()(**told).last_hidden_state
        else:
            told |= {"logits_to_keep": 1} if self._keeps else {}
            states = self.model(**told, output_hidden_states=True, use_cache=False).hidden_states[-1]
        weight = inputs["mask"].unsqueeze(-1).to(states.dtype)
        found: torch.Tensor = (states * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)
        return found


def _stack(body: Any) -> nn.ModuleList:
    """The outermost list of modules in a body: its layers, whatever they are called."""
    found = next((module for module in body.modules() if isinstance(module, nn.ModuleList)), None)
    if found is None:
        raise ConfigError(f"{type(body).__name__} has no list of layers to train one by one; use lora or adapter")
    return found


def laid(pairs: Sequence[Pair], kind: str, *, start: int, pad_id: int) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """What a net of this kind is given of some pairs, and the token that each place is to say [B, T] (or -100).

    Each place of an encoder-decoder is told what stands before it; a decoder has source and target in one row, and what
    is to be said at one of its `places` [B, T] is the token that follows it.
    """
    target, known = pad([pair.target for pair in pairs], pad_id)
    said = target.masked_fill(known == 0, IGNORED)
    if kind == "encoder-decoder":
        ids, mask = pad([pair.source for pair in pairs], pad_id)
        written = torch.cat([torch.full((len(pairs), 1), start), target[:, :-1]], dim=1)
        return {"ids": ids, "mask": mask, "written": written}, said
    ids, mask = pad([np.concatenate([pair.source, pair.target]) for pair in pairs], pad_id)
    first = torch.tensor([len(pair.source) - 1 for pair in pairs])
    places = first[:, None] + torch.arange(target.shape[1])
    return {"ids": ids, "mask": mask, "places": places.clamp(max=ids.shape[1] - 1)}, said


class WriterTraining:
    """See `core.Trainable`: a row is a source and its target, and only the target's tokens are learned."""

    def __init__(
        self,
        net: WriterNet,
        pairs: Sequence[Pair],
        *,
        weights: Sequence[float],
        output: Output,
        start: int,
        pad_id: int,
        runtime: Runtime,
        score: Callable[[], Any],
        decode: Callable[[int], None],
        begun: bool,
        keep: Callable[[bool], str] = lambda on: "",
        grammar: str | None = None,
    ) -> None:
        self.module = self.net = net
        self.begun = begun
        self.pairs, self.weights, self.output = pairs, weights, output
        self.start, self.pad_id, self.runtime, self.device = start, pad_id, runtime, runtime.device
        self._score, self._decode, self._seconds = score, decode, 0.0
        self._keep, self._grammar = keep, grammar
        self.rate_of: Callable[[str], float] = lambda name: 1.0
        self.after_step: Callable[[int, int], None] = lambda step, total: None

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs to compute batches; who decides about steps, and who writes, stay here."""
        here = ("rate_of", "after_step", "_score", "_decode", "_keep")
        return {name: value for name, value in vars(self).items() if name not in here}

    def score(self) -> Any:
        """What is written to the sources of all rows."""
        started = time.monotonic()
        scores = self._score()
        self._seconds = time.monotonic() - started
        return scores

    def settled(self, scores: Any, job: Job) -> Any:
        """Scores of all rows once nothing trains any more: several beams, where validation rows gain by them and there
        is time to find out (who writes with more beams writes slower); and a grammar, where one was learned."""
        bits = self.bits_per_byte() if job.remaining() > self._seconds else None
        if bits is not None:
            job.notes.append(f"what is to be written to validation rows takes {bits:.2f} bits per byte")
        return self._kept(self._wider(scores, job), job)

    def _wider(self, scores: Any, job: Job) -> Any:
        if job.remaining() < BEAM_SECONDS * self._seconds:
            return scores
        self._decode(BEAMS)
        wider = self.score()
        if _value(job, wider) > _value(job, scores):
            job.chosen["beams"] = BEAMS
            return wider
        self._decode(1)
        return scores

    def _kept(self, scores: Any, job: Job) -> Any:
        """Texts are kept to the grammar unless validation rows tell that this costs more than chance does."""
        if not self._grammar:
            return scores
        problem = self._keep(True) if job.remaining() >= KEEP_SECONDS * self._seconds else "there is no time to try it"
        if problem:
            job.notes.append(f"texts are checked and repaired, and not kept to a grammar while written: {problem}")
            return scores
        kept = self.score()
        told = f"{job.metric.name} {_value(job, kept):.4f} on validation, {_value(job, scores):.4f} without"
        if _lower(job, kept, scores):
            self._keep(False)
            job.notes.append(f"texts are not kept to the learned grammar: {told}")
            return scores
        job.notes.append(f"texts are kept to the learned grammar: {told}")
        job.chosen["kept"] = True
        return kept

    def bits_per_byte(self) -> float | None:
        """How unlikely the targets are: bits that they take on average for each byte of their text.

        The same for all tokenizers, unlike perplexity (2 to the power of the bits per token). None: all were cut.
        """
        from autogpt.backbones._likelihood import token_likelihoods

        whole, was_training = [pair for pair in self.pairs if pair.size], self.net.training
        self.net.eval()
        likely = token_likelihoods(
            self.net, whole, start=self.start, pad_id=self.pad_id, runtime=self.runtime, batch_rows=READ_ROWS
        )
        self.net.train(was_training)
        size = sum(pair.size for pair in whole)
        return -sum(float(row.sum()) for row in likely) / np.log(2) / size if size else None

    def settle(self, chosen: Mapping[str, Any]) -> None:
        """What an earlier training chose after its end."""
        self._decode(int(chosen.get("beams", 1)))
        self._keep(bool(chosen.get("kept", False)))

    @property
    def shortened(self) -> int:
        """Targets that are longer than may be written: their ends are not learned."""
        return sum(not pair.size and len(pair.target) > 1 for pair in self.pairs)

    def lengths(self) -> Sequence[int]:
        return [len(pair.source) + len(pair.target) for pair in self.pairs]

    def batch(self, rows: Sequence[int]) -> Batch:
        pairs = [self.pairs[row] for row in rows]
        inputs, target = laid(pairs, self.net.kind, start=self.start, pad_id=self.pad_id)
        return Batch(
            inputs={name: tensor.to(self.device) for name, tensor in inputs.items()},
            target=target.to(self.device),
            weight=torch.tensor([self.weights[row] for row in rows], device=self.device),
            index=torch.tensor(list(rows)),
            tokens=sum(len(pair.source) + len(pair.target) for pair in pairs),
        )

    def forward(self, batch: Batch) -> torch.Tensor:
        logits: torch.Tensor = self.net(batch.inputs)
        return logits

    def loss(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        return self.output.loss(logits.float(), batch.target, None)

    def groups(self) -> list[dict[str, Any]]:
        from autogpt.backbones._training import groups

        return groups(self.net, self.net.head, self.rate_of, begun=self.begun)


def _value(job: Job, scores: Any) -> float:
    """The metric of scores of the validation rows; more is better."""
    value = job.judge(scores)[job.metric.name]
    return value if job.metric.higher_is_better else -value


def _lower(job: Job, one: Sequence[Any], other: Sequence[Any]) -> bool:
    """Whether one is lower than the other by more than when they swap rows at random (a paired permutation test)."""
    gap = _value(job, other) - _value(job, one)
    if gap <= 0:
        return False
    rng = np.random.default_rng(job.seed)
    for _ in range(SWAPS):
        swap = rng.random(len(one)) < 0.5
        mixed = [[b if s else a for s, a, b in zip(swap, *pair, strict=True)] for pair in ((one, other), (other, one))]
        if _value(job, mixed[1]) - _value(job, mixed[0]) >= gap:
            return False
    return True


@dataclass(frozen=True, slots=True)
class Decoding:
    """How a writer writes: the most tokens, and the beams that are followed side by side (1: the likeliest token).

    `format` is what its texts are to be (see `written.Format`), `grammar` what they are kept to while they are written.
    With a `temperature` tokens are drawn (1: as likely as the model says), and not the likeliest taken.
    """

    most: int = 64
    beams: int = 1
    format: str | None = None
    grammar: str | None = None
    temperature: float = 0.0


@torch.inference_mode()
def write(
    net: WriterNet,
    sources: Sequence[Any],
    decoding: Decoding,
    *,
    pad_id: int,
    end: int,
    start: int,
    room: int,
    constraint: Constraint | None = None,
    whole: Callable[[Sequence[int]], bool] | None = None,
) -> list[tuple[list[int], float]]:
    """What is written to each source, as token ids, and their mean log probability (0 where nothing is written).

    A decoder's sources are padded on the left, so that all of them end where writing begins. `room` are the tokens that
    may be written: the same for all rows, so that none depends on those beside it. Of several beams the likeliest that
    is `whole` is taken. What `constraint` adds behind the last token that may be written is not counted as likely.
    """
    device = next(net.parameters()).device
    ids, mask = pad(list(sources), pad_id)
    if net.kind == "decoder":
        ids, mask = _to_the_right(ids, mask, pad_id)
    skipped = 1 if net.kind == "encoder-decoder" else ids.shape[1]
    told: dict[str, Any] = {"decoder_start_token_id": start} if net.kind == "encoder-decoder" else {}
    if constraint is not None:
        told["logits_processor"] = [constraint.masks(skipped)]
    if decoding.temperature:
        told |= {"temperature": decoding.temperature, "top_k": 0}
    each = decoding.beams if whole is not None else 1
    found = net.model.generate(
        input_ids=ids.to(device),
        attention_mask=mask.to(device),
        max_new_tokens=max(1, min(decoding.most, room)),
        num_beams=decoding.beams,
        num_return_sequences=each,
        do_sample=decoding.temperature > 0,
        pad_token_id=pad_id,
        eos_token_id=end,
        return_dict_in_generate=True,
        output_scores=True,
        **told,
    )
    beams = {"beam_indices": found.beam_indices} if decoding.beams > 1 else {}
    likely = net.model.compute_transition_scores(found.sequences, found.scores, normalize_logits=True, **beams)
    texts = [
        _told(row, own, end) for row, own in zip(found.sequences[:, skipped:].tolist(), likely.tolist(), strict=True)
    ]
    if constraint is not None:
        texts = [(constraint.closed(row), own) for row, own in texts]
    if whole is None:
        return texts
    several = [texts[at : at + each] for at in range(0, len(texts), each)]
    return [next((one for one in own if whole(one[0])), own[0]) for own in several]


def _told(row: list[int], likely: list[float], end: int) -> tuple[list[int], float]:
    """The tokens before the end, and the mean over them and the end."""
    length = row.index(end) if end in row else len(row)
    counted = likely[: length + 1]
    return row[:length], float(np.mean(counted)) if counted else 0.0


def _to_the_right(ids: torch.Tensor, mask: torch.Tensor, pad_id: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows that were padded behind, padded before."""
    moved, seen = torch.full_like(ids, pad_id), torch.zeros_like(mask)
    for place, length in enumerate(mask.sum(dim=1).tolist()):
        moved[place, ids.shape[1] - length :] = ids[place, :length]
        seen[place, ids.shape[1] - length :] = 1
    return moved, seen
