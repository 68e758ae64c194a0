"""Released keys come in an order of their own, whatever their types."""

from __future__ import annotations

import datetime
import random
from decimal import Decimal

from tacit_service.privacy.ordering import key_order


def test_keys_of_every_type_have_one_order_whatever_they_came_in():
    day = datetime.date(2026, 1, 2)
    keys = [
        (False,), (1,), (1.5,), (Decimal("1.6"),), (2,), (day,), (day + datetime.timedelta(1),), ("",), ("B",), ("a",),
        (datetime.datetime(2026, 1, 2),), (datetime.datetime(2026, 1, 2, 3),), (float("nan"),), (None,),
    ]  # fmt: skip
    order = sorted(keys, key=key_order)
    for seed in range(20):
        shuffled = keys.copy()
        random.Random(seed).shuffle(shuffled)
        assert [repr(k) for k in sorted(shuffled, key=key_order)] == [repr(k) for k in order]
    assert order[-1] == (None,)


def test_later_columns_break_ties():
    keys = [("a", None), ("a", 2), ("a", 1), (None, 0), ("A", 9)]
    assert sorted(keys, key=key_order) == [("A", 9), ("a", 1), ("a", 2), ("a", None), (None, 0)]
