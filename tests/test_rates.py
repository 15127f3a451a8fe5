"""How rates are written."""

from lookalike.rates import decimal, short_rate


def test_a_rate_is_written_as_the_field_does():
    assert [decimal(r) for r in (1e-2, 1e-4, 0.025, 0.5, 0)] == [
        "1e-2",
        "1e-4",
        "2.5e-2",
        "5e-1",
        "0",
    ]


def test_a_short_rate_has_two_digits():
    rates = (1e-3, 0.00101, 0.0258, 0, None)
    assert [short_rate(r) for r in rates] == ["1e-3", "1e-3", "2.6e-2", "0", "–"]
