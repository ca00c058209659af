"""What a run computes on: measured once, and a choice of kernels changes speed, not numbers."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from autogpt import runtime
from autogpt.backbones.encoder import Encoder
from autogpt.runtime import Runtime, detect, kept
from autogpt.testing import tiny

TEXTS = [{"text": text} for text in ("the red card", "a dog runs", "money lost in paris and found in rome")]


def test_every_choice_is_told_with_its_measurement():
    found = detect()
    assert found.threads >= 1
    assert any(found.dtype in reason for reason in found.reasons)
    if found.plain_attention:
        assert any(reason.startswith("plain attention") for reason in found.reasons)


def test_plain_attention_and_bf16_read_nearly_the_same(tmp_path):
    folder = tiny.bert_folder(tmp_path / "bert")

    def features(runtime):
        encoder = Encoder.open(str(folder), output="classes", size=2, runtime=runtime, offline=True)
        return torch.from_numpy(encoder.features(TEXTS))

    exact = features(Runtime())
    assert torch.allclose(features(Runtime(plain_attention=True)), exact, atol=1e-5)
    assert torch.allclose(features(Runtime(dtype="bfloat16", plain_attention=True)), exact, atol=0.05)


def test_scores_are_exact_whatever_features_are_read_in(tmp_path):
    folder = tiny.bert_folder(tmp_path / "bert")
    half, exact = (
        Encoder.open(str(folder), output="classes", size=2, runtime=Runtime(dtype=dtype), offline=True)
        for dtype in ("bfloat16", "float32")
    )
    for encoder in (half, exact):
        encoder.set_head(torch.ones(2, 16).numpy(), torch.zeros(2).numpy())
    assert (half.score(TEXTS) == exact.score(TEXTS)).all()


def test_kernels_are_as_before_after_the_block():
    before = torch.backends.cuda.flash_sdp_enabled()
    with Runtime(dtype="bfloat16", plain_attention=True).autocast():
        assert torch.is_autocast_enabled("cpu")
        assert not torch.backends.cuda.flash_sdp_enabled()
    assert torch.backends.cuda.flash_sdp_enabled() == before
    assert not torch.is_autocast_enabled("cpu")


def test_a_run_goes_on_with_the_choices_it_began_with(tmp_path):
    path = tmp_path / "machine.json"
    found = kept(path)
    begun = json.loads(path.read_text())
    assert begun == {name: getattr(found, name) for name in ("device", "dtype", "threads", "plain_attention")}
    other = "bfloat16" if found.dtype == "float32" else "float32"
    path.write_text(json.dumps({**begun, "dtype": other, "threads": 1}))
    threads = torch.get_num_threads()
    try:
        assert (kept(path).dtype, kept(path).threads, torch.get_num_threads()) == (other, 1, 1)
    finally:
        torch.set_num_threads(threads)
    path.write_text(json.dumps({**begun, "device": "another", "threads": 1}))
    assert kept(path).device == found.device


@pytest.mark.parametrize(
    ("user", "quiet", "expected"),
    [
        ({}, True, {"GOMP_SPINCOUNT": str(runtime.SPINS)}),
        ({}, False, {"OMP_WAIT_POLICY": "PASSIVE"}),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, False, {"OMP_WAIT_POLICY": "ACTIVE"}),
        ({"GOMP_SPINCOUNT": "7"}, True, {"GOMP_SPINCOUNT": "7"}),
    ],
)
def test_threads_wait_busily_only_where_nothing_else_computes(monkeypatch, user, quiet, expected):
    names = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
    for name in names:
        monkeypatch.setenv(name, "")  # so that it is put back, whatever is done to it
        monkeypatch.delenv(name)
    for name, value in user.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(runtime, "_quiet", lambda: quiet)
    runtime.prepare_environment()
    assert {name: os.environ[name] for name in names if name in os.environ} == expected


@pytest.mark.skipif(not Path("/proc/loadavg").exists(), reason="this system does not tell what runs")
def test_another_job_is_noticed():
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(0.3)
        assert not runtime._quiet()
    finally:
        busy.kill()
        busy.wait()
