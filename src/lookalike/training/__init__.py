"""A run: the stages of a method on a benchmark, from settings to a folder with a report.

In the order to read them: `settings`, how a run runs; `run`, all of it; `given`, whom the method
plans with; `run_config`, what config.yaml says and what may go on; `start`, the model that it
starts from; `fit`, one stage; `rounds`, its batches; `callback`, what happens around its steps;
`write`, the pictures between two stages; `run_folder`, the files that grow; `report_run`, the
evaluation and the report at its end. Beside these: `precision`, what it computes in; `processes`,
when several share it; `clusters`, what the log says of a round's; `memory`, kept from step to step.
"""

from lookalike.training.run import Run, train
from lookalike.training.settings import RunSettings

__all__ = ["Run", "RunSettings", "train"]
