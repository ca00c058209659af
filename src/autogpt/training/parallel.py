"""Data parallelism: one training over several processes, of which one decides.

Rank 0 runs the trial as it is: its clock, validations, checkpoints and roll-backs. The others are replicas of
`gradients`, the one place where a batch becomes a gradient. A step:

    rank 0 broadcasts the rows of each rank and what a checkpoint holds of the module (trained parameters, buffers);
    each rank computes the gradient g_r of the weighted mean loss of its rows, whose weights add up to w_r;
    sum(w_r * g_r) is reduced to rank 0, which divides it by sum(w_r) and takes the step.

So the mathematics is that of one process with the same batch, up to the order of sums, and resuming or rolling back
needs nothing new. DistributedDataParallel ("PyTorch Distributed: Experiences on Accelerating Data Parallel Training",
Li et al. 2020) moves as much by its all-reduce, but each of its processes runs the whole loop and steps by itself;
here only one looks at the clock, and only one keeps the optimizer's moments. What is not overlapped is the transfer:
gradients leave when all of them are there.

Tensors go by torch.distributed: gloo over the loopback interface, or NCCL where each process has a GPU of its own.
What replicas tell comes through the executor, which also knows when one has died: nobody waits in a collective for
somebody who computes. Draws (dropout) of a replica depend on (seed, step, rank).
"""

from __future__ import annotations

import json
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from autogpt.core import Trainable
from autogpt.errors import ResourceError
from autogpt.events import Event, Listener
from autogpt.memory import Guard, resident
from autogpt.orders import Crew, Order
from autogpt.runtime import Runtime
from autogpt.training import sending
from autogpt.training.batching import Rows
from autogpt.training.checkpoint import Progress, buffers, trained
from autogpt.training.gradients import Gradients, Outcome, StopRequestedError
from autogpt.training.pruning import Weights
from autogpt.training.replicas import Replicas

START_SECONDS, START_SHARE = 300.0, 0.2
"""A replica has loaded its libraries by then, and within START_SHARE of the time that is left, or is not waited for."""
HANG_SECONDS, HANG_TIMES = 60.0, 10.0
"""Who takes so long, and so many times as long as rank 0 took for its own share, is taken for hung."""
LOOK_SECONDS = 0.5
ENDLESS = timedelta(days=30)
"""Replicas wait for as long as rank 0 validates; when it dies, `executors._child` ends them."""
BUCKET = 1 << 23
"""Numbers that are sent at once."""
LEAST_MEMORY = 300_000_000


@dataclass(frozen=True, slots=True)
class Place:
    """What a replica is given: who it is among `size`, the structure of the model, and where all meet."""

    rank: int
    size: int
    model: bytes
    meeting: Path
    runtime: Runtime
    seed: int


@contextmanager
def together(
    replicas: Replicas, model: Trainable, gradients: Gradients, *, remaining: float
) -> Iterator[Callable[..., Outcome]]:
    """What takes the place of `gradients.of` while replicas compute with it.

    `remaining` seconds there are. NotSentError: the model stays here, or nobody is there in time to take it.
    """
    if dist.is_initialized():
        raise sending.NotSentError("torch.distributed is in use in this process")
    sent = sending.packed(model)
    with tempfile.TemporaryDirectory(prefix="autogpt-", ignore_cleanup_errors=True) as folder:
        try:
            team = _Team(replicas.prepare(), replicas.size, gradients)
            team.begin(sent, Path(folder), min(START_SECONDS, START_SHARE * remaining))
            with ExitStack() as line:
                team.meet(line, Path(folder), model)
                yield team.of
                team.dismiss()
        except BaseException:
            replicas.close()  # they may be in the middle of a step; who trains next has new ones
            raise
        if not team.rest():
            replicas.close()


