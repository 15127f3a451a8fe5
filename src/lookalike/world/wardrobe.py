"""Who a person is and what they wear, drawn with a real street's frequencies."""

from lookalike.world.clothes import BOTTOMS, HAIR, HATS, OUTERS, TOPS, Identity, Outfit

__all__ = ["BOTTOMS", "HAIR", "HATS", "OUTERS", "TOPS", "Identity", "Outfit"]
