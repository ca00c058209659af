"""A training that is killed (SIGKILL) at random moments ends with the weights of one that is not (RELIABILITY T1)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch


@pytest.mark.skipif(torch.cuda.is_available(), reason="lives are forked, and weights are equal bit for bit on a CPU")
@pytest.mark.parametrize("kills", [10, pytest.param(200, marks=pytest.mark.nightly)])
def test_killed_trainings_end_unattended_with_equal_weights(root: Path, kills: int) -> None:
    command = [sys.executable, root / "benchmarks" / "kill.py", "--kills", str(kills)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    count = json.loads(done.stdout)
    assert count["kills"] >= kills
    assert count["in_a_save"] >= 1
    assert count["equal"] == count["trainings"] >= 1
    assert count["left_over"] == 0