class _Team:
    """Rank 0's side of one training."""

    def __init__(self, crew: Crew, size: int, gradients: Gradients) -> None:
        self.crew, self.size, self.gradients = crew, size, gradients
        self.threads = max(1, gradients.runtime.threads // size)
        self.wire: _Wire
        self.state: list[torch.Tensor] = []
        self.parameters: list[torch.nn.Parameter] = []

    def begin(self, model: bytes, folder: Path, seconds: float) -> None:
        """Hand out the places, and wait until all have loaded. NotSentError: nothing has begun, train without them."""
        runtime, memory = self.gradients.runtime, None
        if runtime.memory.limit is not None:
            memory = max(LEAST_MEMORY, (runtime.memory.limit - resident()) // self.size)
        given = Place(0, self.size, model, folder, replace(runtime, memory=Guard(memory), threads=self.threads),
                      self.gradients.seed)  # fmt: skip
        for rank in range(1, self.size):
            place = replace(given, rank=rank)
            self.crew.begin(Order(f"replica {rank}", serve, place, folder / str(rank), folder, memory=memory))
        try:
            if not self._heard(seconds):
                raise sending.NotSentError(f"the others had not loaded after {seconds:.0f} s")
        except ResourceError as problem:
            raise sending.NotSentError(str(problem)) from None

    def meet(self, line: ExitStack, folder: Path, model: Trainable) -> None:
        """Give the replicas all weights there are."""
        met = _joined(folder, rank=0, size=self.size, runtime=self.gradients.runtime)
        self.wire = self._moved(line.enter_context, met)
        self.state, self.parameters = _stepped(model)
        self.gradients.processes = self.size
        self._moved(self.wire.share, sending.tensors(model.module))

    def dismiss(self) -> None:
        """No step follows; whoever is lost by now does not matter any more."""
        with suppress(RuntimeError):
            self.wire.say({})

    def rest(self) -> bool:
        """Wait until all replicas are free for another training; whether they are."""
        endings = [self.crew.news(HANG_SECONDS) for _ in range(1, self.size)]
        return all(news is not None and news.ending is not None and not news.ending.how for news in endings)

    def of(
        self,
        model: Trainable,
        rows: Rows,
        lengths: Sequence[int],
        progress: Progress,
        *,
        weights: Weights | None = None,
    ) -> Outcome:
        """See `Gradients.of`. Rows are dealt in turn, since they stand by length."""
        shares = [rows[rank :: self.size] for rank in range(self.size)]
        factors = [None if weights is None else weights[rank :: self.size] for rank in range(self.size)]
        told = {
            "step": progress.step,
            "micro_tokens": progress.micro_tokens,
            "rows": [share.tolist() for share in shares],
            "weights": [None if one is None else one.tolist() for one in factors],
        }
        self._moved(self.wire.say, told)
        self._moved(self.wire.share, self.state)
        began, before = time.monotonic(), torch.get_num_threads()
        torch.set_num_threads(self.threads)
        try:
            outcome = self.gradients.of(model, shares[0], lengths, progress, weights=factors[0])
        finally:
            torch.set_num_threads(before)
        patience = max(HANG_SECONDS, HANG_TIMES * (time.monotonic() - began))
        others = self._heard(patience)
        if not others:
            raise self._lost(f"it was not heard of for {patience:.0f} s")
        return self._summed(outcome, others)

    def _summed(self, own: Outcome, others: Mapping[int, Mapping[str, Any]]) -> Outcome:
        """The sum of all gradients in place, and what is known about the whole batch."""
        weight = own.weight + sum(other["weight"] for other in others.values())
        moved = {place for other in others.values() for place in other["moved"]}
        for place, parameter in enumerate(self.parameters):
            if parameter.grad is None and place in moved:
                parameter.grad = torch.zeros_like(parameter)
        self._moved(self.wire.add, self.parameters, own.weight)
        for parameter in self.parameters:
            if parameter.grad is not None:
                parameter.grad /= weight
        count = own.rows + sum(len(other["losses"]) for other in others.values())
        losses, index = torch.empty(count), torch.empty(count, dtype=torch.int64)
        losses[:: self.size], index[:: self.size] = torch.cat(own.losses).cpu(), torch.cat(own.index).cpu()
        for rank, other in others.items():
            losses[rank :: self.size] = torch.tensor(other["losses"])
            index[rank :: self.size] = torch.tensor(other["index"], dtype=torch.int64)
        total = own.loss * own.weight + sum(other["loss"] * other["weight"] for other in others.values())
        return Outcome(
            loss=total / weight,
            losses=[losses.to(own.loss.device)],
            index=[index],
            weight=weight,
            rows=count,
            tokens=own.tokens + sum(other["tokens"] for other in others.values()),
            note=" ".join(filter(None, (own.note, *(other["note"] for other in others.values())))),
        )

    def _heard(self, seconds: float) -> dict[int, Mapping[str, Any]]:
        """What each replica tells next; nothing when one of them says nothing for so long. ResourceError: one is lost;
        StopRequestedError: they are not waited for."""
        found: dict[int, Mapping[str, Any]] = {}
        until = time.monotonic() + seconds
        while len(found) < self.size - 1:
            news = self.crew.news(LOOK_SECONDS)
            if news is not None and news.event is not None:
                found[news.order.given.rank] = news.event.data
            elif news is not None:
                raise self._lost("", news)
            elif time.monotonic() > until:
                return {}
            if self.gradients.stop():
                raise StopRequestedError
        return found

    def _moved(self, move: Callable[..., Any], *given: Any) -> Any:
        """Tensors on their way; whoever is not there to take them is lost."""
        try:
            return move(*given)
        except RuntimeError as problem:
            raise self._lost(f"{problem}".splitlines()[0], self.crew.news(LOOK_SECONDS)) from None

    def _lost(self, why: str, news: Any = None) -> ResourceError:
        """The error that ends the training."""
        if news is not None and news.ending is not None and news.ending.problem:
            why = news.ending.problem
        return ResourceError(
            f"one of {self.size} processes that train together is lost: {why or 'it ended'}; train again, "
            "or with fewer processes (--data-parallel)"
        )


def serve(order: Order, tell: Listener) -> Mapping[str, Any]:
    """The work of a replica, from the first step of a training to its last."""
    given: Place = order.given
    if given.runtime.device == "cpu":
        torch.set_num_threads(given.runtime.threads)
    if given.runtime.device == "cuda":
        torch.cuda.set_device(given.rank % torch.cuda.device_count())
    model = sending.unpacked(given.model)
    try:
        _serve(given, model, tell)
    except RuntimeError as problem:  # of the model, or of a line whose other end is gone
        raise ResourceError(f"{type(problem).__name__}: {problem}".splitlines()[0]) from None
    return {}


def _serve(given: Place, model: Trainable, tell: Listener) -> None:
    gradients = Gradients(given.runtime, seed=given.seed, stop=lambda: False, rank=given.rank)
    lengths, (state, parameters) = model.lengths(), _stepped(model)
    tell(Event("replica", "loaded"))
    with _joined(given.meeting, rank=given.rank, size=given.size, runtime=given.runtime) as wire:
        wire.share(sending.tensors(model.module))
        while told := wire.say():
            wire.share(state)
            progress = Progress(0, 1, told["micro_tokens"], step=told["step"])
            rows = np.array(told["rows"][given.rank], dtype=np.int64)
            factors = told["weights"][given.rank]
            weights = None if factors is None else np.array(factors, dtype=np.float32)
            model.module.zero_grad(set_to_none=True)
            if not len(rows):  # a batch of fewer rows than there are processes
                tell(Event("replica", "idle", _IDLE))
                wire.add(parameters, torch.zeros(()))
                continue
            outcome = gradients.of(model, rows, lengths, progress, weights=weights)
            tell(Event("replica", "computed", _told(outcome, parameters)))
            wire.add(parameters, outcome.weight)


_IDLE: Mapping[str, Any] = {"weight": 0.0, "loss": 0.0, "losses": [], "index": [], "tokens": 0, "moved": [], "note": ""}


def _told(outcome: Outcome, parameters: Sequence[torch.nn.Parameter]) -> dict[str, Any]:
    return {
        "weight": outcome.weight.item(),
        "loss": outcome.loss.item(),
        "losses": torch.cat(outcome.losses).tolist(),
        "index": torch.cat(outcome.index).tolist(),
        "tokens": outcome.tokens,
        "moved": [place for place, parameter in enumerate(parameters) if parameter.grad is not None],
        "note": outcome.note,
    }


def _stepped(model: Trainable) -> tuple[list[torch.Tensor], list[torch.nn.Parameter]]:
    """What a step depends on, and what it has gradients for."""
    parameters = list(trained(model.module).values())
    return [*parameters, *buffers(model.module).values()], parameters


class _Wire:
    """Tensors between the ranks. `near`: they go from device to device, otherwise by way of this machine's memory."""

    def __init__(self, rank: int, *, near: bool) -> None:
        self.rank, self.near = rank, near

    def say(self, message: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What rank 0 says to all (JSON); nothing ends the training."""
        text = torch.frombuffer(bytearray(json.dumps(message).encode()), dtype=torch.uint8)
        length = torch.tensor(len(text))
        dist.broadcast(length, 0)
        if self.rank:
            text = torch.empty(int(length), dtype=torch.uint8)
        dist.broadcast(text, 0)
        told: dict[str, Any] = json.loads(text.numpy().tobytes())
        return told

    def share(self, tensors: Sequence[torch.Tensor]) -> None:
        """The numbers of rank 0 into the same tensors of all others."""
        for bucket in _buckets(tensors):
            flat = self._placed(torch.cat([tensor.detach().reshape(-1) for tensor in bucket]))
            dist.broadcast(flat.view(torch.uint8), 0)  # gloo does not know every number format
            if self.rank:
                _fill(bucket, flat)

    def add(self, parameters: Sequence[torch.nn.Parameter], weight: torch.Tensor) -> None:
        """Gradients times their rank's weight, summed into those of rank 0."""
        for bucket in _buckets(parameters):
            grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in bucket]
            flat = self._placed(torch.cat([grad.reshape(-1).float() for grad in grads]) * weight.to(bucket[0].device))
            dist.reduce(flat, 0)
            if not self.rank:
                _fill(grads, flat)

    def _placed(self, flat: torch.Tensor) -> torch.Tensor:
        return flat if self.near else flat.cpu()


def _buckets(tensors: Sequence[torch.Tensor]) -> Iterator[list[torch.Tensor]]:
    """Neighbours of one number format and device, up to BUCKET numbers together."""
    bucket: list[torch.Tensor] = []
    for tensor in tensors:
        alike = bucket and (bucket[0].dtype, bucket[0].device) == (tensor.dtype, tensor.device)
        if bucket and (not alike or sum(map(torch.numel, bucket)) + tensor.numel() > BUCKET):
            yield bucket
            bucket = []
        bucket.append(tensor)
    if bucket:
        yield bucket


def _fill(tensors: Sequence[torch.Tensor], flat: torch.Tensor) -> None:
    with torch.no_grad():
        for tensor, part in zip(tensors, torch.split(flat, [tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(part.view_as(tensor))


@contextmanager
def _joined(folder: Path, *, rank: int, size: int, runtime: Runtime) -> Iterator[_Wire]:
    """The ranks of a training, met at a file of a private folder. Nothing listens beyond this machine."""
    near = runtime.device == "cuda" and dist.is_nccl_available() and torch.cuda.device_count() >= size
    loopback = next((name for _, name in socket.if_nameindex() if name.startswith("lo")), None)
    before = os.environ.get("GLOO_SOCKET_IFNAME")
    if before is None and loopback is not None:
        os.environ["GLOO_SOCKET_IFNAME"] = loopback
    try:
        dist.init_process_group(
            "cpu:gloo,cuda:nccl" if near else "gloo",
            init_method=(folder / "meeting").as_uri(),
            rank=rank,
            world_size=size,
            timeout=ENDLESS if rank else timedelta(seconds=HANG_SECONDS),
        )
    finally:
        if before is None:
            os.environ.pop("GLOO_SOCKET_IFNAME", None)
    try:
        yield _Wire(rank, near=near)
    finally:
        with suppress(RuntimeError):  # of those that are gone
            dist.destroy_process_group()
