"""Features as bytes are the features, however a batch was cut."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from steelyard.learning.packed import floats_of, matrix, packed

ROWS = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
ROWS[2, 1], ROWS[3, 0] = np.nan, -0.0


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.list_(pa.float32())])
def test_a_matrix_survives(kind: pa.DataType) -> None:
    column = packed(ROWS).cast(kind) if kind != pa.list_(pa.float32()) else pa.array(list(ROWS), kind)
    assert column.to_pylist()[1] == (ROWS[1].tobytes() if kind != pa.list_(pa.float32()) else ROWS[1].tolist())
    assert matrix(column).tobytes() == ROWS.tobytes()
    assert matrix(column[2:5]).tobytes() == ROWS[2:5].tobytes()
    assert matrix(column[:0]).shape == (0, 0)


@pytest.mark.parametrize("batch", [pd.DataFrame(ROWS), pd.Series(list(ROWS))])
def test_a_frame_and_a_series_of_arrays_are_one_matrix(batch: pd.DataFrame | pd.Series) -> None:
    assert floats_of(batch).tobytes() == ROWS.tobytes()
    assert not len(floats_of(batch[:0]))
