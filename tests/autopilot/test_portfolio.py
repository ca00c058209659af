"""Which configurations are tried first on a data set, by what they were worth on others like it."""

import json

import numpy as np
import pytest

from autogpt import registry
from autogpt.autopilot.portfolio import TABLE, Features, Portfolio, shipped
from autogpt.autopilot.scheduler import SHIFT
from autogpt.setting import domains

SMALL, LARGE = Features(32, 2, 80.0, "classes"), Features(8000, 70, 60.0, "classes")


def pool(features: Features, scores: list[float]) -> dict[str, object]:
    found = {name: getattr(features, name) for name in ("rows", "labels", "length", "output")}
    return {"features": found, "scores": scores, "seconds": [1.0] * len(scores)}


CONFIGURATIONS = [("full", {}), ("full", {"learning_rate": 3e-4}), ("full", {"dropout": True}), ("lora", {})]


def portfolio(*pools: dict[str, object]) -> Portfolio:
    configurations = [{"method": method, "options": options} for method, options in CONFIGURATIONS]
    return Portfolio.of({"configurations": configurations, "pools": pools})


BOTH = portfolio(pool(SMALL, [0.70, 0.80, 0.60, 0.7]), pool(LARGE, [0.90, 0.80, 0.93, 0.9]))


@pytest.mark.parametrize(("features", "first"), [(SMALL, {"learning_rate": 3e-4}), (LARGE, {"dropout": True})])
def test_what_did_well_on_data_sets_alike_is_first(features: Features, first: dict[str, object]) -> None:
    ranked = BOTH.ranked(features, methods=["full"])
    assert ranked[0].options == first
    assert ranked[0].mean > ranked[1].mean
    assert {entry.method for entry in ranked} == {"full"}


def test_the_second_is_what_is_good_where_the_first_is_not() -> None:
    one = [0.5, 0.9, 0.89, 0.5]
    table = portfolio(*[pool(SMALL, one)] * 3, pool(SMALL, [0.5, 0.5, 0.5, 0.8]))
    ranked = table.ranked(SMALL, methods=["full", "lora"], defaults=True)
    assert [entry.method for entry in ranked[:2]] == ["full", "lora"]
    assert ranked[0].options == {"learning_rate": 3e-4}


def test_what_few_pools_say_is_drawn_to_what_is_usual() -> None:
    few = portfolio(pool(SMALL, [0.5, 0.7, 0.5, 0.5])).ranked(SMALL, methods=["full"])[0].mean
    many = portfolio(*[pool(SMALL, [0.5, 0.7, 0.5, 0.5])] * 20).ranked(SMALL, methods=["full"])[0].mean
    assert SHIFT < few < many < 0.2


def test_other_outputs_are_far_away_and_an_empty_table_says_nothing() -> None:
    other = Features(32, 2, 80.0, "tokens")
    assert SMALL.distance(SMALL) == 0
    assert SMALL.distance(other) > SMALL.distance(Features(64, 2, 80.0, "classes"))
    assert Portfolio.of({"configurations": [], "pools": []}).ranked(SMALL, methods=["full"]) == []


def test_the_shipped_table_holds_known_options_and_no_names() -> None:
    document = json.loads(TABLE.read_text("utf-8"))
    assert set(document) == {"configurations", "pools"}
    for one in document["configurations"]:
        method = registry.get("methods", one["method"])
        method.options(**one["options"])
        assert not any(domains(method.options)[name].longer for name in one["options"])
    for one in document["pools"]:
        assert set(one) == {"features", "scores", "seconds"}
        assert {type(value) for name, value in one["features"].items() if name != "output"} <= {int, float}
        assert one["features"]["output"] in registry.names("outputs")
    table = shipped()
    assert table.scores.shape == (len(table.pools), len(table.configurations))
    assert np.all((table.scores > 0) & (table.scores <= 1))
    assert table.ranked(SMALL, methods=["full", "contrastive"])
