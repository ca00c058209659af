"""The encoder: features, heads, windows, cached activations, and folders that other libraries load."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from autogpt import registry
from autogpt.backbones.encoder import Encoder
from autogpt.errors import ConfigError, ModelError, OfflineError
from autogpt.runtime import Runtime
from autogpt.testing import contracts, tiny

TEXTS = [{"text": "the card is red"}, {"text": "my dog runs and runs and runs"}, {"text": "好卡"}]
TOKENS = [{"tokens": ("alice", "lives", "in", "rome")}, {"tokens": tuple(["bob"] * 100)}, {"tokens": ("", "cat")}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.bert_folder(tmp_path_factory.mktemp("bert"), layers=3)


PAIR = {"text": "the red card", "text_pair": "my dog"}


def opened(folder: Path, output: str = "classes", size: int = 3, *, like: Mapping[str, Any] | None = None) -> Encoder:
    like = like or (TOKENS[0] if output == "tokens" else TEXTS[0])
    encoder = Encoder.open(str(folder), output=output, size=size, like=like, runtime=Runtime())
    rng = np.random.default_rng(0)
    encoder.set_head(rng.normal(size=(size, encoder.width)), rng.normal(size=size))
    return encoder


def test_a_new_head_is_zero(folder: Path) -> None:
    encoder = Encoder.open(str(folder), output="classes", size=3, runtime=Runtime())
    assert not np.asarray(encoder.score(TEXTS)).any()


@pytest.mark.parametrize("output", ["classes", "tokens"])
def test_scores_are_the_heads_view_of_the_features(folder: Path, output: str) -> None:
    encoder = opened(folder, output)
    inputs: list[Any] = TEXTS if output == "classes" else TOKENS[:2]
    weight = encoder.net.head.weight.detach().numpy()
    bias = encoder.net.head.bias.detach().numpy()
    expected = [np.asarray(rows) @ weight.T + bias for rows in encoder.features(inputs)]
    contracts.same(encoder.score(inputs), expected, tolerance=1e-5)


def test_exact_features_are_those_of_float32_whatever_is_faster(folder: Path) -> None:
    encoder = opened(folder)
    expected = np.asarray(encoder.features(TEXTS))
    encoder.runtime = Runtime(dtype="bfloat16")
    assert np.array_equal(np.asarray(encoder.features(TEXTS, exact=True)), expected)
    assert not np.array_equal(np.asarray(encoder.features(TEXTS)), expected)


@pytest.mark.parametrize("output", ["classes", "tokens"])
def test_scores_do_not_depend_on_the_batch_and_survive_saving(folder: Path, output: str, tmp_path: Path) -> None:
    contracts.scorer_contract(opened(folder, output), TEXTS if output == "classes" else TOKENS, tmp_path / "saved")


def test_pairs_are_symmetric_and_survive_saving(folder: Path, tmp_path: Path) -> None:
    encoder = opened(folder, "value", 1, like=PAIR)
    there = [PAIR]
    back = [{"text": "my dog", "text_pair": "the red card"}]
    contracts.same(encoder.score(there), encoder.score(back), tolerance=1e-5)
    contracts.scorer_contract(encoder, there + back, tmp_path / "pair")


def test_every_word_of_a_long_row_gets_its_own_score(folder: Path) -> None:
    scores = opened(folder, "tokens").score(TOKENS)
    assert [len(rows) for rows in scores] == [4, 100, 2]
    head = opened(folder, "tokens").net.head.bias.detach().numpy()
    assert not np.allclose(scores[1], head), "words beyond the first window were read too"
    np.testing.assert_allclose(scores[2][0], head, err_msg="a word without content has the head's bias")


@pytest.mark.parametrize("word", ["card", "disestablishment" * 4])
def test_a_word_of_a_long_row_is_read_in_one_window_with_words_on_both_sides(folder: Path, word: str) -> None:
    encoder = opened(folder, "tokens")
    pieces = encoder.pieces([{"tokens": ("the", word, "dog") * 40}])
    assert len(pieces) > 3
    assert sorted(np.concatenate([piece.words for piece in pieces])) == list(range(120))
    assert all(len(piece.ids) <= encoder.max_length for piece in pieces)
    for piece in pieces[1:-1]:
        assert piece.places.min() - 1 >= 2
        assert len(piece.ids) - 2 - piece.places.min() >= 3
    for piece in pieces[:-1]:
        assert len(piece.ids) - 2 - piece.places.max() >= 2


def test_texts_that_are_cut_are_counted(folder: Path) -> None:
    encoder = opened(folder)
    rows = [{"text": "card " * 100}, {"text": "card"}]
    encoder.score(rows)
    encoder.features(rows)
    assert encoder.cut == 1, "a text that is read twice is still one text"


@pytest.mark.parametrize("output", ["classes", "tokens"])
@pytest.mark.parametrize("layers", [1, 2])
def test_cached_activations_give_the_same_losses(folder: Path, output: str, layers: int) -> None:
    kind = registry.get("outputs", output)
    rows = tiny.examples(output, 8)
    space = kind.space([row.target for row in rows])
    encoder = opened(folder, output, kind.size(space))
    training = encoder.training(rows, output=kind, space=space, layers=layers)
    assert training.cache is not None
    batch = training.batch(range(8))
    cached = training.loss(training.forward(batch), batch)
    training.cache = None
    plain = training.loss(training.forward(batch), batch)
    torch.testing.assert_close(cached, plain, atol=1e-5, rtol=0)


def test_cached_activations_of_pairs(folder: Path) -> None:
    from autogpt.core import Example

    kind = registry.get("outputs", "value")
    rows = [Example(i, {"text": "red card", "text_pair": "my blue dog runs"}, float(i)) for i in range(4)]
    space = kind.space([row.target for row in rows])
    training = opened(folder, "value", 1, like=PAIR).training(rows, output=kind, space=space, layers=1)
    batch = training.batch(range(4))
    cached = training.forward(batch)
    training.cache = None
    torch.testing.assert_close(cached, training.forward(batch), atol=1e-5, rtol=0)


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_every_family_trains_on_from_its_frozen_layers(
    tmp_path: Path, family: str, caplog: pytest.LogCaptureFixture
) -> None:
    kind = registry.get("outputs", "classes")
    rows = tiny.examples("classes", 6)
    space = kind.space([row.target for row in rows])
    encoder = opened(tiny.encoder_folder(tmp_path, family, layers=3))
    training = encoder.training(rows, output=kind, space=space, layers=1)
    batch = training.batch(range(6))
    cached = training.forward(batch)
    assert training.cache is not None or "all of it runs" in caplog.text
    training.cache = None
    torch.testing.assert_close(cached, training.forward(batch), atol=1e-5, rtol=0)


def test_a_body_that_works_between_its_layers_is_run_whole(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    kind = registry.get("outputs", "classes")
    rows = tiny.examples("classes", 6)
    space = kind.space([row.target for row in rows])
    encoder = opened(folder)
    body = encoder.net.body
    body.encoder.register_forward_pre_hook(lambda _, given: body.calls.append(1))
    body.calls = []
    body.encoder.register_forward_hook(
        lambda _, __, found: type(found)(last_hidden_state=found.last_hidden_state * len(body.calls))
    )
    training = encoder.training(rows, output=kind, space=space, layers=1)
    assert training.cache is None
    assert "all of it runs" in caplog.text


def test_only_the_top_layers_and_the_head_train(folder: Path) -> None:
    kind = registry.get("outputs", "classes")
    rows = tiny.examples("classes", 6)
    space = kind.space([row.target for row in rows])
    encoder = opened(folder)
    training = encoder.training(rows, output=kind, space=space, layers=1)
    names = {name for name, p in encoder.net.named_parameters() if p.requires_grad}
    assert all("layer.2." in name or name.startswith("head.") for name in names)
    assert any("layer.2." in name for name in names)
    assert sum(len(group["params"]) for group in training.groups()) == len(names)


def test_sentence_transformers_reads_the_folder_and_gives_the_logits(folder: Path, tmp_path: Path) -> None:
    library = pytest.importorskip("sentence_transformers")
    encoder = opened(folder)
    encoder.save(tmp_path / "model")
    theirs = library.SentenceTransformer(str(tmp_path / "model"), device="cpu")
    found = theirs.encode([row["text"] for row in TEXTS])
    np.testing.assert_allclose(found, np.asarray(encoder.score(TEXTS)), atol=1e-4)


def test_transformers_reads_a_token_folder(folder: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    encoder = opened(folder, "tokens")
    encoder.save(tmp_path / "model")
    model = AutoModelForTokenClassification.from_pretrained(tmp_path / "model").eval()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    batch = tokenizer([list(TOKENS[0]["tokens"])], is_split_into_words=True, return_tensors="pt")
    with torch.inference_mode():
        logits = model(**batch).logits[0]
    np.testing.assert_allclose(logits[1:5].numpy(), encoder.score(TOKENS[:1])[0], atol=1e-4)


def test_out_of_memory_halves_the_batch_and_changes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = opened(folder)
    expected = np.asarray(encoder.score(TEXTS))
    forward = encoder.net.forward

    def small_memory(inputs: Any) -> torch.Tensor:
        if len(inputs["ids"]) > 1:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return forward(inputs)

    monkeypatch.setattr(encoder.net, "forward", small_memory)
    np.testing.assert_allclose(encoder.score(TEXTS), expected, atol=1e-5)


def test_a_backbone_that_is_not_there_is_named(tmp_path: Path) -> None:
    for name, error in (
        ("./nowhere", ConfigError),
        (str(tmp_path), ConfigError),
        ("some-org/some-model", OfflineError),
    ):
        with pytest.raises(error, match=r"backbone|folder"):
            Encoder.open(name, output="classes", size=2, runtime=Runtime(), offline=True)


def test_pickled_weights_are_refused(folder: Path, tmp_path: Path) -> None:
    from transformers import BertModel

    model = BertModel.from_pretrained(folder)
    for path in folder.iterdir():
        if path.suffix != ".safetensors":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError):
        Encoder.open(str(tmp_path), output="classes", size=2, runtime=Runtime())


def test_custom_code_is_refused(folder: Path, tmp_path: Path) -> None:
    import json

    canary = tmp_path / "canary"
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    config |= {"model_type": "evil", "auto_map": {"AutoConfig": "evil.Evil", "AutoModel": "evil.Evil"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "evil.py").write_text(f"open({str(canary)!r}, 'w').write('run')\n")
    with pytest.raises(ModelError):
        Encoder.open(str(tmp_path), output="classes", size=2, runtime=Runtime())
    assert not canary.exists()


@pytest.mark.minilm
def test_the_embedded_encoder_knows_what_is_alike(minilm: Path) -> None:
    encoder = Encoder.open(None, output="classes", size=2, runtime=Runtime())
    a, b, c = np.asarray(
        encoder.features([{"text": "my card is lost"}, {"text": "I cannot find my card"}, {"text": "nice weather"}])
    )
    assert a @ b > 0.6 > 0.3 > a @ c
    assert encoder.source.revision.startswith("sha256:53aa51172d14")
