"""What several processes share out."""

import pytest

from lookalike import parallel
from lookalike.errors import UserError


def test_no_row_of_a_batch_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "world_size", lambda: 3)
    rows = []
    for rank in range(3):
        monkeypatch.setattr(parallel, "rank", lambda rank=rank: rank)
        rows += range(6)[parallel.my_rows(6)]
        with pytest.raises(UserError, match=r"^3 devices can't share a batch of 7 equally: choose"):
            parallel.my_rows(7)
    assert rows == [0, 1, 2, 3, 4, 5]
