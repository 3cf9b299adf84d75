"""The tables that several tests of parity share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from long_cases import thinned
from sklearn.neighbors import NearestNeighbors
from untied_tables import NAMES, REAL, Table, generated, real


@pytest.fixture(scope="module", params=thinned(NAMES, ["three classes"]))
def table(request: pytest.FixtureRequest, real_data: Callable[[str], str]) -> Table:
    name = request.param
    x, y = real(real_data(name), REAL[name]) if name in REAL else generated(name)
    distances = NearestNeighbors(n_neighbors=8).fit(x).kneighbors(x)[0]
    assert (np.diff(distances, axis=1) > 1e-12).all(), "the test's data have no ties"
    return x, y
