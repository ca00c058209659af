"""A teacher's answer as a target: certain ones are labels, mixed ones teach what both losses together teach."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from autogpt import registry
from autogpt.autopilot.trial import Candidate, run_trial
from autogpt.core import Decision
from autogpt.experts import Averaging
from autogpt.probe import Rows, solve
from autogpt.soft_targets import SoftTarget, as_labels, has_target
from autogpt.testing import contracts, tiny

KINDS = [name for name in registry.names("outputs") if isinstance(registry.get("outputs", name), Averaging)]
STUDENTS = [
    name for name in registry.names("methods") if getattr(registry.get("methods", name), "takes_soft_targets", False)
]


@pytest.fixture(scope="module")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.bert_folder(tmp_path_factory.mktemp("bert") / "bert")


def certain(output: str) -> tuple[Any, Any, list[Any]]:
    """Rows of a kind, its label space, and each row's label as a teacher says it that is sure."""
    kind, rows = registry.get("outputs", output), tiny.examples(output, 12)
    space = kind.space([row.target for row in rows])
    code = kind.encode([row.target for row in rows], space)
    if output == "value":
        tables = [[row.target] for row in rows]
    elif output in ("labels", "choices"):
        tables = [one[:, None] if output == "choices" else one for one in code]
    else:
        tables = [np.eye(kind.size(space))[one] for one in code]
    return kind, space, [SoftTarget(np.asarray(table)) for table in tables]


def losses(kind: Any, targets: list[Any], space: Any, logits: list[torch.Tensor]) -> torch.Tensor:
    """What each row loses, one by one."""
    code = [kind.encode([one], space)[0] for one in targets]
    rows = zip(logits, code, strict=True)
    return torch.cat([kind.loss(row[None], torch.tensor(np.asarray(one))[None], None) for row, one in rows])


def random_logits(kind: Any, space: Any, rows: list[Any]) -> list[torch.Tensor]:
    rng = np.random.default_rng(0)
    sizes = [{"tokens": len(r.inputs.get("tokens", ())), "choices": len(r.inputs.get("choices", ()))} for r in rows]
    shapes = [(size[kind.name], kind.size(space)) if kind.name in size else (kind.size(space),) for size in sizes]
    return [torch.tensor(rng.normal(size=shape), dtype=torch.float32, requires_grad=True) for shape in shapes]


@pytest.mark.parametrize("output", KINDS)
def test_a_teacher_that_is_sure_teaches_what_the_label_teaches(output: str) -> None:
    kind, space, soft = certain(output)
    rows = tiny.examples(output, 12)
    logits = random_logits(kind, space, rows)
    hard = losses(kind, [row.target for row in rows], space, logits)
    torch.testing.assert_close(losses(kind, soft, space, logits), hard)


@pytest.mark.parametrize("output", KINDS)
def test_the_loss_of_a_mixed_target_moves_scores_as_both_losses_together_do(output: str) -> None:
    """Hinton's weighted sum of two losses, here one loss: the same gradient for any trust in the label."""
    kind, space, soft = certain(output)
    rows = tiny.examples(output, 12)
    others = [*soft[5:], *soft[:5]] if output != "tokens" and output != "choices" else None
    if others is None:  # tables of another row have another size: a teacher that doubts
        others = [
            replace(one, likely=np.full_like(one.likely, 1 / one.likely.shape[output == "tokens"])) for one in soft
        ]
    labels = [row.target for row in rows]
    mixed = [replace(one, label=label, trust=0.3) for one, label in zip(others, labels, strict=True)]
    logits = random_logits(kind, space, rows)
    together = 0.3 * losses(kind, labels, space, logits).sum() + 0.7 * losses(kind, others, space, logits).sum()
    wanted = torch.autograd.grad(together, logits)
    found = torch.autograd.grad(losses(kind, mixed, space, logits).sum(), logits)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("output", KINDS)
def test_soft_and_hard_targets_stand_beside_each_other(output: str) -> None:
    kind, space, soft = certain(output)
    rows = tiny.examples(output, 12)
    both = kind.encode([row.target if place % 2 else soft[place] for place, row in enumerate(rows)], space)
    for one, other in zip(both, kind.encode(soft, space), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "output"),
    [(name, output) for name in STUDENTS for output in KINDS if output in registry.get("methods", name).outputs],
)
def test_students_learn_of_a_teacher_what_the_labels_would_have_taught(
    name: str, output: str, tiny_bert: Path, tmp_path: Path
) -> None:
    """Every label is hidden, and the teacher that is asked in their place knows them: the student is as good."""
    told = contracts.bench(output, tiny_bert)
    candidate = Candidate(name, contracts.quick(name, output))
    by_labels, _ = run_trial(told, candidate, folder=tmp_path / "labels", remaining=lambda: 120.0)
    kind = told.output
    code = kind.encode([row.target for row in told.train], told.space)
    likely = {
        "value": lambda one, row: np.atleast_1d(row.target),
        "labels": lambda one, row: one,
        "choices": lambda one, row: one[:, None],
    }.get(output, lambda one, row: np.eye(kind.size(told.space))[one])
    rows = [replace(row, target=SoftTarget(likely(one, row))) for one, row in zip(code, told.train, strict=True)]
    by_teacher, _ = run_trial(
        replace(told, train=rows), candidate, folder=tmp_path / "teacher", remaining=lambda: 120.0
    )
    metric = told.metric.name
    assert by_teacher.scores[metric] == pytest.approx(by_labels.scores[metric], abs=0.03)


def test_a_linear_head_learns_how_likely_labels_are() -> None:
    """Of rows that are all alike the likeliest scores are the teacher's; no label alone could say that."""
    kind, space, _ = certain("classes")
    likely = np.array([0.7, 0.2, 0.1])
    rows = [replace(one, target=SoftTarget(likely)) for one in tiny.examples("classes", 60)]
    head = solve(Rows.of_examples(rows, np.ones((60, 2), np.float32), kind, space), kind, space, c=1e4, judge=None)
    found = kind.probabilities(head(np.ones((1, 2))), space, Decision())
    np.testing.assert_allclose(found[0], likely, atol=1e-3)


def test_tfidf_doubts_where_its_teacher_doubts(tmp_path: Path) -> None:
    """Half of a word's rows are one label to the teacher, half of each row: the margins of both labels are the same."""
    told = contracts.bench("classes", Path("none"))
    blue = told.space.labels.index("blue")
    doubt, sure = np.full(3, 1 / 2), np.eye(3)[blue]
    doubt[blue] = 0.0
    rows = [replace(r, target=SoftTarget(sure if r.target == "blue" else doubt)) for r in told.train]
    _, scorer = run_trial(replace(told, train=rows), Candidate("tfidf"), folder=tmp_path, remaining=lambda: 60.0)
    scores = np.asarray(scorer.score([row.inputs for row in told.validation]))
    others = [place for place in range(3) if place != blue]
    np.testing.assert_allclose(scores[:, others[0]], scores[:, others[1]], atol=1e-2)
    assert ((scores.argmax(axis=1) == blue) == [row.target == "blue" for row in told.validation]).all()


def test_labels_of_shares_are_rows_that_weigh_them() -> None:
    shares = np.array([[0.75, 0.25, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]], dtype=np.float32)
    rows, labels, weight = as_labels(shares)
    assert (rows.tolist(), labels.tolist(), weight.tolist()) == ([0, 0, 2], [0, 1, 2], [0.75, 0.25, 1.0])
    assert has_target(shares).tolist() == [True, False, True]
    assert [part.tolist() for part in as_labels(np.array([1, -100, 0]))] == [[0, 2], [1, 0], [1.0, 1.0]]
