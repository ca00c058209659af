"""The examination: what is missing is named with the reason and what would help."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import pytest

from autogpt import doctor


def checks(found: dict[str, object]) -> dict[str, dict[str, object]]:
    listed = found["checks"]
    assert isinstance(listed, list)
    return {check["name"]: check for check in listed}


def test_the_quick_examination_is_plain_json_and_leaves_the_devices_out() -> None:
    found = doctor.examine(quick=True)
    assert json.loads(json.dumps(found)) == found
    assert found["devices"] is None
    assert found["machine"]["cores"] >= 1
    assert found["machine"]["memory_bytes"] > found["machine"]["memory_free_bytes"] > 0
    assert found["versions"]["torch"] == metadata.version("torch")


def test_the_full_examination_says_what_a_run_would_compute_on() -> None:
    found = doctor.examine()
    assert found["devices"]["device"] in {"cpu", "cuda", "mps"}
    assert found["devices"]["dtype"] in {"float32", "bfloat16"}
    assert "accelerator" in checks(found)


def test_an_incompatible_version_is_found_through_what_the_packages_declare(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = metadata.version
    monkeypatch.setattr(doctor.metadata, "version", lambda name: "4.57.1" if name == "transformers" else versions(name))
    check = checks(doctor.examine(quick=True))["package transformers"]
    assert not check["works"]
    assert "needs transformers<6,>=5.20, and 4.57.1 is installed" in str(check["reason"])
    assert "constraints.txt" in str(check["fix"])


def test_a_missing_package_is_named_with_who_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = metadata.version

    def version(name: str) -> str:
        if name in {"peft", "wandb", "duckdb"}:
            raise metadata.PackageNotFoundError(name)
        return versions(name)

    monkeypatch.setattr(doctor.metadata, "version", version)
    found = checks(doctor.examine(quick=True))
    assert "autogpt needs peft" in str(found["package peft"]["reason"])
    assert found["tracking with Weights & Biases"] == {
        "name": "tracking with Weights & Biases", "works": False, "reason": "wandb is not installed",
        "fix": "pip install 'autogpt[track]'",
    }  # fmt: skip
    assert found["SQL queries over DuckDB files"]["fix"] == "pip install 'autogpt[sql]'"


def test_the_absent_embedded_encoder_is_a_check_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    found = doctor.examine(quick=True)
    assert found["embedded_encoder"] is None
    assert "--backbone" in str(checks(found)["embedded encoder"]["reason"])


@pytest.mark.parametrize(("value", "offline"), [("1", True), ("true", True), ("0", False), ("", False)])
def test_the_hub_is_forbidden_by_the_environment(monkeypatch: pytest.MonkeyPatch, value: str, offline: bool) -> None:
    monkeypatch.delenv("TRANSFORMERS_OFFLINE", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    found = doctor.examine(quick=True)
    assert found["offline"] is offline
    assert checks(found)["models and data from the Hub"]["works"] is not offline


def test_cached_models_are_listed_with_size_and_whether_they_can_be_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, weights in (("models--org--safe", "model.safetensors"), ("models--old", "pytorch_model.bin")):
        for part in ("blobs", "snapshots/abc"):
            (tmp_path / name / part).mkdir(parents=True)
        (tmp_path / name / "blobs" / "1").write_bytes(b"x" * 1000)
        (tmp_path / name / "snapshots" / "abc" / weights).write_bytes(b"")
    (tmp_path / "datasets--org--set").mkdir()
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert doctor.cached_models() == [
        {"name": "old", "bytes": 1000, "usable": False},
        {"name": "org/safe", "bytes": 1000, "usable": True},
    ]


def test_the_cache_is_where_the_hub_client_puts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert doctor.hub_cache() == Path("~/.cache/huggingface/hub").expanduser()
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert doctor.hub_cache() == Path("/x/huggingface/hub")
    monkeypatch.setenv("HF_HOME", "/y")
    assert doctor.hub_cache() == Path("/y/hub")
    monkeypatch.setenv("HF_HUB_CACHE", "/z")
    assert doctor.hub_cache() == Path("/z")


def test_little_memory_and_disk_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = {**doctor._machine(), "memory_free_bytes": 10**8, "disk_free_bytes": 10**8, "writable": False}
    monkeypatch.setattr(doctor, "_machine", lambda: machine)
    found = checks(doctor.examine(quick=True))
    assert not found["memory"]["works"]
    assert not found["disk"]["works"]
    assert found["disk"]["reason"] == f"100.0 MB free in {machine['folder']}"
    assert found["output folder"]["fix"] == "give another --output"


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (7_600_000_000, "7.6 GB"), (10**15, "1000.0 TB")]
)
def test_bytes_are_written_for_people(number: int, text: str) -> None:
    assert doctor.size(number) == text
