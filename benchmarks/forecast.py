"""What `--dry-run` says a method will take of memory, against what it takes: cases that no constant was fitted to.

    python benchmarks/forecast.py [--cases 0,1,2]

Each case is a process of its own: a backbone (the embedded encoder, or a random one of another family, width 512,
20,000 words), rows of so many tokens, and two steps of a method. Printed as JSON lines: the forecast with batches as
they are (`most`) and the peak of the resident size, both above what the process had once its libraries were loaded.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import trials
from autogpt import memory
from autogpt.autopilot import forecast
from autogpt.core import Row, Schema
from autogpt.testing import tiny


@dataclass(frozen=True)
class Case:
    """`family` None is the embedded encoder; `output` is one of `classes`, `tokens`."""

    family: str | None
    method: str
    tokens: int
    batch_rows: int
    output: str = "classes"


CASES = (
    Case(None, "full", 40, 64),
    Case(None, "lora", 128, 16),
    Case(None, "full", 100, 8, "tokens"),
    Case("gpt2", "full", 200, 16),
    Case("llama", "lora", 300, 8),
    Case("t5", "full", 120, 16),
    Case("bart", "adapter", 250, 8),
    Case("bert", "ia3", 400, 4, "tokens"),
)
SIZES = {
    "vocab_size": 20_000, "max_position_embeddings": 512, "n_positions": 512, "num_hidden_layers": 4, "num_layers": 4,
    "encoder_layers": 4, "decoder_layers": 4, "hidden_size": 512, "d_model": 512, "num_attention_heads": 8,
    "num_heads": 8, "encoder_attention_heads": 8, "decoder_attention_heads": 8, "num_key_value_heads": 4,
    "head_dim": 64, "d_kv": 64, "intermediate_size": 2048, "d_ff": 2048, "encoder_ffn_dim": 2048,
    "decoder_ffn_dim": 2048,
}  # fmt: skip
"""Families call the same sizes by different names."""


def backbone(folder: Path, case: Case) -> str | None:
    """A random model of the case's family that reads so many tokens."""
    if case.family is None:
        return None
    from transformers import AutoConfig, AutoModel

    tiny.family_folder(folder, case.family)
    config = AutoConfig.from_pretrained(folder)
    for name, size in SIZES.items():
        if hasattr(config, name):
            setattr(config, name, size)
    AutoModel.from_config(config).save_pretrained(folder)
    for name, own in (("tokenizer_config.json", "model_max_length"), ("sentence_bert_config.json", "max_seq_length")):
        told = json.loads((folder / name).read_text("utf-8"))
        (folder / name).write_text(json.dumps({**told, own: 512}), "utf-8")
    return str(folder)


def parts(case: Case) -> trials.Parts:
    """Two steps' rows and a few to validate on, of nearly as many tokens as the case says."""
    words = ["the", "card", "is", "red", "dog", "and", "good", "in"]
    rows: list[Row] = []
    for place in range(2 * case.batch_rows + 8):
        text = [words[(place + i) % len(words)] for i in range(case.tokens - 2)]
        if case.output == "tokens":
            rows.append({"tokens": text, "tags": ["B-a" if word == "card" else "O" for word in text]})
        else:
            rows.append({"text": " ".join(text), "label": "ab"[place % 2]})
    cut = 2 * case.batch_rows
    schema = {
        "classes": Schema("text-classification", ("text",), ("label",)),
        "tokens": Schema("token-classification", ("tokens",), ("tags",)),
    }[case.output]
    return trials.Parts.of(schema, rows[:cut], rows[cut:], rows[cut:])


def measure(case: Case, name: str | None) -> dict[str, object]:
    """The peak of one trial, and then its forecast."""
    import peft  # noqa: F401
    import sklearn.linear_model  # noqa: F401
    import transformers  # noqa: F401

    rows, options = parts(case), {"epochs": 1.0, "batch_rows": case.batch_rows}
    before = memory.high_water()
    trials.run(rows, case.method, options, backbone=name)
    peak = memory.high_water() - before
    told = trials.bench(rows, backbone=name, seed=0)
    stage = forecast.Stage(name, told.output, told.space, rows.train[: forecast.ROWS])
    need = forecast.need(case.method, stage, options)
    return {**asdict(case), "forecast_MB": round(need.most / 1e6), "peak_MB": round(peak / 1e6),
            "ratio": round(need.most / peak, 2), "weights_MB": round(need.weights / 2e6)}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", default=",".join(map(str, range(len(CASES)))))
    parser.add_argument("--inside", action="store_true", help="measure the one case in this process")
    parser.add_argument("--backbone", help="of the case inside: a folder")
    given = parser.parse_args()
    chosen = [int(case) for case in given.cases.split(",")]
    if given.inside:
        print(json.dumps(measure(CASES[chosen[0]], given.backbone)), flush=True)
        return
    for case in chosen:
        with tempfile.TemporaryDirectory() as place:
            name = backbone(Path(place) / "model", CASES[case])
            more = [] if name is None else ["--backbone", name]
            subprocess.run([sys.executable, __file__, "--inside", "--cases", str(case), *more], check=True)


if __name__ == "__main__":
    main()
