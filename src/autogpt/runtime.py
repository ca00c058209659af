"""The machine a run stands on: device, number format, threads. Read when asked, never at import."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from autogpt import files
from autogpt.memory import Guard, Room

SPINS = 10_000
"""How long OpenMP's threads wait busily on a quiet machine: full fine-tuning on two cores came to 79, 110 and 116
rows/s with 0, 10,000 and 300,000 (OpenMP's default), and to 68, 37 and 7 when another job came (EXPERIMENTS.md)."""
LEAST_RATIO = 0.75
"""Of the speed of half the cores; threads that wait for each other beside a busy job fell to a sixth."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """What a run computes on. `reasons` says how each choice was made (it is printed and saved)."""

    device: str = "cpu"
    dtype: str = "float32"
    threads: int = 1
    reasons: Sequence[str] = ()
    plain_attention: bool = False
    memory: Guard = field(default_factory=Guard, compare=False)

    def room(self) -> Room:
        """How much more memory may be taken where this computes."""
        return self.memory.room(self.device)

    def exceeded(self) -> bool:
        """Whether the memory limit was passed since this was asked last. It is of this process's own memory: a GPU
        says itself when it is full."""
        return self.device == "cpu" and self.memory.exceeded()

    @contextmanager
    def autocast(self) -> Iterator[None]:
        """Matrix products in bf16 where that was measured to be faster. (Accelerate's own is fixed once a process.)

        With it comes attention as plain matrix products where those are faster than torch's fused kernel: on a CPU with
        bf16 instructions the fused kernel's backward took half of a training step. On a GPU cuDNN's kernels are left
        out: they are planned anew for every shape, and batches of texts seldom have the same one (EXPERIMENTS.md).
        """
        import torch
        from torch.nn.attention import SDPBackend, sdpa_kernel

        kernels = [SDPBackend.MATH] if self.plain_attention else []
        if self.device == "cuda":
            kernels = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
        half = torch.autocast(self.device, dtype=torch.bfloat16, enabled=self.dtype == "bfloat16")
        with half, sdpa_kernel(kernels) if kernels else nullcontext():
            yield


def prepare_environment() -> None:
    """Settings that count only when made before torch is imported; the user's own settings win."""
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & set(os.environ):
        os.environ.update({"GOMP_SPINCOUNT": str(SPINS)} if _quiet() else {"OMP_WAIT_POLICY": "PASSIVE"})
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")


def _quiet() -> bool:
    """Whether nothing else computes here at this moment (False where the system does not tell).

    The least of a few counts: what runs for a moment only is no other job.
    """
    running = []
    for _ in range(3):
        try:
            running.append(int(Path("/proc/loadavg").read_text("ascii").split()[3].split("/")[0]))
        except (OSError, ValueError, IndexError):
            return False
        time.sleep(0.002)
    return min(running) <= 1  # this process itself


def forbid_network() -> None:
    """Make the Hugging Face libraries stay offline; it counts only before the first of them is imported."""
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"):
        os.environ[name] = "1"


@cache
def detect(device: str | None = None) -> Runtime:
    """The best device here, and the number format and threads that are measured to be faster on it; once a process."""
    prepare_environment()
    import torch

    device = device or best_device()
    threads, told = available_cores(), ""
    if "OMP_NUM_THREADS" in os.environ:
        threads, told = torch.get_num_threads(), f"{torch.get_num_threads()} threads, as OMP_NUM_THREADS says"
    elif device == "cpu":
        threads, told = _faster_threads(torch)
    torch.set_num_threads(threads)
    dtype, reason = _faster_dtype(torch, device)
    plain, why = _plain_attention(torch) if device == "cpu" and dtype == "bfloat16" else (False, "")
    reasons = tuple(filter(None, (told, reason, why)))
    return Runtime(device=device, dtype=dtype, threads=threads, reasons=reasons, plain_attention=plain)


def best_device() -> str:
    """What this machine computes on fastest: `cuda`, `mps` or `cpu`."""
    import torch

    return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"


CHOICES = ("device", "dtype", "threads", "plain_attention")


def kept(path: Path) -> Runtime:
    """What is measured here, or what `path` says that a run began with: the same numbers need the same choices."""
    import torch

    found = detect()
    if path.is_file():
        begun = json.loads(path.read_text("utf-8"))
        if begun["device"] == found.device and begun["threads"] <= available_cores():
            torch.set_num_threads(begun["threads"])
            return replace(found, **{name: begun[name] for name in CHOICES}, reasons=("as the run began",))
    files.write_json(path, {name: getattr(found, name) for name in CHOICES})
    return found


def available_cores() -> int:
    """Cores this process may use (affinity respected where the system tells it)."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


def _faster_threads(torch: Any, seconds: float = 0.05, rounds: int = 3) -> tuple[int, str]:
    """All cores, or half of them where it is measured to be much faster: beside other jobs threads wait.

    The best of some rounds that take turns counts, and all cores win unless they are plainly slower, so that a passing
    load does not decide for a whole run: on a shared machine two threads were measured at 0.9x and 1.9x within seconds.
    """
    import time

    def products(threads: int) -> float:
        torch.set_num_threads(threads)
        a, b = torch.randn(512, 384), torch.randn(384, 1536)
        _ = a @ b
        count, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds:
            _ = a @ b
            count += 1
        return count / (time.perf_counter() - start)

    cores = available_cores()
    half = max(1, cores // 2)
    if half == cores:
        return cores, "1 thread: there is 1 core"
    measured = [(products(cores), products(half)) for _ in range(rounds)]
    ratio = max(whole for whole, _ in measured) / max(part for _, part in measured)
    chosen = cores if ratio >= LEAST_RATIO else half
    return chosen, f"{chosen} threads: {cores} are measured at {ratio:.2f}x the speed of {half}"


SMALL, LARGE = (512, 384), (8192, 1024)
"""Tokens and width of the products that tell which number format is faster: a small encoder's on a CPU, larger ones on
an accelerator, where small ones are over before the next one is begun, in any format."""


def _faster_dtype(torch: Any, device: str, repeats: int = 12) -> tuple[str, str]:
    """bf16 where a matrix product of an encoder's shape is at least 1.2x faster than in float32."""
    import time

    rows, width = SMALL if device == "cpu" else LARGE

    def products(dtype: Any, rows: int) -> Callable[[], float]:
        a = torch.randn(rows, width, device=device, dtype=dtype)
        b = torch.randn(width, 4 * width, device=device, dtype=dtype)

        def duration() -> float:
            start = time.perf_counter()
            (a @ b).sum().item()
            return time.perf_counter() - start

        return duration

    # Without instructions for bf16 the full shape takes seconds, and a part of it tells as much. Both take turns, and
    # the best of many counts: beside a busy job some are ten times as slow as others.
    for part in (rows // 16, rows):
        single, half = products(torch.float32, part), products(torch.bfloat16, part)
        pairs = [(single(), half()) for _ in range(repeats)]
        ratio = min(one for one, _ in pairs) / min(other for _, other in pairs)
        if ratio < 0.5:
            break
    chosen = "bfloat16" if ratio >= 1.2 else "float32"
    return chosen, f"{chosen} on {device}: bfloat16 measured at {ratio:.2f}x the speed of float32 (needs 1.20x)"


def _plain_attention(torch: Any, repeats: int = 3) -> tuple[bool, str]:
    """Whether attention in bf16, forward and backward, is at least 1.2x faster as plain products than fused."""
    import time

    from torch.nn.attention import SDPBackend, sdpa_kernel

    def duration(backend: Any) -> float:
        states = torch.randn(3, 16, 12, 32, 32, dtype=torch.bfloat16, requires_grad=True)
        best = float("inf")
        for _ in range(repeats):
            start = time.perf_counter()
            with sdpa_kernel(backend):
                torch.nn.functional.scaled_dot_product_attention(*states.unbind()).sum().backward()
            best = min(best, time.perf_counter() - start)
        return best

    ratio = duration(SDPBackend.FLASH_ATTENTION) / duration(SDPBackend.MATH)
    plain = ratio >= 1.2
    chosen = "plain" if plain else "fused"
    return plain, f"{chosen} attention: plain products measured at {ratio:.2f}x the speed of the fused kernel"
