"""Who a person is and what they wear, drawn with a real street's frequencies."""

from lookalike.world.clothes import Identity, Outfit

__all__ = ["Identity", "Outfit"]
