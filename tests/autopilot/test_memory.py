"""A run never dies of memory: what there is room for, what a method would take, and that less room changes nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from autogpt import AutoGPT, footprint, memory, registry
from autogpt.autopilot import forecast
from autogpt.autopilot.trial import Bench, Candidate, load_scorer, make_job, run_trial
from autogpt.config import Search, byte_count
from autogpt.core import Step, Trainable
from autogpt.errors import ConfigError, ResourceError
from autogpt.memory import Guard, Room
from autogpt.testing import contracts, tiny
from autogpt.training.features import COPIES

METHODS = [name for name in registry.names("methods") if registry.get("methods", name).needs_backbone]


def output_of(method: str) -> str:
    outputs = registry.get("methods", method).outputs
    return "classes" if "classes" in outputs else sorted(outputs)[0]


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Without dropout, whose draws are those of a micro-batch."""
    folder = tiny.bert_folder(tmp_path_factory.mktemp("backbones") / "bert")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    still = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (folder / "config.json").write_text(json.dumps({**config, **still}), "utf-8")
    return folder


class Small(Guard):
    """A machine with so many bytes left, always."""

    def __init__(self, left: int) -> None:
        self.told: list[str] = []
        super().__init__(say=self.told.append)
        self.left = left

    def room(self, device: str = "cpu") -> Room:
        return Room(self.left, "what the test allows")


# --- what there is room for


@pytest.mark.parametrize(
    ("text", "count"), [("2GB", 2 * 10**9), ("512 mb", 512 * 10**6), ("1.5kB", 1500), (None, None)]
)
def test_a_limit_is_an_amount(text: str | None, count: int | None) -> None:
    assert byte_count(text) == count


@pytest.mark.parametrize("text", ["2", "GB", "-1GB", "0MB", "2 gigabytes"])
def test_other_limits_are_refused_with_the_form(text: str) -> None:
    with pytest.raises(ConfigError, match=r"is not an amount; write it as 512MB or 2GB"):
        Search(memory_limit=text)


def group(root: Path, where: str, files: Mapping[str, object]) -> None:
    (root / where).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (root / where / name).write_text(f"{content}\n")


def test_the_tightest_cgroup_counts_and_what_the_kernel_gives_back_is_free(tmp_path: Path) -> None:
    group(tmp_path, "proc/self", {"cgroup": "0::/pod/job"})
    base = {"memory.max": "max", "memory.current": 0, "memory.stat": "inactive_file 0"}
    assert memory.group_room(tmp_path) is None
    group(tmp_path, "sys/fs/cgroup/pod/job", base)
    assert memory.group_room(tmp_path) is None
    group(tmp_path, "sys/fs/cgroup/pod", {**base, "memory.max": 1000, "memory.current": 700})
    assert memory.group_room(tmp_path) == 300
    group(tmp_path, "sys/fs/cgroup", {**base, "memory.max": 800, "memory.current": 750,
                                      "memory.stat": "anon 1\ninactive_file 150"})  # fmt: skip
    assert memory.group_room(tmp_path) == 200


def test_the_first_version_of_cgroups_is_read_too(tmp_path: Path) -> None:
    group(tmp_path, "proc/self", {"cgroup": "3:cpu:/\n4:cpuset,memory:/box"})
    files = {"memory.limit_in_bytes": 5000, "memory.usage_in_bytes": 4000, "memory.stat": "total_inactive_file 100"}
    group(tmp_path, "sys/fs/cgroup/memory/box", files)
    group(tmp_path, "sys/fs/cgroup/memory", {**files, "memory.limit_in_bytes": 1 << 62})
    assert memory.group_room(tmp_path) == 1100


def test_the_users_own_limit_is_of_the_resident_size() -> None:
    limit = memory.resident() + 50_000_000
    room = Guard(limit).room()
    assert room.bound == "--memory-limit"
    assert abs(room.bytes - 50_000_000) < 5_000_000
    assert Guard(1).room().bytes == 0


def test_passing_the_limit_is_noticed_once_though_the_bytes_are_free_again() -> None:
    guard = Guard(memory.high_water() + 20_000_000)
    assert not guard.exceeded()
    np.ones(memory.high_water() - memory.resident() + 60_000_000, dtype=np.uint8).sum()
    assert memory.resident() < memory.high_water()
    assert guard.exceeded()
    assert not guard.exceeded()


