"""Places: the kinds there are, their cameras, and what these see with nobody there."""
