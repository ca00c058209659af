"""Several models as one: the mean of what they say, each at its own temperature, saved as folders that stand alone."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autogpt import registry
from autogpt.autopilot.trial import load_scorer
from autogpt.backbones.constant import Constant
from autogpt.backbones.ensemble import Ensemble, Member
from autogpt.core import Decision, LabelSpace
from autogpt.errors import ConfigError
from autogpt.experts import Averaging
from autogpt.runtime import Runtime
from autogpt.testing import contracts, tiny

AVERAGING = [name for name in registry.names("outputs") if isinstance(registry.get("outputs", name), Averaging)]


def encoder(folder: Path, output: str, *, seed: int) -> Any:
    rows = tiny.examples(output)
    kind = registry.get("outputs", output)
    space = kind.space([row.target for row in rows])
    shape: dict[str, Any] = {"output": output, "size": kind.size(space), "labels": space.labels, "like": rows[0].inputs}
    name = str(tiny.bert_folder(folder / f"bert-{seed}", seed=seed))
    found = registry.get("backbones", "encoder").open(name, runtime=Runtime(device="cpu"), offline=True, **shape)
    rng = np.random.default_rng(seed)
    found.set_head(rng.normal(size=(kind.size(space), found.width)), rng.normal(size=kind.size(space)))
    return found


def test_outputs_without_a_mean_are_refused_by_what_they_can_do() -> None:
    assert {"classes", "path", "labels", "value", "tokens", "choices"} == set(AVERAGING)
    for output in set(registry.names("outputs")) - set(AVERAGING):
        with pytest.raises(ConfigError, match="have no mean; use one model"):
            Ensemble([Member(Constant((0.0, 1.0)))], output=output)


@pytest.mark.parametrize("output", AVERAGING)
def test_scores_do_not_depend_on_the_batch_and_survive_saving(output: str, tmp_path: Path) -> None:
    members = [
        Member(encoder(tmp_path, output, seed=0), weight=0.7, temperature=1.5),
        Member(encoder(tmp_path, output, seed=1), weight=0.3, temperature=0.5),
    ]
    contracts.scorer_contract(
        Ensemble(members, output=output), [row.inputs for row in tiny.examples(output, 6)], tmp_path / "saved"
    )


def test_it_says_the_weighted_mean_of_what_its_members_say_at_their_temperatures() -> None:
    both = Ensemble([Member(Constant((2.0, 0.0)), 3.0, 2.0), Member(Constant((0.0, 4.0)), 1.0, 4.0)], output="classes")
    space = LabelSpace(labels=("a", "b"))
    found = registry.get("outputs", "classes").probabilities(both.score([{"text": "x"}]), space, Decision())
    sure = 1 / (1 + np.exp(-1.0))
    np.testing.assert_allclose(found, [[0.75 * sure + 0.25 * (1 - sure), 0.75 * (1 - sure) + 0.25 * sure]])


def test_a_value_is_the_mean_of_values() -> None:
    both = Ensemble([Member(Constant((1.0,)), 1.0), Member(Constant((4.0,)), 2.0)], output="value")
    np.testing.assert_allclose(both.score([{"text": "x"}, {"text": "y"}]), [[3.0], [3.0]])


def test_certain_members_that_disagree_give_finite_scores() -> None:
    both = Ensemble([Member(Constant((900.0, -900.0))), Member(Constant((-900.0, 900.0)))], output="labels")
    np.testing.assert_allclose(both.score([{"text": "x"}]), [[0.0, 0.0]], atol=1e-9)


def test_each_member_is_a_folder_that_other_libraries_load(tmp_path: Path) -> None:
    sentence_transformers = pytest.importorskip("sentence_transformers")
    member = encoder(tmp_path, "classes", seed=3)
    Ensemble([Member(Constant((0.0, 1.0))), Member(member)], output="classes").save(tmp_path / "saved")
    described = json.loads((tmp_path / "saved" / "ensemble.json").read_text("utf-8"))
    assert [one["family"] for one in described["members"]] == ["constant", "encoder"]
    inputs = [row.inputs for row in tiny.examples("classes", 5)]
    expected = member.score(inputs)
    alone = load_scorer(tmp_path / "saved" / "member-1", "encoder")
    np.testing.assert_allclose(alone.score(inputs), expected, atol=1e-5)
    theirs = sentence_transformers.SentenceTransformer(str(tmp_path / "saved" / "member-1"), device="cpu")
    np.testing.assert_allclose(theirs.encode([one["text"] for one in inputs]), expected, atol=1e-4)
