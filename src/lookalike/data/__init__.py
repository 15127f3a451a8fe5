"""People and benchmarks. Importing this package does not import torch: its loaders do."""

from lookalike.data.load import load, parse_data
from lookalike.data.people import DISTRACTOR, JUNK, UNKNOWN, Benchmark, People
from lookalike.data.readers import READERS

__all__ = ["DISTRACTOR", "JUNK", "READERS", "UNKNOWN", "Benchmark", "People", "load", "parse_data"]