# --- what a method would take


def test_counted_bytes_are_those_alive_at_once() -> None:
    layer = torch.nn.Linear(100, 50, bias=False)  # 20,000 bytes, known
    given = torch.ones(10, 100)

    def work() -> None:
        first = given * 2  # 4,000 bytes
        del first
        second = given * 3  # 4,000 bytes
        layer(second)  # 2,000 bytes

    with torch.no_grad():
        assert footprint.of(work, layer) == int(footprint.SLACK * 6000)


class MeasuredError(Exception):
    """Ends a fit at its first step."""


def measured(bench: Bench, method: str, folder: Path) -> list[forecast.Need]:
    """The parts of the first step of a real training, counted; nothing where there is none."""
    found = []

    def loop(model: Trainable, settings: Mapping[str, Any], validate: Any) -> Iterator[Step]:
        found.append(forecast._of_training(model, settings, "cpu"))
        raise MeasuredError

    job = replace(make_job(bench, Candidate(method), folder=folder, remaining=lambda: 60.0), loop=loop)
    try:
        for _ in registry.get("methods", method).fit(job):
            pass
    except MeasuredError:
        pass
    return found


@pytest.mark.parametrize("method", METHODS)
def test_a_rehearsal_without_weights_counts_what_a_real_step_takes(method: str, backbone: Path, tmp_path: Path) -> None:
    bench = contracts.bench(output_of(method), backbone)
    longest = max(bench.train, key=lambda row: len(str(row.inputs)))
    stage = forecast.Stage(str(backbone), bench.output, bench.space, (longest, *bench.train[:5]))
    try:
        real = measured(bench, method, tmp_path)
    except ConfigError as refusal:
        with pytest.raises(ConfigError, match=str(refusal)[:40]):
            forecast.need(method, stage)
        return
    found = forecast.need(method, stage)
    assert found.trained == bool(real)
    assert found.weights == 2 * sum(p.nbytes for p in bench.open().net.parameters())
    assert 0 < found.read_row <= found.reading
    for step in real:
        assert found.gradients == step.gradients
        assert found.row >= 0.7 * step.row
        if step.at_once[0] == 1:  # what a batch that is not torn apart brings along is known when it is made
            assert found.row <= 1.3 * step.row
        assert found.most >= found.least > found.weights + found.gradients + found.row


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_every_family_can_be_rehearsed(family: str, tmp_path: Path) -> None:
    folder = tiny.encoder_folder(tmp_path / family, family)
    bench = contracts.bench("classes", folder)
    stage = forecast.Stage(str(folder), bench.output, bench.space, bench.train[:6])
    full, head = forecast.need("full", stage), forecast.need("head", stage)
    assert full.trained
    assert full.least > head.least
    step = measured(bench, "full", tmp_path / "trial")[0]
    assert full.gradients == step.gradients
    assert full.row == pytest.approx(step.row, rel=0.3)


# --- less room, the same result


