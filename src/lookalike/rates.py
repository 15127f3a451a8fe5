"""How a rate is written, in tables, messages and pages."""

from __future__ import annotations

import numpy as np


def decimal(rate: float) -> str:
    """A rate as the field writes it: 1e-3, 2.5e-2, 0."""
    return "0" if rate == 0 else np.format_float_scientific(rate, trim="-", exp_digits=1)


def short_rate(rate: float | None) -> str:
    """A rate as `decimal` writes it, to two digits; a dash for None."""
    return "–" if rate is None else decimal(float(f"{rate:.1e}"))
