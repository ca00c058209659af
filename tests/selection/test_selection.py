"""Policies over a pool of rows: contracts that every policy keeps, and what tells an agent from a fake."""

import itertools
import json
import zlib

import numpy as np
import pytest

from autogpt import registry
from autogpt.errors import ConfigError
from autogpt.selection._environment import Environment
from autogpt.selection._features import knn_shapley, out_of_fold_margins
from autogpt.selection._guard import guarded
from autogpt.selection._policy import followed
from autogpt.selection._pool import Pool, dealt

POLICIES = registry.names("selection")
SHORT = {
    "reinforce": {"agents": 2, "rounds": 6},
    "random-search": {"trials": 10},
    "q-learning": {"tables": 2, "episodes": 4},
    "exp3": {"chunks": 8},
    "rho-loss": {"chunks": 8},
    "step-gate": {"trainings": 4, "chunks": 8},
}
"""Shorter lives, where a policy has rounds."""


def pool(*, rows=300, trusted=60, classes=3, wrong=0.0, foreign=0.0, seed=0):
    """Gaussian classes in 12 dimensions; a share of labels drawn anew, a share of rows from elsewhere."""
    rng = np.random.default_rng(seed)
    means = 1.6 * rng.standard_normal((classes, 12))
    gold = rng.integers(classes, size=rows)
    vectors = means[gold] + rng.standard_normal((rows, 12))
    elsewhere = rng.random(rows) < foreign
    vectors[elsewhere] = 4 * rng.standard_normal(12) + rng.standard_normal((int(elsewhere.sum()), 12))
    spoiled = (rng.random(rows) < wrong) | elsewhere
    labels = np.where(spoiled, (gold + rng.integers(1, classes, size=rows)) % classes, gold)
    held = np.arange(trusted) % classes
    clean = means[held] + rng.standard_normal((trusted, 12))
    return Pool(vectors, labels, clean, held, classes), spoiled


def choice(name, data, *, seed=0, **options):
    policy = registry.get("selection", name)
    world = Environment(data, seed=seed)
    return followed(policy.choose(world, policy.options(**{**SHORT.get(name, {}), **options}), seed=seed))


