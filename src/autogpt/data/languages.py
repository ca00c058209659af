"""Which languages a column of texts is in: offline, from a sample, and safe for short texts.

Scripts that belong to one language decide by themselves. For the rest py3langid (Lui & Baldwin 2012) first reads the
longer texts; short ones, where it guesses wildly, may then only be one of the languages seen there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from autogpt.data.columns import sample_rows

_SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("zh", re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
    ("el", re.compile(r"[\u0370-\u03ff]")),
    ("he", re.compile(r"[\u0590-\u05ff]")),
)
_LETTERS = re.compile(r"[^\W\d_]")
_NOISE = re.compile(r"https?://\S+|[@#]\w+|<[^<>]{1,40}>|\d+")
_LONG = 40
_SMALLEST_SHARE = 0.03
# Codes that titles and short texts of the larger language are mistaken for.
_WITHIN = {"pcm": "en", "wuu": "zh", "yue": "zh", "lb": "de", "an": "es", "wa": "fr", "nn": "no", "nb": "no"}


def told(found: Mapping[str, float]) -> str:
    """Shares of languages for people: "zh 90%, en 10%"."""
    return ", ".join(f"{code} {share:.0%}" for code, share in found.items())


def shares(texts: Sequence[str], *, limit: int = 400) -> dict[str, float]:
    """ISO 639-1 code -> share of the texts that could be told, largest first; empty when none could."""
    sample = [_NOISE.sub(" ", texts[place])[:400].strip() for place in sample_rows(len(texts), limit)]
    told: Counter[str] = Counter()
    open_texts = []
    for text in sample:
        letters = len(_LETTERS.findall(text))
        # Half the letters: a foreign name in the text decides nothing.
        script = next((code for code, marks in _SCRIPTS if letters and 2 * _weight(code, marks, text) >= letters), None)
        if script:
            told[script] += 1
        elif letters >= 3:
            open_texts.append(text)
    if open_texts:
        told.update(_by_model(open_texts))
    total = sum(told.values())
    found = {code: round(n / total, 3) for code, n in told.items() if n >= max(2, 0.005 * total) or n == total}
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _weight(code: str, marks: re.Pattern[str], text: str) -> int:
    found = len(marks.findall(text))
    # Japanese mixes kana with Chinese characters; a fifth of kana settles it.
    return 5 * found if code == "ja" else found


def _by_model(texts: Sequence[str]) -> list[str]:
    """The language of each text, among those that a few per cent of the longer texts are in."""
    import py3langid

    def rank(text: str) -> list[str]:
        return list(dict.fromkeys(_WITHIN.get(code, code) for code, _ in py3langid.rank(text)))

    ranked = [rank(text) for text in texts]
    long = [codes for text, codes in zip(texts, ranked, strict=True) if len(text) >= _LONG]
    if len(long) < 5:
        # Only short texts: neighbours together are long enough to see which languages there are.
        size = max(1, -(-_LONG * 2 * len(texts) // max(1, sum(map(len, texts)))))
        long = [rank(" ".join(texts[i : i + size])) for i in range(0, len(texts), size)]
    seen = Counter(codes[0] for codes in long)
    common = {code for code, n in seen.items() if n >= max(1, _SMALLEST_SHARE * len(long))}
    common = common or {seen.most_common(1)[0][0]}
    return [next(code for code in codes if code in common) for codes in ranked]
