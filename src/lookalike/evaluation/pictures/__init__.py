"""How good pictures are: those that a model makes of held-out people, and folders of anyone's."""

from lookalike.evaluation.pictures.of_model import PLAIN, Recipe, picture_quality
from lookalike.evaluation.pictures.scores import PictureQuality
from lookalike.evaluation.pictures.text_table import picture_table

__all__ = ["PLAIN", "PictureQuality", "Recipe", "picture_quality", "picture_table"]
