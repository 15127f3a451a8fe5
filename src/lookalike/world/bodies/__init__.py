"""The body: the parametric model's tables, hands at ease, poses, and where the joints go."""
