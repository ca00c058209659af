"""What only a process of its own can show: memory that stays flat, and Ctrl-C in the middle of a run."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.nightly

WORDS = ("good", "bad", "phone", "battery", "works", "great", "awful", "screen", "love", "hate", "sound", "price")


def write_rows(path: Path, count: int, *, label: bool) -> None:
    rng = random.Random(0)
    with path.open("w") as file:
        file.write("text,label\n" if label else "text\n")
        for number in range(count):
            word, answer = ("fine", "up") if number % 2 else ("poor", "down")
            text = " ".join([*rng.choices(WORDS, k=12), word])
            file.write(f"{text},{answer}\n" if label else f"{text}\n")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "autogpt.cli", *arguments]


def test_answering_a_file_takes_the_same_memory_whatever_its_length(shell: Callable[..., Any], tmp_path: Path) -> None:
    write_rows(tmp_path / "train.csv", 200, label=True)
    trained = shell(
        "train", str(tmp_path / "train.csv"), "--method", "tfidf", "-t", "30s", "--json", "-o", str(tmp_path)
    )
    model = trained.document["model"]
    peaks = []
    for count in (5_000, 100_000):
        source = tmp_path / f"{count}.csv"
        write_rows(source, count, label=False)
        process = subprocess.Popen(command("predict", model, "-i", str(source), "-o", str(tmp_path / "out.csv")))
        _, status, usage = os.wait4(process.pid, 0)
        assert status == 0
        peaks.append(usage.ru_maxrss / 1024)
    assert peaks[1] - peaks[0] < 40, f"MiB: {peaks}"


def test_ctrl_c_keeps_what_was_done_and_the_printed_command_goes_on(shell: Callable[..., Any], tmp_path: Path) -> None:
    write_rows(tmp_path / "train.csv", 400, label=True)
    arguments = (
        "run",
        str(tmp_path / "train.csv"),
        "--method",
        "majority,tfidf",
        "-t",
        "60s",
        "-o",
        str(tmp_path / "runs"),
    )
    process = subprocess.Popen(
        command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )
    assert process.stderr is not None
    for line in process.stderr:  # the first trial has begun
        if " trial " in line:
            break
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    resume = err.split("autogpt ")[-1].split()
    assert resume[0] == "resume"
    assert json.loads((Path(resume[1]) / "run.json").read_text())["status"] == "paused"
    found = shell(*resume, "--json")
    assert found.code == 0
    assert found.document["report"]["systems"][0]["scores"]
