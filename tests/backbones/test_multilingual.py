"""An encoder for a hundred languages, unpacked from four-bit weights: the format, and what comes of the real file."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from autogpt.backbones import _multilingual, _pretrained
from autogpt.backbones.encoder import Encoder
from autogpt.errors import ConfigError, ModelError

WIDTH, INNER, PIECES = 32, 64, ["<s>", "<pad>", "</s>", "<unk>", "▁", "▁good", "▁day", "我", "们", "a"]


def quarters(values: np.ndarray) -> tuple[bytes, np.ndarray]:
    """Numbers in four bits, block by block and byte by byte, and what is left of them."""
    data, kept = b"", []
    for block in values.reshape(-1, 32):
        scale = np.float16(np.abs(block).max() / 7)
        steps = [int(np.clip(round(float(x) / float(scale)) + 8, 0, 15)) for x in block]
        data += scale.tobytes() + bytes(steps[place] | steps[place + 16] << 4 for place in range(16))
        kept += [(step - 8) * float(scale) for step in steps]
    return data, np.array(kept, np.float32)


def written() -> tuple[bytes, dict[str, np.ndarray]]:
    """A file of the format with a tiny model in it, and its numbers."""
    rng = np.random.default_rng(0)
    shapes = {
        "emb.word": 10 * WIDTH,
        "emb.pos": 16 * WIDTH,
        "emb.type": 2 * WIDTH,
        "emb.ln.w": WIDTH,
        "emb.ln.b": WIDTH,
    }
    for name, (rows, columns) in {
        "q": (WIDTH, WIDTH), "k": (WIDTH, WIDTH), "v": (WIDTH, WIDTH), "ao": (WIDTH, WIDTH), "fi": (INNER, WIDTH),
        "fo": (WIDTH, INNER),
    }.items():  # fmt: skip
        shapes |= {f"l0.{name}.w": rows * columns, f"l0.{name}.b": rows}
    shapes |= {f"l0.{name}.{part}": WIDTH for name in ("aln", "oln") for part in "wb"}
    header = b"E5S1" + struct.pack("<I7ifi", 1, WIDTH, 1, 2, INNER, 10, 16, 2, 1e-12, 32)
    pieces = [piece.encode() for piece in PIECES]
    ends = np.cumsum([0, *map(len, pieces)]).astype("<u4")
    scores = np.array([0, 0, 0, 0, -3, -2, -2, -2.5, -2.5, -4], "<f4")
    header += struct.pack("<5iQ", len(pieces), 0, 2, 1, 3, int(ends[-1])) + ends.tobytes() + scores.tobytes()
    header += b"".join(pieces) + struct.pack("<iI", 1, 9) + struct.pack("<IBI", 0xFF21, 1, 0x41)
    bodies, numbers = [], {}
    for name, size in shapes.items():
        values = rng.normal(size=size).astype(np.float32)
        four = name == "emb.word" or (name.endswith(".w") and "ln" not in name)
        body, numbers[name] = quarters(values) if four else (values.astype("<f4").tobytes(), values)
        bodies.append((name, four, size, body))
    start = len(header) + 4 + sum(2 + len(name) + 21 for name, *_ in bodies)
    directory, data = struct.pack("<i", len(bodies)), b""
    for name, four, size, body in bodies:
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", four, size, start + len(data), len(body))
        data += body
    return header + directory + data, numbers


def test_a_file_of_four_bit_weights_becomes_a_transformers_folder(tmp_path: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    data, numbers = written()
    _multilingual.unpack(data, tmp_path)
    weights = AutoModel.from_pretrained(tmp_path).state_dict()
    for short, name, columns in (
        ("emb.word", "embeddings.word_embeddings.weight", WIDTH),
        ("l0.fo.w", "encoder.layer.0.output.dense.weight", INNER),
        ("l0.q.b", "encoder.layer.0.attention.self.query.bias", 0),
        ("l0.oln.w", "encoder.layer.0.output.LayerNorm.weight", 0),
    ):
        expected = numbers[short].reshape(-1, columns) if columns else numbers[short]
        np.testing.assert_allclose(weights[name].numpy(), expected, rtol=1e-6)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert tokenizer.convert_ids_to_tokens(tokenizer("good\t\tday")["input_ids"]) == ["<s>", "▁good", "▁day", "</s>"]
    assert tokenizer("我们")["input_ids"] == [0, 4, 7, 8, 2]
    assert tokenizer("ａ\u0007")["input_ids"] == tokenizer("a")["input_ids"]  # forms folded, control characters dropped


def test_another_file_is_refused() -> None:
    with pytest.raises(ModelError, match="reinstall the extra"):
        _multilingual.unpack(b"GGUF" + bytes(100), Path("nowhere"))


def test_the_real_encoder_says_what_the_packages_own_engine_says(multilingual: Path) -> None:
    """Golden numbers of the package's `e5.c`, which rounds what passes between layers to eight bits as well."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(multilingual), AutoModel.from_pretrained(multilingual).eval()
    for text, golden in (
        (
            "query: how much protein per day",
            [0.01377, -0.02399, -0.04313, -0.05538, 0.10975, -0.03885, 0.00875, 0.05026],
        ),
        ("query: 我的卡被机器吞了", [0.10206, -0.02444, -0.04034, -0.04629, 0.09499, -0.03815, -0.00145, 0.05177]),
    ):
        with torch.no_grad():
            states = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]
        vector = torch.nn.functional.normalize(states.mean(0), dim=0)
        assert vector[:8].tolist() == pytest.approx(golden, abs=3e-3)
    assert tokenizer("Hello, wörld!")["input_ids"] == [0, 35378, 4, 148, 7118, 7344, 38, 2]


