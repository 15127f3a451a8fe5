"""`lookalike demo`: a rendered world, two methods trained on it, and one report about both."""
