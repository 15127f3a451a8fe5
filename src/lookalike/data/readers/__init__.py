"""The benchmark readers: a function each, from a folder (and options) to a `Benchmark`.

In the order to read them: `market`, the layout that most others follow, and `common`, what the
readers share; `folder`, anybody's own crops, and `crops`, how these are described; `world`,
rendered people; then a file for each benchmark, or for several of one layout: `cuhk03` (with
`cuhk03_files`, what Matlab wrote), `msmt17`, `pairs` (VIPeR and the two PRIDs), `openreid`,
`deepfashion`.

A reader whose first parameter is a `Path` is given an absolute folder that exists; one whose first
parameter is a `str` is given what the user wrote, and answers for its splits itself.
"""

from collections.abc import Callable

from lookalike.data.people import Benchmark
from lookalike.data.readers.cuhk03 import cuhk03
from lookalike.data.readers.deepfashion import deepfashion
from lookalike.data.readers.folder import folder
from lookalike.data.readers.market import dukemtmc, market1501
from lookalike.data.readers.msmt17 import msmt17
from lookalike.data.readers.openreid import openreid
from lookalike.data.readers.pairs import prid450s, prid2011, viper
from lookalike.data.readers.world import world

READERS: dict[str, Callable[..., Benchmark]] = {
    "market1501": market1501,
    "dukemtmc": dukemtmc,
    "cuhk03": cuhk03,
    "msmt17": msmt17,
    "viper": viper,
    "prid2011": prid2011,
    "prid450s": prid450s,
    "openreid": openreid,
    "deepfashion": deepfashion,
    "folder": folder,
    "world": world,
}
