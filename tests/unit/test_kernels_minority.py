"""Types of minority rows, by the definition."""

from __future__ import annotations

import numpy as np

from steelyard.kernels.knn import NOBODY
from steelyard.kernels.minority import TYPES, Surroundings, minority_types


def surroundings(lists: dict[int, list[int]], own: set[int], k: int = 5) -> Surroundings:
    """Lists of ids of neighbours; `own` are the ids of the rows' own class."""
    full = np.array([[*near, *[NOBODY] * (k - len(near))] for near in lists.values()])
    return Surroundings(np.array(list(lists)), full, np.isin(full, list(own)))


def named(rows: Surroundings, known: Surroundings | None = None) -> list[str]:
    return [TYPES[i] for i in minority_types(rows, known or rows)]


def test_numbers_of_friends_among_five() -> None:
    own = {1, 2, 3, 4, 5, 6}
    lists = {
        1: [2, 3, 4, 5, 6],
        2: [90, 1, 3, 4, 5],
        3: [1, 90, 2, 91, 4],
        4: [90, 91, 92, 1, 2],
        5: [90, 91, 92, 93, 94],
    }
    assert named(surroundings(lists, own)) == ["safe", "safe", "borderline", "borderline", "outlier"]


def test_one_friend_makes_a_row_rare_only_if_the_friend_is_as_lonely() -> None:
    own = {1, 2, 3, 4, 5, 6, 7}
    others = [90, 91, 92, 93, 94]
    lists = {
        1: [2, *others[:4]],  # and 2 points back
        2: [*others[:4], 1],
        3: [*others[:4], 4],  # 4 has nobody
        4: others,
        5: [6, *others[:4]],  # 6 has one friend, and that is 7
        6: [7, *others[:4]],
        7: [1, 2, *others[:3]],
    }
    assert named(surroundings(lists, own)) == [
        "rare",
        "rare",
        "rare",
        "outlier",
        "borderline",
        "borderline",
        "borderline",
    ]


def test_a_sample_needs_the_friends_that_it_does_not_hold() -> None:
    own, others = {1, 8, 9}, [90, 91, 92, 93]
    sample = surroundings({1: [9, *others]}, own)
    assert sample.doubtful.tolist() == [9]
    assert named(sample, sample.joined(surroundings({9: [1, *others]}, own))) == ["rare"]
    assert named(sample, sample.joined(surroundings({9: [8, *others]}, own))) == ["borderline"]


def test_copies_are_friends_of_each_other_and_short_lists_go_by_shares() -> None:
    assert named(surroundings({1: [1, 90, 91, 92, 93]}, {1})) == ["rare"], "two equal rows far from their class"
    assert named(surroundings({1: [2, 3, 90], 2: [1, 3], 3: [90, 91, 92]}, {1, 2, 3})) == [
        "borderline",
        "safe",
        "outlier",
    ]
