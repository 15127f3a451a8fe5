"""A person: the body in clothes as a mesh, with hair and things, and the colour of every point.

In the order to read them: `person`, all of it; `palette`, what is known of an outfit; `surface`,
the mesh, and `borders`, where a garment begins. Geometry: `tailoring`, `displacement` with the
`drapery` of `folds`, `hair`; `pieces`, of which `locks`, `carried`, `held` and `skirt` are made.
Colour: `paint`, of `head` and `cloth`, by the fields of `outfit_paint`.
"""