def test_what_is_the_same_in_two_languages_is_alike(multilingual: Path) -> None:
    from autogpt.runtime import Runtime

    encoder = Encoder.open(_multilingual.NAME, output="value", size=1, runtime=Runtime())
    assert encoder.source.revision == f"sha256:{_multilingual.SHA256[:16]}"
    texts = ["the cat is asleep", "猫在睡觉", "die Katze schläft", "interest rates rose again"]
    vectors = np.asarray(encoder.features([{"text": text} for text in texts]))
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    alike = vectors @ vectors.T
    assert min(alike[0, 1], alike[0, 2], alike[1, 2]) > max(alike[0, 3], alike[1, 3], alike[2, 3])


def test_no_space_is_read_before_a_chinese_character(multilingual: Path) -> None:
    from autogpt.runtime import Runtime

    encoder = Encoder.open(_multilingual.NAME, output="tokens", size=1, runtime=Runtime(), like={"tokens": ("我",)})
    reading = encoder.net.reading
    piece = reading.pieces(encoder.tokenizer, [{"tokens": ("我", "在", "Rome", "吃")}], 64)[0][0]
    pieces = encoder.tokenizer.convert_ids_to_tokens(piece.ids.tolist())
    assert pieces == ["<s>", "▁我", "▁在", "▁Rome", "吃", "</s>"]
    assert piece.places.tolist() == [1, 2, 3, 4]
    assert piece.words.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("languages", "seconds", "suits"),
    [
        ({"en": 1.0}, 600, False),
        ({"en": 0.8, "de": 0.2}, 600, False),
        ({"en": 0.6, "zh": 0.4}, 600, True),
        ({"zh": 1.0}, 30, False),
    ],
)
def test_it_is_for_texts_that_are_not_english(
    languages: dict[str, float], seconds: float, suits: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """To unpack it takes seconds that a short run has not."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(_multilingual, "packed", lambda: tmp_path / "there")
    assert Encoder.suited(languages, seconds) == (_multilingual.NAME if suits else None)
    monkeypatch.setattr(_multilingual, "packed", lambda: None)
    assert Encoder.suited(languages, seconds) is None


def test_where_it_is_not_installed_or_damaged_that_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(_multilingual, "packed", lambda: None)
    _multilingual.folder.cache_clear()
    with pytest.raises(ConfigError, match=r"pip install 'autogpt\[multilingual\]'"):
        _pretrained.resolve(_multilingual.NAME)
    (tmp_path / "bad.bin").write_bytes(b"E5S1")
    monkeypatch.setattr(_multilingual, "packed", lambda: tmp_path / "bad.bin")
    with pytest.raises(ModelError, match="damaged or of another version"):
        _pretrained.resolve(_multilingual.NAME)
