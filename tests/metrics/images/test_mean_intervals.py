import numpy as np
import pytest

from lookalike.metrics.images import mean_intervals


def test_an_interval_holds_the_mean_and_narrows_with_people():
    random = np.random.default_rng(0)
    widths = []
    for people in (10, 1000):
        values = {"a": random.normal(3, 1, people), "b": np.full(people, 7.0)}
        found = mean_intervals(values, np.arange(people))
        low, high = found["a"]
        assert low < values["a"].mean() < high
        assert found["b"] == (7, 7)
        widths.append(high - low)
    assert widths[1] == pytest.approx(2 * 1.96 / np.sqrt(1000), rel=0.1)
    assert widths[0] > 5 * widths[1]


def test_the_pairs_of_one_person_are_drawn_together():
    values = np.repeat(np.random.default_rng(1).normal(size=20), 50)
    together = mean_intervals({"a": values}, np.repeat(np.arange(20), 50))["a"]
    apart = mean_intervals({"a": values}, np.arange(1000))["a"]
    assert together[1] - together[0] > 4 * (apart[1] - apart[0])
    narrow = mean_intervals({"a": values}, np.repeat(np.arange(20), 50), level=0.5)["a"]
    assert together[0] < narrow[0] < narrow[1] < together[1]
    with pytest.raises(ValueError, match="level"):
        mean_intervals({"a": values}, np.arange(1000), level=1.0)
