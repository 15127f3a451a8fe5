"""How good pictures are: those that a model makes of held-out people, and folders of anyone's."""

from lookalike.engine.quality.model import PLAIN, Recipe, picture_quality
from lookalike.engine.quality.scores import PictureQuality
from lookalike.engine.quality.table import picture_table

__all__ = ["PLAIN", "PictureQuality", "Recipe", "picture_quality", "picture_table"]
