"""Judging: features become tables, thresholds and ranked lists; pictures become numbers.

In the order to read them: `features`, of images; `foreign_features`, of anybody's files, with
`feature_files`, what can be read, and `feature_names`, what is called how; `scoring`, the lines of
a results table;
`evaluation`, a benchmark judged; `calibration`, its threshold; `text_tables`, how both are
printed; `pictures`, how good generated ones are.
"""

from lookalike.evaluation.evaluation import Evaluation, evaluate

__all__ = ["Evaluation", "evaluate"]
