"""`lookalike demo`: a rendered world, two methods trained on it, and one report about both.

In the order to read them: `demo`, all of it; `colours`, the ranking that needs no learning;
`report`, the page at its end.
"""