@pytest.mark.parametrize("method", METHODS)
def test_a_method_gives_the_same_with_little_room_or_is_refused_with_the_number(
    method: str, backbone: Path, tmp_path: Path
) -> None:
    options = dict(contracts.QUICK.get(method, {}))
    plenty = contracts.bench(output_of(method), backbone)
    candidate = Candidate(method, options)
    try:
        expected, _ = run_trial(plenty, candidate, folder=tmp_path / "plenty", remaining=lambda: 120.0)
    except ConfigError as refusal:
        pytest.skip(str(refusal))
    longest = max(plenty.train, key=lambda row: len(str(row.inputs)))
    stage = forecast.Stage(str(backbone), plenty.output, plenty.space, (longest, *plenty.train[:5]))
    need = forecast.need(method, stage, options)
    features = 4 * COPIES * plenty.open().width * sum(len(str(row.inputs).split()) for row in plenty.train)
    rows = 3 if need.at_once[0] == 1 else need.at_once[1]
    guard = Small(int(max(need.gradients + need.kept + rows * need.row, features, need.read_row) / memory.SHARE) + 1)
    small = contracts.bench(output_of(method), backbone, guard=guard)
    found, _ = run_trial(small, candidate, folder=tmp_path / "small", remaining=lambda: 120.0)
    inputs = [row.inputs for row in plenty.validation]
    scores = [load_scorer(tmp_path / which / "scorer", expected.family).score(inputs) for which in ("plenty", "small")]
    # Sums in another order differ by 1e-6, and what is trained on them by up to 0.011 (two threads of an AMD EPYC).
    contracts.same(scores[0], scores[1], tolerance=5e-2)
    assert found.scores == pytest.approx(expected.scores, abs=0.02)
    if need.trained and need.at_once[0] == 1 and features < need.row:
        assert any("for lack of memory (batches stay as large, in parts)" in told for told in guard.told)
    problem = need.problem(Room(need.least // 2, "what the test allows"))
    assert problem is not None
    assert problem.startswith(f"it needs {memory.size(need.needed)} of memory, and ")


def opened(backbone: Path, guard: Guard) -> Any:
    return contracts.bench("classes", backbone, guard=guard).open()


def test_scoring_with_little_room_gives_the_same_or_says_the_number(backbone: Path) -> None:
    inputs = [row.inputs for row in tiny.examples("classes", 48)]
    bench = contracts.bench("classes", backbone)
    stage = forecast.Stage(str(backbone), bench.output, bench.space, bench.train[:2])
    row = forecast.need("head", stage).read_row
    guard = Small(int(4 * row / memory.SHARE))
    expected, found = bench.open().features(inputs), opened(backbone, guard).features(inputs)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert guard.told == [
        f"texts are read in smaller batches, for lack of memory: {memory.size(guard.left)} may be used "
        "(what the test allows)"
    ]
    with pytest.raises(ResourceError, match=r"reading a row of \d+ tokens takes .* of memory, and .* may be used"):
        opened(backbone, Small(row // 4)).score(inputs)


def test_one_row_needs_no_counting_before_it_is_read(backbone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footprint, "of", lambda work, module: pytest.fail("counted where memory is plentiful"))
    opened(backbone, Small(1 << 40)).score([{"text": "the card is red"}])


def test_activations_are_left_out_where_they_do_not_fit_and_training_is_the_same(backbone: Path) -> None:
    bench = contracts.bench("classes", backbone)
    scores = []
    tokens = sum(piece.length for piece in bench.open().pieces([row.inputs for row in bench.train]))
    for guard, kept in ((Small(1 << 40), True), (Small(4 * 16 * tokens), False)):
        encoder = opened(backbone, guard)
        training = encoder.training(bench.train, output=bench.output, space=bench.space, layers=1)
        assert (training.cache is not None) is kept
        assert any("frozen layers run in every step" in told for told in guard.told) is not kept
        encoder.set_head(np.ones((3, 16)), np.zeros(3))
        guard.left = 1 << 40
        scores.append(training.score())
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-4)


def test_features_stop_being_read_where_they_would_not_fit(backbone: Path) -> None:
    guard = Small(1 << 40)
    bench = contracts.bench("classes", backbone, guard=guard)
    inputs = [row.inputs for row in bench.train]
    assert len(bench.features.get(inputs[:4])[0]) == 4
    guard.left = 0
    known = [place for place, row in enumerate(inputs) if row in inputs[:4]]
    assert bench.features.get(inputs)[0] == known
    assert "features of 4 rows are kept, and no more are read" in guard.told[0]


SCRIPT = """
import json, resource, sys
from dataclasses import replace
from pathlib import Path
import numpy as np, psutil, torch
from autogpt import memory
from autogpt.autopilot import forecast
from autogpt.autopilot.trial import Candidate, load_scorer, run_trial
from autogpt.errors import ResourceError
from autogpt.testing import contracts, tiny

bound, folder = sys.argv[1], Path(sys.argv[2])
options = {"epochs": 1.0, "batch_rows": 64, "prune": 0.0, "learning_rate": 1e-3}
rows = [replace(r, inputs={"text": " ".join([r.inputs["text"]] * 4)}) for r in tiny.examples("classes", 96)]


def fit(name, guard):
    bench = contracts.bench("classes", folder / "bert", guard=guard)
    bench = replace(bench, train=rows[16:], validation=rows[:16])
    stage = forecast.Stage(str(folder / "bert"), bench.output, bench.space, tuple(rows[:6]))
    refused = forecast.need("full", stage, options).problem(guard.room())
    if refused:
        return refused, None
    run_trial(bench, Candidate("full", options), folder=folder / name, remaining=lambda: 600.0)
    scorer = load_scorer(folder / name / "scorer", "encoder")
    return "", scorer.score([row.inputs for row in rows], batch_rows=64)


def limited(megabytes):
    memory.release()
    told = []
    if bound == "setting":
        return memory.Guard(memory.resident() + megabytes * 10**6, say=told.append), told
    limit = psutil.Process().memory_info().vms + megabytes * 10**6
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    return memory.Guard(say=told.append), told


torch.set_num_threads(1)
_, expected = fit("plenty", memory.Guard())
guard, told = limited(int(sys.argv[3]))
refused, found = fit("small", guard)
tight, _ = limited(8)
least, _ = fit("tight", tight)
print(json.dumps({"refused": refused, "told": told, "least": least,
                  "difference": None if found is None else float(np.abs(found - expected).max())}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS bounds nothing elsewhere")
@pytest.mark.parametrize(
    ("bound", "named", "room"), [("setting", "--memory-limit", "80"), ("process", "RLIMIT_AS", "80")]
)
def test_real_limits_end_in_the_same_weights_or_in_a_refusal(bound: str, named: str, room: str, tmp_path: Path) -> None:
    """In a process of its own, of a body wide enough that its bytes are not lost among those of the libraries."""
    from transformers import AutoConfig, AutoModel

    folder = tiny.bert_folder(tmp_path / "bert")
    wide = {"hidden_size": 256, "intermediate_size": 1024, "hidden_dropout_prob": 0.0}
    config = AutoConfig.from_pretrained(folder, **wide, attention_probs_dropout_prob=0.0)
    AutoModel.from_config(config).save_pretrained(folder)
    one = {**os.environ, "OMP_NUM_THREADS": "1"}  # each thread takes address space: the room would depend on the cores
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, bound, str(tmp_path), room], capture_output=True, text=True, timeout=300, env=one
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["refused"] == ""
    assert any("tokens at once, for lack of memory" in told and named in told for told in found["told"])
    assert found["difference"] < 1e-4
    assert "it needs " in found["least"]
    assert f"may be used ({named})" in found["least"]


@pytest.mark.parametrize(("megabytes", "rows"), [(1000, 2000), (8, 1000), (0, 500)])
def test_words_are_counted_of_as_many_rows_as_there_is_room_for(megabytes: int, rows: int, tmp_path: Path) -> None:
    table = [replace(row, inputs={"text": f"{row.inputs['text']:<40}"[:40]}) for row in tiny.examples("classes", 2000)]
    bench = replace(contracts.bench("classes", tmp_path), train=table, room=lambda: megabytes * 10**6)
    found, _ = run_trial(bench, Candidate("tfidf"), folder=tmp_path / "tfidf", remaining=lambda: 60.0)
    expected = () if rows == 2000 else (f"memory allowed fitting on {rows} of 2000 rows",)
    assert found.notes == expected


@pytest.fixture
def notes() -> list[dict[str, Any]]:
    return [{"note": row.inputs["text"] + f" {place}", "kind": row.target}
            for place, row in enumerate(tiny.examples("classes", 90))]  # fmt: skip


def test_a_run_without_room_for_an_encoder_says_the_number_and_goes_on_without(
    notes: list[dict[str, Any]], backbone: Path, tmp_path: Path
) -> None:
    search = Search(backbone=str(backbone), memory_limit="1MB")
    tuner = AutoGPT(output=str(tmp_path), search=search)
    told = []
    tuner.train(notes, time_limit="60s", listen=lambda event: told.append(event.message))
    assert tuner.run is not None
    refused = [message for message in told if message.startswith("no encoder is tried: ")]
    assert "of memory, and 0 B may be used (--memory-limit); use a" in refused[0]
    assert {trial.name for trial in tuner.run.report.trials} == {"majority", "tfidf"}


def test_a_named_method_without_room_is_refused_with_the_number(
    notes: list[dict[str, Any]], backbone: Path, tmp_path: Path
) -> None:
    search = Search(backbone=str(backbone), memory_limit="1MB", methods="full")
    with pytest.raises(ResourceError, match=r"needs? .*B of memory|take .*B of memory"):
        AutoGPT(output=str(tmp_path), search=search).train(notes, time_limit="60s")