@pytest.mark.parametrize("name", POLICIES)
class TestEveryPolicy:
    def test_gives_each_row_a_weight(self, name):
        data, _ = pool()
        found = choice(name, data)
        assert found.weights.shape[1] == len(data)
        assert np.isfinite(found.weights).all()
        assert (found.weights >= 0).all()
        assert found.weight.sum() > 0

    def test_gives_the_same_for_the_same_seed(self, name):
        data, _ = pool(wrong=0.3)
        assert (choice(name, data).weights == choice(name, data).weights).all()

    def test_goes_on_from_a_saved_state_bit_for_bit(self, name):
        data, _ = pool(wrong=0.3)
        policy = registry.get("selection", name)
        options = policy.options(**SHORT.get(name, {}))
        rounds = list(policy.choose(Environment(data, seed=1), options, seed=1))
        whole = followed(policy.choose(Environment(data, seed=1), options, seed=1))
        middle = json.loads(json.dumps(dict(rounds[len(rounds) // 2].state)))
        again = followed(policy.choose(Environment(data, seed=1), options, seed=1, state=middle or None))
        assert (again.weights == whole.weights).all()

    def test_tells_rounds_that_count_to_the_end(self, name):
        data, _ = pool(rows=60, trusted=30)
        policy = registry.get("selection", name)
        told = list(policy.choose(Environment(data, seed=0), policy.options(**SHORT.get(name, {})), seed=0))
        assert [one.step for one in told] == list(range(1, told[0].total + 1))

    def test_survives_a_class_of_one_row_and_a_class_without_trusted_rows(self, name):
        data, _ = pool(rows=80, trusted=30)
        labels = data.labels.copy()
        labels[labels == 2] = 0
        labels[0] = 2
        kept = data.trusted_labels != 1
        odd = Pool(data.vectors, labels, data.trusted[kept], data.trusted_labels[kept], 3)
        assert np.isfinite(choice(name, odd).weights).all()


def area(score, wrong):
    """Probability that a right row scores above a wrong one."""
    return float((score[~wrong][:, None] > score[wrong][None]).mean())


class TestReinforce:
    def test_learns_from_rewards_alone_to_leave_wrong_labels_out(self):
        """It begins without an opinion: every row has the same weight, and only rewards can tell it which to keep."""
        areas = []
        for seed in range(3):
            data, wrong = pool(wrong=0.4, seed=seed)
            found = choice("reinforce", data, seed=seed, agents=3, rounds=30, prior=False)
            areas.append(area(found.weight, wrong))
        assert np.mean(areas) > 0.75

    def test_learns_nothing_from_rewards_that_tell_nothing(self):
        class Noise(Environment):
            def reward(self, weights, fold):
                return float(np.random.default_rng(zlib.crc32(weights.tobytes())).standard_normal())

        found = []
        for seed in range(24):
            data, wrong = pool(wrong=0.4, seed=seed)
            policy = registry.get("selection", "reinforce")
            world = Noise(data, seed=seed)
            weights = followed(policy.choose(world, policy.options(prior=False, rounds=15), seed=seed)).weight
            found.append(area(weights, wrong))
        assert 0.25 < np.mean(found) < 0.75

    def test_weighs_closeness_where_rows_come_from_elsewhere(self):
        near, usual = (
            [choice("reinforce", pool(**how, seed=s)[0], agents=1, rounds=30).weighing["domain"] for s in range(3)]
            for how in ({"foreign": 0.5}, {"wrong": 0.4})
        )
        assert np.mean(near) > np.mean(usual) + 0.2

    @pytest.mark.parametrize("options", [{"agents": 0}, {"actions": 1}, {"rounds": 0}])
    def test_refuses_options_that_make_no_sense(self, options):
        with pytest.raises(ConfigError, match="must be 1 or more"):
            registry.get("selection", "reinforce").options(**options)


class TestEnvironment:
    def test_features_of_a_fold_do_not_depend_on_the_rows_that_reward(self):
        data, _ = pool(wrong=0.3)
        world = Environment(data, seed=0)
        other = world.fold == 1
        changed = data.trusted_labels.copy()
        changed[other] = (changed[other] + 1) % data.classes
        again = Environment(Pool(data.vectors, data.labels, data.trusted, changed, data.classes), seed=0)
        again.fold = world.fold
        assert np.allclose(world.features[0], again.features[0])
        assert not np.allclose(world.features[1], again.features[1])

    @pytest.mark.parametrize(("wrong", "low", "high"), [(0.0, -0.2, 0.2), (0.5, 0.35, 1.0)])
    def test_noise_is_told_from_none(self, wrong, low, high):
        assert low < np.mean([Environment(pool(wrong=wrong, seed=s)[0], seed=s).noise for s in range(3)]) < high

    def test_wrong_rows_have_low_margins_out_of_fold(self):
        data, wrong = pool(wrong=0.3)
        margins = out_of_fold_margins(data.reduced(), np.ones(60, dtype=bool), seed=0)
        assert margins[wrong].mean() < margins[~wrong].mean() - 0.1

    def test_parts_have_every_class_alike(self):
        labels = np.repeat([0, 1, 2], [10, 20, 31])
        part = dealt(labels, 3, np.random.default_rng(0))
        for label in range(3):
            counts = np.bincount(part[labels == label], minlength=3)
            assert counts.max() - counts.min() <= 1


def test_knn_shapley_is_the_mean_over_all_orders():
    """Against the definition: a row's value is what it adds to the vote, averaged over all orders of joining."""
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((5, 3)), np.array([0, 1, 0, 1, 1])
    held, gold = rng.standard_normal((2, 3)), np.array([0, 1])
    voters = 2

    def vote(rows, point, label):
        nearest = sorted(rows, key=lambda row: -float(point @ x[row]))[:voters]
        return sum(y[row] == label for row in nearest) / voters

    expected = np.zeros(5)
    orders = list(itertools.permutations(range(5)))
    for point, label in zip(held, gold, strict=True):
        for order in orders:
            for place, row in enumerate(order):
                expected[row] += vote(order[: place + 1], point, label) - vote(order[:place], point, label)
    expected /= len(orders) * len(held)
    assert np.allclose(knn_shapley(x, y, held, gold, voters=voters), expected)


class TestGuard:
    def guard(self, data, seed=0):
        policy = registry.get("selection", "reinforce")
        return guarded(Environment(data, seed=seed), policy, policy.options(agents=1, rounds=10))

    def test_lets_a_choice_among_wrong_labels_pass(self):
        verdict = self.guard(pool(rows=400, wrong=0.45, trusted=90)[0])
        assert verdict.accepted
        assert verdict.low <= verdict.gain <= verdict.high

    def test_leaves_clean_rows_alone(self):
        data, _ = pool(rows=400, trusted=90)
        verdict = self.guard(data)
        assert not verdict.accepted
        assert (verdict.choice.weights == 1).all()

    def test_asks_for_enough_trusted_rows(self):
        verdict = self.guard(pool(trusted=12)[0])
        assert not verdict.accepted
        assert "24 are needed" in verdict.reason


def test_a_coreset_stands_for_all_rows():
    data, _ = pool(rows=200)
    weights = choice("coreset", data, share=0.2).weight
    assert 35 <= (weights > 0).sum() <= 48
    assert weights.sum() == len(data)
