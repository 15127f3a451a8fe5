"""People and benchmarks: who is on which image, where the poses are, and the batches of a step.

In the order to read them: `people`, the tables of crops; `load`, a benchmark by its name, with
`readers`, a function for each layout, and `validation`, people cut from its training set; `images`,
which files are images and what is in them, `colours`, any of them as RGB, and `image_table`, all of
them decoded once; `poses`, where the joints are, and `posemaps`, what networks see of them;
`samplers`, `pair_samplers` and `cluster_samplers`, the rows of step k; `batches`, their pixels, or
with `area_crops` those of random parts; `transforms`, `jitter` and `erasing`, random changes of
them. Beside these:
`info` and `check`, what is in a benchmark and what is wrong with it: its files (`check_files`),
its annotations (`check_annotations`) and its poses (`check_poses`), told as `findings`;
`evaluation_pairs`, the pairs that pictures are judged on; `links`, what is known of pairs without
labels, and `row_names`, which rows such lists mean; `text`, lists in any encoding; `pickles`
and `matlab`, other people's files, read safely.

Importing this package does not import torch: `image_table`, `batches` and what follows them do.
"""

from lookalike.data.load import load, parse_data
from lookalike.data.people import DISTRACTOR, JUNK, UNKNOWN, Benchmark, People
from lookalike.data.readers import READERS

__all__ = ["DISTRACTOR", "JUNK", "READERS", "UNKNOWN", "Benchmark", "People", "load", "parse_data"]
