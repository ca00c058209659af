"""The model card: README.md of a saved model, with the front matter that the Hugging Face Hub reads.

Everything in it comes from the report; what nobody can know from data (licence, intended use) is a plainly marked gap.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import yaml

from autogpt.evaluation.display import clean, duration, number
from autogpt.evaluation.markdown import checks, plain, status, table
from autogpt.evaluation.report import Report
from autogpt.evaluation.sections import sections
from autogpt.evaluation.words import Words

# Names of the metrics on the Hub, where they differ from ours.
_HUB_METRICS = {
    "macro-f1": "f1",
    "micro-f1": "f1",
    "weighted-f1": "f1",
    "relation-f1": "f1",
    "entity-f1": "seqeval",
    "mcc": "matthews_correlation",
    "spearman": "spearmanr",
    "pearson": "pearsonr",
}
# Tasks as the Hub calls them.
_HUB_TASKS = {
    "multi-label-classification": "text-classification",
    "text-regression": "text-classification",
    "relation-extraction": "text-classification",
    "text-retrieval": "sentence-similarity",
}

_PARTS = (
    "The folder `adapter` holds trained parts that cannot be folded into the weights. Only autogpt gives this model's "
    "answers: what transformers and sentence-transformers load from this folder is the body without these parts."
)


def model_card(
    report: Report,
    *,
    name: str,
    base_model: str = "",
    base_model_licence: str = "",
    library: str = "transformers",
    languages: Sequence[str] = (),
    labels: Sequence[str] = (),
    has_parts: bool = False,
) -> str:
    """README.md as text. `name` is the model's own name, `base_model` a Hub name (left out when it is a folder).

    `has_parts`: some of the model stands beside its body, so that other libraries do not give its answers.
    """
    front = yaml.safe_dump(
        _front(report, name, base_model, library, languages), allow_unicode=True, sort_keys=False, width=120
    )
    main = report.main
    words = Words("en")
    title = plain(clean(name, 100))
    body = [
        f"# {title}",
        f"Fine-tuned by autogpt to: *{plain(clean(report.goal, 200))}*.",
        f"**{status(report, words)}.** {plain(clean(report.verdict.headline, 600))}",
        "## Scores",
        f"{plain(report.metric)} **{plain(str(main))}** on test rows that nothing had looked at before.",
        _scores(report),
        "## Limits",
        _limits(report, labels),
        checks(report, words),
        "## Training",
        _training(report, base_model, base_model_licence),
        "## Use",
        f'```python\nfrom autogpt import AutoGPT\n\nmodel = AutoGPT.load("{_path(name)}")\nmodel.predict(["..."])\n```',
        _PARTS if has_parts else "",
        "The full report is in `report.html`, `report.md` and `report.json` beside this file.",
    ]
    return f"---\n{front}---\n\n" + "\n\n".join(part for part in body if part) + "\n"


def _front(report: Report, name: str, base_model: str, library: str, languages: Sequence[str]) -> dict[str, Any]:
    """What the Hub's index reads."""
    task = _HUB_TASKS.get(report.task, report.task)
    own = [s for s in report.systems[0].scores if math.isfinite(s.value)]
    data = clean(report.data.name, 100) or "own data"
    front: dict[str, Any] = {
        "license": "other",
        "license_name": "choose-a-licence",
        "language": [code for code in languages or sorted(report.data.languages) if code.isalpha()] or None,
        "library_name": library,
        "pipeline_tag": clean(task, 60),
        "tags": ["autogpt", clean(task, 60), clean(report.method, 60)],
        "base_model": clean(base_model, 200) or None,
        "datasets": [clean(report.data.name, 100)] if report.data.name and "/" in report.data.name else None,
        "metrics": sorted({_HUB_METRICS.get(s.metric, s.metric) for s in own}),
        "model-index": [
            {
                "name": clean(name, 100),
                "results": [
                    {
                        "task": {"type": task},
                        "dataset": {"name": data, "type": data, "split": "test"},
                        "metrics": [
                            {
                                "type": _HUB_METRICS.get(s.metric, s.metric),
                                "name": s.metric,
                                "value": round(s.value, 4),
                            }
                            for s in own
                        ],
                    }
                ],
            }
        ],
    }
    return {key: value for key, value in front.items() if value is not None}


def _scores(report: Report) -> str:
    """The same table as in the report."""
    block = next(section for section in sections(report) if section.id == "scores").blocks[1]
    return table(block)  # type: ignore[arg-type]


def _limits(report: Report, labels: Sequence[str]) -> str:
    """What a user must know before trusting it."""
    lines = [
        "- Tested on rows like those it was trained on; other sources, times or languages were not tested.",
        f"- Languages in the data: {plain(clean(', '.join(sorted(report.data.languages)) or 'unknown'))}.",
    ]
    if labels:
        lines.append(f"- It knows {len(labels)} labels and gives one of them also to texts that fit none.")
    if report.abstention is not None:
        a = report.abstention
        lines.append(
            f"- Below a confidence of {number(a.threshold, 2)} it abstains (answers {a.coverage:.0%} of rows)."
        )
    for c in report.confusions[:3]:
        lines.append(f"- It mixes up {plain(clean(c.gold, 80))} with {plain(clean(c.predicted, 80))}.")
    if report.suspect_count:
        lines.append(f"- {report.suspect_count:,} labels of the training data look wrong and were not reviewed.")
    if report.data.pii:
        kinds = ", ".join(f"{plain(clean(k, 60))} ({v:,} rows)" for k, v in sorted(report.data.pii.items()))
        lines.append(f"- The training data holds personal data: {kinds}.")
    return "\n".join(lines)


def _training(report: Report, base_model: str, base_model_licence: str) -> str:
    facts = [
        ("Method", report.method),
        ("Backbone", base_model or report.backbone),
        ("Licence of the backbone", base_model_licence),
        ("Data", report.data.name),
        ("Licence of the data", report.data.licence),
        ("Rows", ", ".join(f"{k} {v:,}" for k, v in report.data.splits.items())),
    ]
    if report.costs is not None:
        facts.append(("Time", duration(report.costs.seconds)))
        facts.append(("Energy (estimate)", f"{report.costs.watt_hours:.2f} Wh"))
    facts.append(("Licence of this model", "not chosen yet; replace `license` in the front matter"))
    lines = [f"- {name}: {plain(clean(value, 200))}" for name, value in facts if value]
    command = f"\n\n    {clean(report.command, 600)}" if report.command else ""
    return "\n".join(lines) + command


def _path(name: str) -> str:
    """The name where it stands in code: nothing that could end the string."""
    return "".join(c for c in clean(name, 100) if c.isalnum() or c in "-_. /")
