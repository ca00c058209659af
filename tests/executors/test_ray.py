"""Orders over a cluster of Ray: two machines are played by two of its node processes here."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import chores
import pytest
from chores import heard, order

from autogpt.errors import ConfigError
from autogpt.executors.ray import SIGN, RayCrew, plugin
from autogpt.orders import FAILED, LOST, Order

ray = pytest.importorskip("ray")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", chores.HERE)
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_worker_niceness", "0")
        found = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        found.add_node(num_cpus=1)
        found.wait_for_nodes()
        yield found
        ray.shutdown()
        found.shutdown()


@pytest.fixture
def crew(cluster: Any) -> Iterator[RayCrew]:
    found = plugin.open(workers=None, address=cluster.address, warm=chores.warm)
    yield found
    found.close()


def test_a_worker_per_machine_does_what_is_ordered_where_the_run_stands(crew: RayCrew, tmp_path: Path) -> None:
    assert crew.size == 2
    crew.begin(order(chores.double, 21, tmp_path))
    told, ending = heard(crew)
    assert told == ["doubling 21"]
    assert ending.how == ""
    assert (tmp_path / "double" / "result.json").read_text() == "42"


def test_what_fails_is_told_and_not_tried_again(crew: RayCrew, tmp_path: Path) -> None:
    crew.begin(order(chores.fail, "resource", tmp_path))
    told, ending = heard(crew)
    assert (told, ending.how, ending.problem) == ([], FAILED, "too little")


def test_a_trial_whose_process_dies_is_begun_again(crew: RayCrew, tmp_path: Path) -> None:
    crew.begin(order(chores.die, 2, tmp_path, seconds=120.0))
    told, ending = heard(crew)
    assert [message.split(" (")[0] for message in told] == ["die was lost"] * 2
    assert ending.told == {"tries": 3}


@pytest.mark.nightly
def test_one_that_dies_always_is_given_up(crew: RayCrew, tmp_path: Path) -> None:
    crew.begin(order(chores.die, 99, tmp_path, seconds=120.0))
    assert heard(crew)[1].how == LOST
    assert (tmp_path / "die" / "tries").read_text() == "3"


def test_who_hangs_is_ended(crew: RayCrew, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autogpt.executors.ray.GRACE_SECONDS", 1.0)
    crew.begin(order(chores.hang, None, tmp_path, seconds=2.0))
    ending = heard(crew)[1]
    assert ending.how == LOST
    assert "was not done after" in ending.problem


def test_results_come_back_where_no_folder_is_shared(
    crew: RayCrew, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run's sign is another one than the task is told, as on a machine with another folder of that name."""
    (tmp_path / "where").mkdir()
    (tmp_path / "where" / "before").write_text("sent along")
    sent = crew._sent

    def elsewhere(order: Order, *, attempt: int) -> Any:
        task = sent(order, attempt=attempt)
        (order.base / SIGN).write_text("of another run")
        return task

    monkeypatch.setattr(crew, "_sent", elsewhere)
    crew.begin(order(chores.where, None, tmp_path))
    ending = heard(crew)[1]
    if ending.told["folder"] == str(tmp_path / "where"):  # the task began before the sign was changed
        crew.begin(order(chores.where, None, tmp_path))
        ending = heard(crew)[1]
    assert not ending.told["folder"].startswith(str(tmp_path))
    assert ending.told["before"] == "sent along"
    assert (tmp_path / "where" / "deep" / "result").read_text() == "kept"


def test_what_a_lost_machine_did_is_begun_again_on_another(cluster: Any, crew: RayCrew, tmp_path: Path) -> None:
    node = cluster.add_node(num_cpus=1, resources={"doomed": 1})
    cluster.wait_for_nodes()
    needs = crew._needs
    crew._needs = {**needs, "resources": {"doomed": 1}}
    crew.begin(order(chores.hang, None, tmp_path, seconds=60.0))
    while (news := crew.news(1.0)) is None or news.event is None:
        pass
    crew._needs = needs
    cluster.remove_node(node, allow_graceful=False)
    while (news := crew.news(1.0)) is None or news.event is None or "was lost" not in news.event.message:
        assert news is None or news.ending is None
    assert len(crew._tasks) == 1, "it is at work again"


def test_a_cluster_that_does_not_answer_is_said(cluster: Any) -> None:
    ray.shutdown()
    with pytest.raises(ConfigError, match="no Ray cluster answers"):
        plugin.open(workers=None, address="127.0.0.1:1", warm=chores.warm)
