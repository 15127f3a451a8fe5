"""How good pictures are: those that a model makes of held-out people, and folders of anyone's.

In the order to read them: `of_model` and `of_folders`, what is measured of either; `scores`, the
numbers of one row; `networks`, those that judge; `masks`, where the bodies are; `text_table`, how
the rows are printed.
"""

from lookalike.evaluation.pictures.of_model import DEFAULTS, PictureOptions, picture_quality
from lookalike.evaluation.pictures.scores import PictureQuality
from lookalike.evaluation.pictures.text_table import picture_table

__all__ = ["DEFAULTS", "PictureOptions", "PictureQuality", "picture_quality", "picture_table"]
