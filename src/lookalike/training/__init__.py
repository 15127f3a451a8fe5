"""A run: the stages of a method on a benchmark, from settings to a folder with a report.

In the order to read them: `settings`, how a run runs; `run`, all of it; `fit`, one stage;
`run_folder`, the files it leaves; `report_run`, the evaluation and the report at its end;
`processes`, when several share it.
"""

from lookalike.training.run import Run, train
from lookalike.training.settings import RunSettings

__all__ = ["Run", "RunSettings", "train"]
