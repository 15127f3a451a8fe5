"""The body: the parametric model's tables, hands at ease, poses, and where the joints go.

In the order to read them: `body`, the model, with its `hands`; `skeleton`, what a pose is, by
`turns`; `poses`, drawn at random; `joints`, without posing the body.
"""
