"""Decoders, and the encoders of encoder-decoders: told apart by a look, read like encoders, saved for others."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoModelForTextEncoding, AutoModelForTokenClassification, AutoTokenizer

from autogpt import registry
from autogpt.backbones import _loading
from autogpt.backbones._network import linear_layers, look
from autogpt.backbones.encoder import Encoder
from autogpt.core import Example
from autogpt.errors import InputError
from autogpt.runtime import Runtime
from autogpt.testing import contracts, tiny

TEXT: list[Any] = [{"text": "the card is red"}, {"text": ""}, {"text": "my dog runs and sleeps in paris"}]
TOKENS: list[Any] = [{"tokens": ("alice", "lives", "in", "rome")}, {"tokens": ("",)}, {"tokens": tuple(["bob"] * 90)}]
QUESTION: list[Any] = [
    {"question": "is a dog red", "tokens": ("my", "dog", "is", "blue")},
    {"question": "red", "tokens": tuple(["cat", "runs"] * 30)},
]
PAIR: list[Any] = [{"text": "the red card", "text_pair": "my dog"}, {"text": "a cat", "text_pair": ""}]
CHOICES: list[Any] = [
    {"text": "my dog is", "choices": ("good", "bad and red", "round")},
    {"text": "a", "choices": ("b",)},
]
MARKS: list[Any] = [{"text": "my dog saw a cat", "marks": ((3, 6), (13, 16))}]
ROWS = {"classes": TEXT, "tokens": TOKENS, "span": QUESTION}
EVERY = (*tiny.DECODERS, *tiny.ENCODER_DECODERS)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("families")
    return {family: tiny.family_folder(place / family, family, layers=3) for family in ("bert", *EVERY)}


def opened(folder: Path, output: str, rows: list[Any]) -> Encoder:
    size = 2 if output == "span" else 1 if output == "choices" else 3
    encoder = Encoder.open(str(folder), output=output, size=size, like=rows[0], runtime=Runtime())
    rng = np.random.default_rng(0)
    encoder.set_head(rng.normal(size=(size, encoder.width)), rng.normal(size=size))
    return encoder


@pytest.mark.parametrize("family", EVERY)
@pytest.mark.parametrize("output", ROWS)
def test_every_family_reads_alone_as_in_a_batch_and_loaded_as_saved(
    folders: dict[str, Path], family: str, output: str, tmp_path: Path
) -> None:
    encoder = opened(folders[family], output, ROWS[output])
    assert encoder.kind == ("decoder" if family in tiny.DECODERS else "encoder-decoder")
    contracts.scorer_contract(encoder, ROWS[output], tmp_path / "saved")
    assert Encoder.load(tmp_path / "saved").kind == encoder.kind


@pytest.mark.parametrize("family", tiny.KINDS)
@pytest.mark.parametrize(("output", "rows"), [("value", PAIR), ("choices", CHOICES), ("classes", MARKS)])
def test_every_kind_reads_two_texts_candidates_and_marked_spans(
    folders: dict[str, Path], family: str, output: str, rows: list[Any], tmp_path: Path
) -> None:
    encoder = opened(folders[family], output, rows)
    assert encoder.kind == tiny.KINDS[family]
    contracts.scorer_contract(encoder, rows, tmp_path / "saved")


@pytest.mark.parametrize("family", ["gpt2", "llama"])
@pytest.mark.parametrize("mode", ["mean", "lasttoken"])
def test_the_sentence_of_a_decoder_is_the_mean_or_as_declared_its_last_tokens_state(
    tmp_path: Path, family: str, mode: str
) -> None:
    library = pytest.importorskip("sentence_transformers")
    folder = tiny.family_folder(tmp_path / "given", family)
    if mode == "lasttoken":
        declare(folder, {"pooling_mode_lasttoken": True})
    encoder = opened(folder, "classes", TEXT)
    body, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    rows = [TEXT[0], TEXT[2]]
    for row in rows:
        with torch.inference_mode():
            states = body(**tokenizer(row["text"], return_tensors="pt")).last_hidden_state[0]
        expected = states[-1] if mode == "lasttoken" else states.mean(0)
        np.testing.assert_allclose(np.asarray(encoder.features([row]))[0], expected.numpy(), atol=1e-5)
    encoder.save(tmp_path / "model")
    theirs = library.SentenceTransformer(str(tmp_path / "model"), device="cpu")
    found = theirs.encode([row["text"] for row in rows])
    np.testing.assert_allclose(found, np.asarray(encoder.score(rows)), atol=1e-4)
    np.testing.assert_allclose(found, np.asarray(Encoder.load(tmp_path / "model").score(rows)), atol=1e-4)


def declare(folder: Path, pooling: dict[str, Any]) -> None:
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))


def test_the_sentence_of_an_encoder_decoder_is_its_encoders_mean(folders: dict[str, Path]) -> None:
    for family in ("t5", "bart"):
        encoder = opened(folders[family], "classes", TEXT)
        stack = AutoModel.from_pretrained(folders[family]).eval().get_encoder()
        ids = AutoTokenizer.from_pretrained(folders[family])(TEXT[0]["text"], return_tensors="pt")["input_ids"]
        with torch.inference_mode():
            states = stack(input_ids=ids).last_hidden_state
        np.testing.assert_allclose(np.asarray(encoder.features(TEXT[:1]))[0], states[0].mean(0).numpy(), atol=1e-5)


def test_a_look_tells_width_and_whether_what_follows_is_seen(folders: dict[str, Path]) -> None:
    for family, folder in folders.items():
        model: Any = AutoModel.from_pretrained(folder)
        body = model.get_encoder() if family in tiny.ENCODER_DECODERS else model
        assert look(body) == (16, family in tiny.DECODERS), family


def test_sentence_transformers_gives_the_logits_of_t5(folders: dict[str, Path], tmp_path: Path) -> None:
    library = pytest.importorskip("sentence_transformers")
    encoder = opened(folders["t5"], "classes", TEXT)
    encoder.save(tmp_path / "model")
    theirs = library.SentenceTransformer(str(tmp_path / "model"), device="cpu")
    rows = [TEXT[0], TEXT[2]]
    found = theirs.encode([row["text"] for row in rows])
    np.testing.assert_allclose(found, np.asarray(encoder.score(rows)), atol=1e-4)


def test_a_folder_that_sentence_transformers_would_misread_is_none_of_its_own(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    encoder = opened(folders["bart"], "classes", TEXT)
    encoder.save(tmp_path / "model")
    assert not (tmp_path / "model" / "modules.json").exists(), "it would read with the decoder"
    saved, given = (AutoModel.from_pretrained(place).state_dict() for place in (tmp_path / "model", folders["bart"]))
    assert saved.keys() == given.keys()
    assert all(torch.equal(saved[name], given[name]) for name in given), "the decoder is kept as it came"


@pytest.mark.parametrize("family", ["gpt2", "llama", "t5"])
def test_transformers_reads_the_tags_where_it_has_a_head(folders: dict[str, Path], family: str, tmp_path: Path) -> None:
    encoder = opened(folders[family], "tokens", TOKENS)
    encoder.save(tmp_path / "model")
    model = AutoModelForTokenClassification.from_pretrained(tmp_path / "model").eval()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    batch = tokenizer([list(TOKENS[0]["tokens"])], is_split_into_words=True, return_tensors="pt")
    words = [place for place, word in enumerate(batch.word_ids(0)) if word is not None]
    with torch.inference_mode():
        logits = model(input_ids=batch["input_ids"]).logits[0][words]
    np.testing.assert_allclose(logits.numpy(), encoder.score(TOKENS[:1])[0], atol=1e-4)


def test_tags_of_t5_are_read_off_its_encoder(folders: dict[str, Path]) -> None:
    encoder = opened(folders["t5"], "tokens", TOKENS)
    stack = AutoModelForTextEncoding.from_pretrained(folders["t5"]).eval()
    ids = AutoTokenizer.from_pretrained(folders["t5"])(" ".join(TOKENS[0]["tokens"]), return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        states = stack(input_ids=ids).last_hidden_state[0, :4]
    np.testing.assert_allclose(encoder.features(TOKENS[:1])[0], states.numpy(), atol=1e-5)


@pytest.mark.parametrize("family", tiny.KINDS)
@pytest.mark.parametrize("output", ["classes", "tokens", "span"])
def test_layers_above_cached_activations_learn_as_above_layers_that_run(
    folders: dict[str, Path], family: str, output: str, caplog: pytest.LogCaptureFixture
) -> None:
    kind, rows = registry.get("outputs", output), tiny.examples(output, 6)
    space = kind.space([row.target for row in rows])
    encoder = Encoder.open(
        str(folders[family]), output=output, size=kind.size(space), like=rows[0].inputs, runtime=Runtime()
    )  # its head is zero: what is compared must not be its scores
    training = encoder.training(rows, output=kind, space=space, layers=1)
    assert training.cache is not None or "all of it runs" in caplog.text
    assert (training.cache is None) is (family == "t5"), "T5's layers share what its lowest adds to attention"
    rng = np.random.default_rng(0)
    encoder.set_head(rng.normal(size=(kind.size(space), encoder.width)), np.zeros(kind.size(space)))
    batch = training.batch(range(6))
    mask = batch.inputs["mask"].bool() if output != "classes" else slice(None)
    cached = training.forward(batch)[mask]
    training.cache = None
    torch.testing.assert_close(cached, training.forward(batch)[mask], atol=1e-4, rtol=0)


def test_two_texts_that_are_read_as_one_have_a_sign_between_them(folders: dict[str, Path], tmp_path: Path) -> None:
    for family, between in (("gpt2", ["</s>"]), ("llama", ["<s>"]), ("t5", ["</s>"]), ("bart", ["</s>", "</s>"])):
        encoder = opened(folders[family], "choices", CHOICES)
        encoder.save(tmp_path / family)
        for tokenizer in (encoder.tokenizer, AutoTokenizer.from_pretrained(tmp_path / family)):
            found = tokenizer("red card", "my dog")
            sides = found.sequence_ids(0)
            inner = found.tokens()[sides.index(0) : len(sides) - sides[::-1].index(1)]
            assert inner == ["red", "card", *between, "my", "dog"]
    plain = _loading.tokenizer(str(folders["gpt2"]), opened(folders["gpt2"], "classes", TEXT).net.reading)
    assert plain("red card").tokens() == ["red", "card"], "one text is read as ever"


def test_no_answer_is_read_where_all_was_seen(folders: dict[str, Path]) -> None:
    for family in ("llama", "t5"):
        (piece,) = opened(folders[family], "span", QUESTION).pieces(QUESTION[:1])
        assert piece.places is not None
        assert piece.places[-1] == (len(piece.ids) - 1 if family == "llama" else 0)


def test_linear_layers_have_their_sizes_however_weights_are_kept(folders: dict[str, Path]) -> None:
    for family in ("gpt2", "llama", "t5", "bart"):
        body: Any = opened(folders[family], "classes", TEXT).net.body
        for name, (given, made) in linear_layers(body).items():
            assert body.get_submodule(name)(torch.zeros(1, given)).shape == (1, made)
        assert len(linear_layers(body)) >= 4 * 3


def test_wrong_inputs_are_named(folders: dict[str, Path]) -> None:
    cases = [
        ("classes", TEXT, {"text": None}, "'text' is None; it must be a text"),
        ("classes", TEXT, {"words": "red"}, "has no 'text'"),
        ("tokens", TOKENS, {"tokens": "alice"}, "must be a list of texts"),
        ("choices", CHOICES, {"text": "red"}, "has no 'choices'"),
    ]
    for family in ("llama", "t5"):
        for output, rows, wrong, said in cases:
            with pytest.raises(InputError, match=said):
                opened(folders[family], output, rows).score([rows[0], wrong])


def test_a_declared_pooling_is_kept(folders: dict[str, Path], tmp_path: Path) -> None:
    for mode, told in (
        ("mean", {"pooling_mode": "mean"}),
        ("cls", {"pooling_mode_cls_token": True}),
        ("lasttoken", {"pooling_mode_lasttoken": True}),
        ("mean", {"pooling_mode_mean_tokens": True}),
    ):
        folder = tiny.family_folder(tmp_path / json.dumps(sorted(told))[2:-2], "llama")
        declare(folder, told)
        net: Any = Encoder.open(str(folder), output="classes", size=2, runtime=Runtime()).net
        assert net.pooling == mode


def test_pairs_train_on_a_decoder_over_cached_activations(folders: dict[str, Path]) -> None:
    kind = registry.get("outputs", "value")
    rows = [Example(i, {"text": "red card", "text_pair": "my blue dog runs"}, float(i)) for i in range(4)]
    encoder = Encoder.open(str(folders["llama"]), output="value", size=1, like=PAIR[0], runtime=Runtime())
    training = encoder.training(rows, output=kind, space=kind.space([0.0, 1.0]), layers=1)
    assert training.cache is not None
    batch = training.batch(range(4))
    found = training._from_cache(batch.inputs, training.cache, encoder.net.features)
    torch.testing.assert_close(found, encoder.net.features(batch.inputs), atol=1e-5, rtol=0)
