"""Runs are many here: their reports have blank curves."""

from helpers.runs import blank_curves  # noqa: F401
