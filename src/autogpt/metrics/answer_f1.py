"""Mean F1 of words (in Chinese and Japanese: characters) that an answer shares with a right one (see `_answers`)."""

from __future__ import annotations

from autogpt.metrics._answers import AnswerMetric, overlap


class AnswerF1(AnswerMetric):
    name = "answer-f1"

    def agreement(self, gold: str, answer: str, *, cjk: bool) -> float:
        return overlap(gold, answer, cjk=cjk)


plugin = AnswerF1()
