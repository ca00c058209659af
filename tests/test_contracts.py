"""Every plug-in keeps the promises of its kind. The cases come from the registry; none is listed by hand."""

from pathlib import Path

import pytest
import torch

from autogpt import registry
from autogpt.errors import ConfigError
from autogpt.testing import contracts, tiny, work

METHODS = [
    (name, output) for name in registry.names("methods") for output in sorted(registry.get("methods", name).outputs)
]


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.bert_folder(tmp_path_factory.mktemp("backbones") / "bert")


@pytest.fixture(scope="session")
def tiny_writer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return contracts.taught(tmp_path_factory.mktemp("writers"))


@pytest.mark.parametrize(("name", "output"), METHODS)
def test_methods_learn_and_what_is_saved_scores_the_same(
    name: str, output: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    encoder = registry.trained(output) is registry.get("backbones", "encoder")
    backbone = request.getfixturevalue("tiny_bert" if encoder else "tiny_writer")
    try:
        contracts.check_method(name, output, backbone=backbone, folder=tmp_path)
    except ConfigError as refusal:
        if "needs a CUDA GPU" not in str(refusal) or torch.cuda.is_available():
            raise
        pytest.skip(str(refusal))


@pytest.mark.parametrize("name", registry.names("outputs"))
def test_outputs_decode_what_they_encode(name: str) -> None:
    contracts.check_output(name)


@pytest.mark.parametrize("name", registry.names("metrics"))
def test_metrics_prefer_right_answers(name: str) -> None:
    contracts.check_metric(name)


@pytest.mark.parametrize("name", registry.names("queries"))
def test_query_strategies_give_open_rows_once_and_the_same_for_a_seed(name: str) -> None:
    contracts.check_query(name)


@pytest.mark.parametrize("name", registry.names("formats"))
def test_formats_leave_whole_texts_mend_cut_ones_and_their_grammar_has_both(name: str) -> None:
    contracts.check_format(name)


@pytest.mark.parametrize("name", registry.names("prompts"))
def test_generators_write_prompts_for_every_label_and_the_same_again(name: str) -> None:
    contracts.check_prompts(name)


@pytest.mark.parametrize("name", registry.names("rewards"))
def test_rewards_are_numbers_from_0_to_1_of_each_text_alone(name: str, tmp_path: Path) -> None:
    path = tmp_path / "short.py"
    path.write_text("def short(text, row):\n    return 1 / (1 + len(text))\n", "utf-8")
    contracts.check_reward(name, source=str(path))


@pytest.mark.parametrize("name", registry.names("executors"))
def test_executors_do_what_is_ordered_elsewhere_and_tell_its_end_once(name: str, tmp_path: Path) -> None:
    if name == "ray":
        pytest.importorskip("ray")
    work.check_executor(name, tmp_path)


@pytest.mark.parametrize("kind", registry.KINDS)
def test_every_plug_in_loads_and_an_unknown_name_lists_the_known(kind: str) -> None:
    for name in registry.names(kind):
        assert registry.get(kind, name) is not None
    with pytest.raises(registry.ConfigError, match="there are: "):
        registry.get(kind, "no-such-thing")
