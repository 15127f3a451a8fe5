"""People and benchmarks: who is on which image, where the poses are, and the batches of a step.

In the order to read them: `people`, the tables of crops; `load`, a benchmark by its name, with
`readers`, a function for each layout, and `validation`, people cut from its training set; `images`,
which files are images and what is in them, and `image_table`, all of them decoded once; `poses`,
where the joints are, and `posemaps`, what networks see of them; `samplers` and `pair_samplers`, the
rows of step k; `batches`, their pixels; `transforms`, `jitter` and `erasing`, random changes of
them. Beside these: `info` and `check`, what is in a benchmark and what is wrong with it;
`evaluation_pairs`, the pairs that pictures are judged on; `pickles`, other people's, read safely.

Importing this package does not import torch: `image_table`, `batches` and what follows them do.
"""

from lookalike.data.load import load, parse_data
from lookalike.data.people import DISTRACTOR, JUNK, UNKNOWN, Benchmark, People
from lookalike.data.readers import READERS

__all__ = ["DISTRACTOR", "JUNK", "READERS", "UNKNOWN", "Benchmark", "People", "load", "parse_data"]
