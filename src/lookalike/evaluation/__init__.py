"""Judging: features become tables, thresholds and ranked lists; pictures become numbers.

In the order to read them: `features`, of images; `foreign_features`, of anybody's files, with
`feature_files`, what can be read, and `feature_names`, what is called how; `scoring`, the lines of
a results table;
`evaluation`, a benchmark judged; `calibration`, its threshold; `text_tables`, how both are
printed; `pictures`, how good generated ones are. Without training: `steps`, what is done to
features before they are ranked, and `step_scores`, the lines before and after; `adapt_statistics`,
a model with the statistics of other images; `centralise`, features averaged over generated
pictures.
"""

from lookalike.evaluation.adapt_statistics import adapt_statistics
from lookalike.evaluation.centralise import centralise, mirrored
from lookalike.evaluation.evaluation import Evaluation, evaluate
from lookalike.evaluation.scoring import EvaluationOptions
from lookalike.evaluation.steps import Steps

__all__ = [
    "Evaluation",
    "EvaluationOptions",
    "Steps",
    "adapt_statistics",
    "centralise",
    "evaluate",
    "mirrored",
]
