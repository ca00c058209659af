"""Methods that rank passages, against formulas written out here."""

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from autogpt import registry
from autogpt.autopilot.trial import Candidate, make_job, run_trial
from autogpt.backbones.bm25 import BM25, terms
from autogpt.errors import ConfigError, Interrupted
from autogpt.events import Event
from autogpt.methods import _passages, hybrid
from autogpt.methods.retriever import Options, Questions, hardest, mined
from autogpt.testing import contracts, tiny

PASSAGES = ("the red card was lost", "the card", "a dog sleeps and a cat runs", "money found in rome and rome lives")


@pytest.fixture(scope="module")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.bert_folder(tmp_path_factory.mktemp("bert") / "bert")


def bm25_by_hand(query: str, passage: str, k1: float, b: float) -> float:
    words, average = passage.split(), sum(len(p.split()) for p in PASSAGES) / len(PASSAGES)
    total = 0.0
    for word in query.split():
        df = sum(word in p.split() for p in PASSAGES)
        tf = Counter(words)[word]
        idf = math.log(1 + (len(PASSAGES) - df + 0.5) / (df + 0.5))
        total += idf * tf / (k1 * (1 - b + b * len(words) / average) + tf) if tf else 0.0
    return total


@pytest.mark.parametrize(("k1", "b"), [(1.2, 0.75), (0.0, 0.0), (2.0, 1.0)])
def test_bm25_is_its_formula(k1: float, b: float) -> None:
    queries = ["the card", "rome rome dog", "nothing known"]
    found = BM25.open(PASSAGES, k1=k1, b=b).score([{"text": query} for query in queries])
    by_hand = [[bm25_by_hand(query, passage, k1, b) for passage in PASSAGES] for query in queries]
    np.testing.assert_allclose(found, by_hand, rtol=1e-5)


def test_bm25_reads_chinese_by_characters_and_their_pairs() -> None:
    assert terms("Ａ卡 丢了, don't 2024!") == ["a", "卡", "丢", "了", "丢了", "don", "t", "2024"]
    scores = BM25.open(["我的银行卡丢了", "我想开一个账户"], k1=1.2, b=0.75).score([{"text": "银行卡在哪"}])
    assert scores[0, 0] > scores[0, 1] == 0.0


def test_bm25_scores_do_not_depend_on_the_batch_and_are_saved(tmp_path: Path) -> None:
    scorer = BM25.open(PASSAGES, k1=1.2, b=0.75)
    contracts.scorer_contract(scorer, [{"text": "red card"}, {"text": "?!"}, {"text": "rome"}], tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".safetensors"}


def test_the_untuned_encoder_ranks_by_the_cosine_of_its_own_vectors(tiny_bert: Path, tmp_path: Path) -> None:
    bench = contracts.bench("ranking", tiny_bert)
    _, scorer = run_trial(bench, Candidate("bi-encoder"), folder=tmp_path, remaining=lambda: 60.0)
    encoder, queries = bench.open(), [example.inputs for example in bench.validation]
    asked, passages = (np.asarray(encoder.features(x)) for x in (queries, [{"text": p} for p in bench.space.labels]))
    cosine = (asked @ passages.T) / np.linalg.norm(asked, axis=1)[:, None] / np.linalg.norm(passages, axis=1)
    scores = np.asarray(scorer.score(queries)) / np.linalg.norm(asked, axis=1)[:, None]
    np.testing.assert_allclose(scores, _passages.SCALE * cosine, atol=1e-4)


def test_sentence_transformers_finds_the_same_passage_in_the_saved_folder(tiny_bert: Path, tmp_path: Path) -> None:
    models = pytest.importorskip("sentence_transformers")
    bench = contracts.bench("ranking", tiny_bert)
    _, scorer = run_trial(bench, Candidate("bi-encoder"), folder=tmp_path, remaining=lambda: 60.0)
    queries = [example.inputs["text"] for example in bench.validation]
    own = models.SentenceTransformer(str(tmp_path / "scorer"), device="cpu").encode(queries)
    np.testing.assert_allclose(own, scorer.score([{"text": query} for query in queries]), atol=1e-4)


def test_negatives_are_hard_safely_wrong_and_never_twins() -> None:
    similarity = np.array([0.8, 0.9, 0.79, 0.7, 0.6, 0.75])
    vectors = np.eye(6)
    vectors[5] = vectors[0]  # a twin of the right passage
    right = np.array([0])
    assert hardest(similarity, 0, right, vectors, Options(negatives=2)) == [3, 4]
    assert hardest(similarity, 0, right, vectors, Options(negatives=2, margin=0.0)) == [2, 3]
    assert hardest(similarity, 0, np.array([0, 3]), vectors, Options(negatives=2)) == [4]
    assert hardest(similarity, 0, right, vectors, Options(negatives=0)) == []
    with pytest.raises(ConfigError, match="negatives -1"):
        Options(negatives=-1)


def questions(bench: Any, folder: Path, options: Options) -> tuple[Questions, Any]:
    job = make_job(bench, Candidate("retriever"), folder=folder, remaining=lambda: 60.0)
    pairs, encoder = mined(job, options), job.open()
    passages = [replace(bench.train[0], inputs=one, target=()) for one in _passages.inputs(job)]
    training = encoder.training([*bench.train, *passages], output=bench.output, space=bench.space)
    return Questions(training, pairs, queries=len(bench.train), temperature=0.05), encoder


