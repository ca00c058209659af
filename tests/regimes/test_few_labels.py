"""Learning without labels, or with few: votes, the gate, products of experts, and the run from file to model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autogpt import AutoGPT, experts, load
from autogpt.ballot import Votes
from autogpt.cli.app import execute
from autogpt.config import Columns, Search
from autogpt.errors import ConfigError, InputError
from autogpt.probe import Head
from autogpt.regimes import _gate, _label_model
from autogpt.regimes._rows import read_labels
from autogpt.regimes.self_training import self_train
from autogpt.testing import tiny
from autogpt.vectors import unit


def blobs(*, classes: int = 3, rows: int = 300, noise: float = 0.35, seed: int = 0) -> tuple[Any, Any]:
    """Vectors [N, 12] of length 1 around a direction per class, and their classes."""
    rng = np.random.default_rng(seed)
    truth = np.arange(rows) % classes
    return unit(np.eye(12)[truth] + noise * rng.normal(size=(rows, 12))), truth


def noisy(truth: Any, *, wrong: float, classes: int = 3, seed: int = 1) -> Any:
    """Scores [N, C] whose answers are wrong in a part of the rows, drawn at random."""
    rng = np.random.default_rng(seed)
    answers = np.where(rng.random(len(truth)) < wrong, rng.integers(classes, size=len(truth)), truth)
    return 2.0 * np.eye(classes)[answers] + 0.1 * rng.normal(size=(len(truth), classes))


def right(head: Head | None, vectors: Any, truth: Any) -> float:
    assert head is not None
    return float((np.asarray(head(vectors)).argmax(axis=1) == truth).mean())


def test_the_pool_repairs_noisy_votes() -> None:
    vectors, truth = blobs()
    votes = noisy(truth, wrong=0.3)
    taught = self_train(vectors, votes)
    assert (votes.argmax(axis=1) == truth).mean() < 0.85
    assert right(taught.head, vectors, truth) > 0.9
    assert all(finding.allowed for finding in taught.findings)
    assert set(taught.answers) == {0, 1, 2}


def test_votes_that_have_nothing_to_do_with_the_pool_are_refused() -> None:
    vectors, truth = blobs()
    taught = self_train(vectors, noisy(truth, wrong=1.0))
    assert taught.head is None
    assert "is the least agreement" in str(taught.findings[-1])


def test_the_gate_sees_classes_die() -> None:
    votes = np.arange(90) % 3
    finding = _gate.judge("a step", votes, np.where(votes == 2, 0, votes), classes=3)
    assert (finding.allowed, finding.lost) == (False, 1)
    assert "classes die out" in str(finding)


def test_the_rand_index_is_that_of_scikit_learn() -> None:
    from sklearn.metrics import adjusted_rand_score

    rng = np.random.default_rng(0)
    one = rng.integers(5, size=200)
    other = np.where(rng.random(200) < 0.5, one, rng.integers(5, size=200))
    assert _gate.rand_index(one, other, 5) == pytest.approx(adjusted_rand_score(one, other))


def test_the_label_model_finds_who_is_right() -> None:
    rng, truth = np.random.default_rng(0), np.arange(600) % 2
    votes = []
    for name, accuracy, coverage in (("good", 0.9, 1.0), ("fair", 0.75, 0.8), ("poor", 0.55, 1.0), ("rare", 0.8, 0.5)):
        answers = np.where(rng.random(600) < accuracy, truth, 1 - truth)
        votes.append(Votes(name, np.eye(2)[answers] * (rng.random(600) < coverage)[:, None]))
    verdict = _label_model.decide(votes)
    good, fair, poor, rare = verdict.accuracy
    assert good > max(fair, rare) > min(fair, rare) > poor
    majority = sum(one.shares for one in votes).argmax(axis=1)
    assert (verdict.scores.argmax(axis=1) == truth).mean() > (majority == truth).mean()


def test_an_expert_joins_where_it_helps_on_the_labelled_rows_and_only_there() -> None:
    vectors, truth = blobs(noise=0.8)
    shots, targets = vectors[:24], truth[:24]
    good = Head(weight=8 * np.eye(12)[:3], bias=np.zeros(3), c=0.0)
    wrong = Head(weight=8 * np.eye(12)[[1, 2, 0]], bias=np.zeros(3), c=0.0)
    others = {"good": (good, np.asarray(good(shots))), "wrong": (wrong, np.asarray(wrong(shots)))}
    joined = experts.join(shots, targets, others, classes=3, seed=0)
    assert "good joins" in joined.said[0]
    assert "wrong is left out" in joined.said[1]
    alone = experts.shots_head(shots, targets, classes=3)
    assert right(joined.head, vectors, truth) > right(alone, vectors, truth)


def test_labels_are_named_in_a_line_a_file_or_a_mapping(tmp_path: Path) -> None:
    assert read_labels("card_lost，退款") == {"card_lost": ("card lost",), "退款": ("退款",)}
    (tmp_path / "a.yaml").write_text("good: [praise, joy]\nbad:\n", "utf-8")
    assert read_labels(str(tmp_path / "a.yaml")) == {"good": ("praise", "joy"), "bad": ("bad",)}
    (tmp_path / "a.json").write_text('{"labels": ["good", "bad"]}', "utf-8")
    assert read_labels(str(tmp_path / "a.json")) == {"good": ("good",), "bad": ("bad",)}
    with pytest.raises(ConfigError, match="1 labels are named"):
        read_labels("good")


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.encoder_folder(tmp_path_factory.mktemp("bert") / "bert", "bert", spread=0.3)


def rows(*, labelled: int = 0) -> list[dict[str, Any]]:
    """Texts about colours; the first have a label."""
    colours = ("red", "green")
    return [
        {"text": f"the {('card', 'dog', 'cat')[i % 3]} is {colours[i % 2]} {i}",
         "colour": colours[i % 2] if i < labelled else None}
        for i in range(80)
    ]  # fmt: skip


def trainer(backbone: Path, tmp_path: Path) -> AutoGPT:
    return AutoGPT(output=str(tmp_path / "runs"), search=Search(backbone=str(backbone)))


def test_without_labels_there_is_a_model_and_no_score(backbone: Path, tmp_path: Path) -> None:
    found = trainer(backbone, tmp_path).train_from_names(rows(), ["red", "green"], time_limit="60s")
    assert found.findings.score is None
    assert "no honest score" in found.findings.measured
    assert sum(found.findings.shares.values()) == pytest.approx(1.0)
    assert load(found.folder).predict("the dog is red")[0].value in ("red", "green")
    pseudo = [json.loads(line) for line in (found.folder / "pseudo-labels.jsonl").read_text("utf-8").splitlines()]
    assert {row["from"] for row in pseudo} == {"self-training"}


def test_a_persons_labels_are_learned_from_kept_and_the_only_measure(backbone: Path, tmp_path: Path) -> None:
    found = trainer(backbone, tmp_path).train_from_names(rows(labelled=12), ["red", "green"], time_limit="60s")
    assert found.findings.score is not None
    assert (found.findings.score.n, found.findings.labelled) == (12, 12)
    pseudo = [json.loads(line) for line in (found.folder / "pseudo-labels.jsonl").read_text("utf-8").splitlines()]
    given = {row["row"]: row["colour"] for row in pseudo if row["from"] == "a person"}
    assert given == {i: ("red", "green")[i % 2] for i in range(12)}


def test_a_test_table_is_the_measure_and_never_in_the_pool(backbone: Path, tmp_path: Path) -> None:
    test = [{"text": f"my {row['text']}", "colour": ("red", "green")[i % 2]} for i, row in enumerate(rows()[:30])]
    found = trainer(backbone, tmp_path).train_from_names(rows(), ["red", "green"], test, time_limit="60s")
    assert found.findings.score is not None
    assert (found.findings.score.n, found.findings.measured) == (30, "the test rows")
    assert "my " not in (found.folder / "pseudo-labels.jsonl").read_text("utf-8")


def test_a_label_that_is_not_named_is_refused(backbone: Path, tmp_path: Path) -> None:
    search, columns = Search(backbone=str(backbone)), Columns(target="colour")
    tuner = AutoGPT(output=str(tmp_path), search=search, columns=columns)
    with pytest.raises(InputError, match="'colour' has 'red', which --labels does not name"):
        tuner.train_from_names(rows(labelled=4), ["blue", "green"])
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_that_there_is_no_score(
    backbone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("texts.json").write_text(json.dumps([{"text": row["text"]} for row in rows()]), "utf-8")
    Path("rules.yaml").write_text("红: red\n绿: green\n", "utf-8")
    arguments = ["run", "texts.json", "--labels", "红,绿", "--patterns", "rules.yaml", "--backbone", str(backbone)]
    assert execute([*arguments, "--lang", "zh"]) == 0
    assert "没有一行带有人工标签" in capsys.readouterr().out
    assert execute([*arguments, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["findings"]["score"] is None
    assert {one["voter"] for one in document["findings"]["voters"]} == {"names", "pattern 'red'", "pattern 'green'"}


def test_labels_that_nobody_described_are_described_by_prompts_that_the_model_keeps(
    backbone: Path, tmp_path: Path
) -> None:
    found = trainer(backbone, tmp_path).train_from_names(rows(labelled=12), ["red", "green"], time_limit="60s")
    assert found.findings.prompts
    assert load(found.folder).info["prompts"] == list(found.findings.prompts)
    journal = (found.folder / "journal.jsonl").read_text("utf-8")
    assert "prompts were tried" in journal
    described = {"red": "a red thing", "green": ""}
    told = trainer(backbone, tmp_path / "other").train_from_names(rows(), described, time_limit="60s")
    assert told.findings.prompts == ()
    assert "prompts" not in told.model.info
