"""Label names beside few rows: what is said of a label is learned from as rows of little weight, where rows agree."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autogpt import AutoGPT, registry
from autogpt.autopilot import belief
from autogpt.autopilot.described import ONE_ROW_WORTH, PER_LABEL, described, descriptions, worth_of
from autogpt.autopilot.trial import Bench, Candidate, Result, load_result, make_job
from autogpt.config import Search
from autogpt.core import Example
from autogpt.methods.contrastive import Options, Pairs
from autogpt.testing import contracts, tiny
from autogpt.vectors import unit

GOAL = "tell lost cards from fees"


@pytest.fixture(scope="module")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.bert_folder(tmp_path_factory.mktemp("bert") / "bert")


def world(rows: int, *, turned: bool, noise: float = 1.5) -> dict[str, Any]:
    """Vectors of rows around three directions, and of descriptions around the same ones, or around each other's."""
    rng, centres = np.random.default_rng(0), np.eye(3, 40)
    targets = np.repeat(np.arange(3), rows)
    answers = np.repeat(np.arange(3), 6)

    def drawn(labels: Any, spread: float) -> Any:
        return unit(centres[labels] + spread * rng.normal(size=(len(labels), 40)) / 40**0.5)

    said = drawn((answers + turned) % 3, 1.0)
    found = {"rows": drawn(targets, noise), "targets": targets, "said": said, "answers": answers}
    return {**found, "part": np.full(18, 1 / 6), "classes": 3, "seed": 0}


@pytest.mark.parametrize("rows", [2, 4, 8])
def test_descriptions_that_lie_where_rows_lie_are_worth_some_rows(rows: int) -> None:
    worth, why = worth_of(**world(rows, turned=False))
    assert worth > 0, why


@pytest.mark.parametrize("rows", [4, 8])
def test_descriptions_of_other_labels_are_worth_nothing(rows: int) -> None:
    worth, why = worth_of(**world(rows, turned=True))
    assert worth == 0, why


def test_a_single_row_of_a_label_has_to_speak_clearly_against_them() -> None:
    assert worth_of(**world(1, turned=False))[0] > 0
    assert worth_of(**world(1, turned=True, noise=0.2))[0] == 0


def test_a_label_with_one_row_among_many_does_not_decide() -> None:
    given = world(8, turned=True)
    kept = [place for place, label in enumerate(given["targets"]) if label != 2 or place == 16]
    worth, why = worth_of(**{**given, "rows": given["rows"][kept], "targets": given["targets"][kept]})
    assert worth == 0, why


def bench_of(tiny_bert: Path, labels: Sequence[str], rows: int = 4, **inputs: str) -> Bench:
    bench = contracts.bench("classes", tiny_bert)
    train = [Example(place, {"text": f"card {place}", **inputs}, label) for label in labels for place in range(rows)]
    return replace(bench, train=train, space=bench.output.space([row.target for row in train]))


def told(bench: Bench, said: list[str] | None = None) -> Sequence[Example]:
    """The descriptions that a run's methods get."""
    say = lambda kind, message, **_: (said if said is not None else []).append(message)  # noqa: E731
    return described(bench, goal=GOAL, columns=("text",), say=say, remaining=lambda: 600.0).descriptions()


def test_labels_without_a_name_many_rows_and_pairs_are_left_as_they_are(tiny_bert: Path) -> None:
    assert told(bench_of(tiny_bert, ["0", "1"])) == ()
    assert told(bench_of(tiny_bert, ["fee", "lost"], rows=40)) == ()
    assert told(bench_of(tiny_bert, ["fee", "lost"], text_pair="other")) == ()


def test_every_label_is_described_by_its_name_in_as_many_ways_as_there_is_time_for(tiny_bert: Path) -> None:
    bench, names = bench_of(tiny_bert, ["fee", "lost_card"]), {"fee": ("fee",), "lost_card": ("lost card",)}
    found = descriptions(bench, names, goal=GOAL, columns=("text",), most=20)
    assert {label: len(own) for label, own in found.items()} == {"fee": 10, "lost_card": 10}
    assert all("lost card" in text for text in found["lost_card"])
    assert descriptions(bench, names, goal=GOAL, columns=("text",), most=2 * PER_LABEL[0] - 1) == {}


