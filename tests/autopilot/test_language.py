"""An encoder that does not know the texts' language is noticed, measured, and never chosen blindly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from autogpt import AutoGPT, registry
from autogpt.autopilot.language import Spelling, knows
from autogpt.autopilot.trial import Result
from autogpt.config import Columns, Search
from autogpt.runtime import Runtime

ACCURACY = registry.get("metrics", "accuracy")
TEXTS: Mapping[str, tuple[str, str]] = {
    "English": ("I lost my card and need a new one today, please help me.", "known"),
    "German": ("Der Kundendienst hat mir leider nicht weitergeholfen, trotz mehrfacher Anrufe.", "open"),
    "jargon": ("Administration of pantoprazole reduced reflux in hyperkalaemia and thrombocytopenia.", "open"),
    "Chinese": ("我的银行卡丢了怎么办，请尽快帮我补办一张新卡", "unknown"),
    "Russian": ("Я потерял свою карту и мне срочно нужна новая.", "unknown"),
}


def spelling(text: str, backbone: str | None) -> Spelling:
    encoder = registry.get("backbones", "encoder").open(backbone, output="classes", size=2, runtime=Runtime())
    return Spelling.of([{"text": text}], encoder)


@pytest.mark.parametrize("language", TEXTS)
def test_the_embedded_encoder_knows_english(language: str, minilm: Path) -> None:
    text, verdict = TEXTS[language]
    assert spelling(text, None).verdict == verdict


def test_a_tokenizer_of_bytes_knows_every_character_and_no_word() -> None:
    text = "我的卡丢了"
    assert Spelling(tokens=len(text.encode()) + 1, unknown=0, words=5, characters=5).verdict == "unknown"
    assert Spelling(tokens=5, unknown=0, words=5, characters=5).verdict == "known"
    assert Spelling(tokens=10, unknown=0, words=5, characters=5).verdict == "open"


def test_what_was_counted_is_said() -> None:
    told = str(Spelling(tokens=40, unknown=10, words=20, characters=100))
    assert told == "0.40 tokens per character where 0.20 are usual, 25% of them unknown"


def trial(method: str, score: float) -> Result:
    return Result(method, method, {}, {}, {"accuracy": score}, 1.0, "encoder" if method == "head" else "", 1.0)


def test_where_it_is_open_the_head_must_match_tfidf() -> None:
    doubtful = Spelling(tokens=20, unknown=0, words=10, characters=60)
    assert knows(doubtful, [trial("head", 0.9)], ACCURACY)[0] is False
    assert knows(doubtful, [trial("tfidf", 0.8), trial("head", 0.7)], ACCURACY)[0] is False
    better, why = knows(doubtful, [trial("tfidf", 0.8), trial("head", 0.9)], ACCURACY)
    assert better
    assert "as good as TF-IDF on validation" in why
    assert knows(Spelling(12, 0, 10, 60), [], ACCURACY) == (True, "")


def questions() -> list[dict[str, str]]:
    things = ["银行卡", "信用卡", "存折", "手机", "密码", "转账", "汇款", "账单", "网银", "支票"]
    kinds = {
        "挂失": ["丢了怎么办", "找不到了请挂失", "被偷了想挂失"],
        "费用": ["要收多少钱", "手续费是多少", "为什么扣费"],
        "办理": ["怎么申请", "如何开通", "在哪里办理"],
    }
    return [{"问题": f"我的{thing}{asked}{end}", "类别": kind} for kind, ways in kinds.items() for asked in ways
            for thing in things for end in ("", "？")]  # fmt: skip


def test_chinese_texts_are_not_given_to_an_english_encoder_blindly(minilm: Path, tmp_path: Path) -> None:
    tuner = AutoGPT(output=str(tmp_path), columns=Columns(target="类别"), search=Search(methods="tfidf,head"))
    told: list[str] = []
    tuner.train(questions(), time_limit="90s", listen=lambda event: told.append(event.message))
    assert tuner.run is not None
    assert any("does not know these texts' language" in message and "unknown" in message for message in told)
    assert {trial.name: trial.reason for trial in tuner.run.report.trials}["tfidf"] == "best on validation"


def test_chinese_texts_get_an_encoder_that_knows_chinese_where_one_is_installed(
    multilingual: Path, tmp_path: Path
) -> None:
    tuner = AutoGPT(output=str(tmp_path), columns=Columns(target="类别"), search=Search(methods="head"))
    told: list[str] = []
    model = tuner.train(questions(), time_limit="3m", listen=lambda event: told.append(event.message))
    assert tuner.run is not None
    assert "the encoder is multilingual-e5-small: the texts are not all English (zh 100%)" in told
    assert not any("does not know" in message for message in told)
    state = json.loads((tuner.run.folder / "run.json").read_text("utf-8"))
    assert state["config"]["search"]["backbone"] == "multilingual-e5-small"  # a resumed run goes on with it
    assert [answer.value for answer in model.predict(["我的钱包找不到了请挂失", "我的保险箱怎么申请"])] == [
        "挂失",
        "办理",
    ]
