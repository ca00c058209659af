"""What training keeps on disk: checkpoints to go on from, and the best weights. Safetensors and JSON only.

    folder/checkpoint-<n>/state.json          counters of the loop, fingerprint, sha256 of the tensors
    folder/checkpoint-<n>/tensors.safetensors trained parameters, buffers, moments, losses of rows
    folder/best-<step>.safetensors            weights of the best validation so far
    folder/finished.json                      written last; checkpoints are gone then

A checkpoint appears whole or not at all, and the one before it is deleted only afterwards. Random states are not among
its contents because steps draw from (seed, step): see `randomness`.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save, save_file

from autogpt import files
from autogpt.errors import ConfigError

logger = logging.getLogger(__name__)

Tensors = dict[str, torch.Tensor]

FINISHED = "finished.json"


@dataclass(slots=True)
class Progress:
    """Where training stands: everything that decides what happens next, apart from tensors.

    `total` and `validate_every` may be shortened by the clock, `micro_tokens` by a lack of memory, `rate_factor` by
    numbers that were not finite; they are kept so that a resumed run takes the same steps.
    """

    total: int
    validate_every: int
    micro_tokens: int
    step: int = 0
    rate_factor: float = 1.0
    rollbacks: int = 0
    best_step: int | None = None
    best_score: float | None = None
    stale: int = 0
    finished: bool = False


def ended(folder: Path) -> Progress | None:
    """How the training of a folder ended; None when it has not."""
    try:
        return Progress(**json.loads((folder / FINISHED).read_text(encoding="utf-8"))["progress"])
    except FileNotFoundError:
        return None


def trained(module: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    """Trained parameters, by name."""
    return {name: p for name, p in module.named_parameters() if p.requires_grad}


def buffers(module: torch.nn.Module) -> Tensors:
    """Saved buffers, by name: with the trained parameters all that a step depends on and changes in a module."""
    saved = module.state_dict()
    return {name: b for name, b in module.named_buffers() if name in saved}


class Checkpoints:
    """Reads and writes the state of one training in one folder."""

    def __init__(
        self,
        folder: Path,
        *,
        module: torch.nn.Module,
        optimizer: torch.optim.Optimizer,
        fingerprint: Mapping[str, Any],
        more: Mapping[str, torch.Tensor] | None = None,
    ) -> None:
        """`more` are tensors to save beside weights and moments; resuming writes what was saved into them."""
        self.folder = folder
        self.module = module
        self.optimizer = optimizer
        self.fingerprint = json.loads(json.dumps(fingerprint))
        self.serial = 0
        self.more = dict(more or {})
        self.parameters = trained(module)
        folder.mkdir(parents=True, exist_ok=True)
        files.remove_staged(folder)

    # --- tensors in memory

    def weights(self) -> Tensors:
        """Trained parameters and saved buffers, by name; views on the module where it stands on the CPU."""
        held = {**self.parameters, **buffers(self.module)}
        return {name: t.detach().cpu().contiguous() for name, t in held.items()}

    def moments(self) -> Tensors:
        """The optimizer's state, flat: `exp_avg/<parameter>` and so on."""
        return {
            f"{key}/{name}": value.detach().cpu().contiguous()
            for name, p in self.parameters.items()
            for key, value in self.optimizer.state.get(p, {}).items()
        }

    def is_finite(self) -> bool:
        """Whether no weight is NaN or infinite; nothing else may be kept."""
        return all(bool(torch.isfinite(t).all()) for t in self.weights().values() if t.is_floating_point())

    def snapshot(self, old: tuple[Tensors, Tensors] | None = None) -> tuple[Tensors, Tensors]:
        """Copies of weights and moments, to roll back to; written over those of an `old` one, which is given up."""
        weights, moments = old or ({}, {})
        return _copied(self.weights(), weights), _copied(self.moments(), moments)

    def restore(self, weights: Tensors, moments: Tensors | None = None) -> None:
        """Put weights (and the optimizer's moments) back where they came from."""
        targets = {**self.parameters, **dict(self.module.named_buffers())}
        with torch.no_grad():
            for name, value in weights.items():
                targets[name].copy_(value)
        if moments is None:
            return
        self.optimizer.state.clear()
        for path, value in moments.items():
            key, _, name = path.partition("/")
            p = self.parameters[name]
            self.optimizer.state[p][key] = value.to(p.device, copy=True)

    # --- checkpoints on disk

    def write(self, progress: Progress) -> None:
        """Save everything needed to go on from here; older checkpoints go once this one is complete."""
        self.serial += 1
        tensors = {f"weights/{n}": t for n, t in self.weights().items()}
        tensors |= {f"optimizer/{n}": t for n, t in self.moments().items()}
        tensors |= self.more
        target = self.folder / f"checkpoint-{self.serial:06d}"
        with files.atomic_folder(target) as staged:
            save_file(tensors, staged / "tensors.safetensors")
            state = {
                "progress": asdict(progress),
                "fingerprint": self.fingerprint,
                "torch": torch.__version__,
                "sha256": files.sha256(staged / "tensors.safetensors"),
            }
            files.write_json(staged / "state.json", state)
        for old in self._all():
            if old != target:
                shutil.rmtree(old)
        self._remove_best_except(progress.best_step)

    def resume(self) -> tuple[Progress | None, str]:
        """Go to the newest complete checkpoint, if there is one; and a note on what was wrong with it."""
        finished = self.folder / FINISHED
        if finished.exists():
            state = json.loads(finished.read_text(encoding="utf-8"))
            self._same_training(state)
            progress = Progress(**state["progress"])
            self._clear(progress)
            return progress, ""
        damaged = ""
        for folder in reversed(self._all()):
            self.serial = max(self.serial, int(folder.name.partition("-")[2]))
            try:
                state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
                if files.sha256(folder / "tensors.safetensors") != state["sha256"]:
                    raise ValueError("tensors.safetensors has another sha256")
                tensors = load_file(folder / "tensors.safetensors")
            except (OSError, ValueError, KeyError, SafetensorError) as error:
                damaged = f"{folder.name} is damaged ({error}); an older state was used. "
                logger.warning("%s", damaged)
                continue
            self._same_training(state)
            self.restore(_below("weights/", tensors), _below("optimizer/", tensors))
            for name, tensor in self.more.items():
                tensor.copy_(tensors[name])
            other = state["torch"] != torch.__version__
            version = (
                f"saved by torch {state['torch']}, resumed by {torch.__version__}: not bit for bit" if other else ""
            )
            return Progress(**state["progress"]), damaged + version
        return None, damaged

    def _same_training(self, state: Mapping[str, Any]) -> None:
        before = state["fingerprint"]
        changed = [key for key in self.fingerprint if before.get(key) != self.fingerprint[key]]
        if changed:
            was = ", ".join(f"{key} {before.get(key)} -> {self.fingerprint[key]}" for key in changed)
            raise ConfigError(f"{self.folder} holds another training ({was}); resume with those, or use a new folder")

    def _all(self) -> list[Path]:
        return sorted(self.folder.glob("checkpoint-*"))

    # --- the best weights

    def write_best(self, step: int, *, old: Tensors | None = None) -> Tensors:
        """Save the present weights as the best so far, and return a copy of them (written over the `old` one)."""
        best = _copied(self.weights(), old or {})
        files.write_bytes(self._best(step), save(best))
        return best

    def read_best(self, step: int) -> Tensors:
        """The best weights as they were saved at `step`."""
        return load_file(self._best(step))

    def finish(self, progress: Progress) -> None:
        """Mark training as done and free what only a resume would have needed."""
        progress.finished = True
        files.write_json(self.folder / FINISHED, {"progress": asdict(progress), "fingerprint": self.fingerprint})
        self._clear(progress)

    def _clear(self, progress: Progress) -> None:
        for old in self._all():
            shutil.rmtree(old)
        self._remove_best_except(progress.best_step)

    def _best(self, step: int) -> Path:
        return self.folder / f"best-{step:08d}.safetensors"

    def _remove_best_except(self, step: int | None) -> None:
        for path in self.folder.glob("best-*.safetensors"):
            if step is None or path != self._best(step):
                path.unlink()


def _copied(tensors: Tensors, old: Tensors) -> Tensors:
    return {name: old[name].copy_(t) if name in old else t.clone() for name, t in tensors.items()}


def _below(prefix: str, tensors: Tensors) -> Tensors:
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