def test_chinese_labels_are_described_in_chinese(tiny_bert: Path) -> None:
    bench = replace(bench_of(tiny_bert, ["好评", "差评"]), train=[Example(0, {"text": "这部电影很好看"}, "好评")])
    found = descriptions(bench, {"好评": ("好评",), "差评": ("差评",)}, goal="判断影评", columns=(), most=40)
    assert any(text.startswith("这是") for text in found["好评"])
    assert not any("This" in text for text in found["好评"])


def test_only_methods_that_take_them_learn_from_them(tiny_bert: Path, tmp_path: Path) -> None:
    said: list[str] = []
    say = lambda kind, message, **_: said.append(message)  # noqa: E731
    bench = described(
        bench_of(tiny_bert, ["fee", "lost"], rows=1), goal=GOAL, columns=("text",), say=say, remaining=lambda: 600.0
    )
    rows = {
        name: make_job(bench, Candidate(name), folder=tmp_path, remaining=lambda: 60.0).train
        for name in ("tfidf", "full", "head", "contrastive")
    }
    more = bench.descriptions()
    assert more, said
    assert rows["tfidf"] == rows["full"] == bench.train
    assert rows["head"] == rows["contrastive"] == [*bench.train, *more]
    assert len(said) == 1
    assert sum(one.weight for one in more if one.target == "fee") == pytest.approx(ONE_ROW_WORTH)


def test_a_resumed_run_has_the_descriptions_that_it_began_with(tiny_bert: Path, tmp_path: Path) -> None:
    bench, kept = bench_of(tiny_bert, ["fee", "lost"], rows=1), tmp_path / "descriptions.json"
    usual: dict[str, Any] = {"goal": GOAL, "columns": ("text",), "say": lambda *_, **__: None, "kept": kept}
    first = described(bench, **usual, remaining=lambda: 600.0).descriptions()
    assert len(first) > 8
    assert described(bench, **usual, remaining=lambda: 0.5).descriptions() == first


def test_a_row_of_little_weight_is_drawn_into_few_pairs(tiny_bert: Path) -> None:
    bench = contracts.bench("classes", tiny_bert)
    train = [replace(row, weight=0.1 if place % 2 else 1.0) for place, row in enumerate(bench.train)]
    training = bench.open().training(train, output=bench.output, space=bench.space)
    pairs = Pairs(training, options=Options(anchors=2000), seed=0)
    assert np.mean(pairs.anchors % 2) == pytest.approx(1 / 11, abs=0.03)
    assert np.mean(pairs.partners % 2) < 0.3
    assert (np.asarray(training.targets)[pairs.anchors] == np.asarray(training.targets)[pairs.partners]).all()
    assert pairs.batch([0, 1, 2]).weight.tolist() == [1.0, 1.0, 1.0], "the weight is in the drawing"


def test_without_validation_rows_what_is_usual_decides() -> None:
    def result(method: str, *, described: float = 0.0) -> Result:
        return Result(method, method, {}, {}, {"accuracy": float("nan")}, 1.0, "encoder", 1.0, described=described)

    metric = registry.get("metrics", "accuracy")
    found = [result(name) for name in ("majority", "tfidf", "head", "contrastive", "full")]
    assert belief.choose(found, metric=metric, rows=0).method == "contrastive"
    assert belief.choose([*found, result("head", described=0.5)], metric=metric, rows=0).method == "head"


def test_a_run_with_one_row_of_each_label_ends_with_a_model(tiny_bert: Path, tmp_path: Path) -> None:
    few = [{"text": "my card is gone", "label": "lost"}, {"text": "how much do I pay", "label": "fee"}]
    test = [{"text": f"how much do I pay for number {place}", "label": "fee"} for place in range(10)]
    face = AutoGPT(output=str(tmp_path), search=Search(methods="tfidf,head", backbone=str(tiny_bert)))
    model = face.train(few, [*test, *few], goal=GOAL, time_limit="60s")
    assert model.predict("how much do I pay")[0].value in ("lost", "fee")
    assert face.run is not None
    trial = load_result(next((face.run.folder / "trials").glob("*-head")))
    assert trial is not None
    assert np.isnan(trial.scores["accuracy"])
    assert trial.known["accuracy"] is None
    journal = (face.run.folder / "journal.jsonl").read_text("utf-8")
    assert "no validation rows" in journal
    assert "label names" in journal
