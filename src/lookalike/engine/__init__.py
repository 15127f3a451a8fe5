"""Running methods: training runs, evaluation, model files."""

from lookalike.engine.evaluation import Evaluation, evaluate
from lookalike.engine.run import Run, train
from lookalike.engine.settings import RunSettings
from lookalike.methods.model_file import load_model, save_model

__all__ = ["Evaluation", "Run", "RunSettings", "evaluate", "load_model", "save_model", "train"]
