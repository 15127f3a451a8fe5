"""Runs are many here: their reports are short."""

from helpers.runs import short_reports  # noqa: F401