def test_the_loss_is_a_softmax_over_the_passages_of_the_batch(tiny_bert: Path, tmp_path: Path) -> None:
    bench = contracts.bench("ranking", tiny_bert)
    rows, encoder = questions(bench, tmp_path, Options(negatives=1, margin=0.0))
    batch = rows.batch([0, 5, 7])
    encoder.net.eval()
    with torch.no_grad():
        losses = rows.loss(rows.forward(batch), batch).numpy()
    chosen = np.unique([c for row in (0, 5, 7) for c in (rows.pairs.passage[row], *rows.pairs.negatives[row])])
    unit = lambda inputs: _passages.unit(np.asarray(encoder.features(inputs)))  # noqa: E731
    passages = unit([{"text": bench.space.labels[column]} for column in chosen])
    for place, row in enumerate((0, 5, 7)):
        query, own = rows.pairs.query[row], rows.pairs.passage[row]
        similarity = (unit([bench.train[query].inputs]) @ passages.T)[0] / 0.05
        kept = ~rows.pairs.closed(row, chosen)
        by_hand = np.log(np.exp(similarity[kept]).sum()) - similarity[list(chosen).index(own)]
        assert losses[place] == pytest.approx(by_hand, abs=1e-3)


def test_a_querys_other_right_passages_are_no_negatives_of_it(tiny_bert: Path, tmp_path: Path) -> None:
    bench = contracts.bench("ranking", tiny_bert)
    two = (bench.train[0].target[0], bench.train[1].target[0])
    bench = replace(bench, train=[replace(bench.train[0], target=two), *bench.train[1:]])
    rows, _ = questions(bench, tmp_path, Options())
    first, second = (bench.space.labels.index(label) for label in two)
    assert [rows.pairs.passage[row] for row in (0, 1)] == [first, second], "a row for each right passage"
    assert rows.pairs.closed(0, np.array([first, second])).tolist() == [False, True]
    assert rows.pairs.closed(1, np.array([first, second])).tolist() == [True, False]


def test_a_stopped_tuning_goes_on_bit_for_bit(tiny_bert: Path, tmp_path: Path) -> None:
    candidate = Candidate("retriever", {"epochs": 2.0, "batch_rows": 8, "learning_rate": 1e-3})
    bench = contracts.bench("ranking", tiny_bert)
    _, straight = run_trial(bench, candidate, folder=tmp_path / "straight", remaining=lambda: 60.0)
    done = list[Event]()
    stopped = replace(bench, listen=done.append, stop=lambda: sum(event.kind == "step" for event in done) >= 3)
    with pytest.raises(Interrupted):
        run_trial(stopped, candidate, folder=tmp_path / "stopped", remaining=lambda: 60.0)
    _, resumed = run_trial(bench, candidate, folder=tmp_path / "stopped", remaining=lambda: 60.0)
    queries = [example.inputs for example in bench.validation]
    np.testing.assert_array_equal(straight.score(queries), resumed.score(queries))


def test_tuning_ends_with_the_passages_read_by_the_tuned_encoder(tiny_bert: Path, tmp_path: Path) -> None:
    bench = contracts.bench("ranking", tiny_bert)
    options = {"epochs": 3.0, "batch_rows": 8, "learning_rate": 5e-3}
    for name, told in (("judged", bench), ("unjudged", replace(bench, validation=()))):
        job = make_job(told, Candidate("retriever", options), folder=tmp_path / name, remaining=lambda: 60.0)
        steps = registry.get("methods", "retriever").fit(job)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                encoder = end.value
                break
        read = _passages.unit(np.asarray(encoder.features([{"text": p} for p in bench.space.labels])))
        np.testing.assert_allclose(encoder.net.head.weight.detach().numpy(), _passages.SCALE * read, atol=1e-3)


def test_a_hybrid_adds_words_to_vectors_with_a_weight_chosen_on_validation(tiny_bert: Path, tmp_path: Path) -> None:
    told = contracts.bench("ranking", tiny_bert)
    inputs = [row.inputs for row in told.validation]
    parts = [
        run_trial(told, Candidate(method), folder=tmp_path / method, remaining=lambda: 60.0)[1].score(inputs)
        for method in ("bm25", "bi-encoder")
    ]
    result, scorer = run_trial(told, Candidate("hybrid"), folder=tmp_path / "hybrid", remaining=lambda: 60.0)
    weight = result.chosen["weight"]
    contracts.same(scorer.score(inputs), weight * np.asarray(parts[0]) + np.asarray(parts[1]), tolerance=1e-3)
    tried = [told.judge(w * np.asarray(parts[0]) + np.asarray(parts[1]))["ndcg-at-10"] for w in hybrid.WEIGHTS]
    assert result.scores["ndcg-at-10"] == pytest.approx(max(tried), abs=1e-6)


@pytest.mark.parametrize("options", [{"dense": "words"}, {"weight": 0.0}])
def test_a_hybrid_says_what_is_allowed(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="it must be"):
        hybrid.Options(**options)
