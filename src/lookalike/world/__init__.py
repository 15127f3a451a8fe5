"""A world of rendered people: bodies, wardrobe, cameras, renderer, writer.

From a seed to crops with everything known about them. Who calls whom, from the bottom:

- `seeds`: every draw's own generator. `raster`: z-buffer, skinning and normals.
- `body` (tables of the parametric body), `poses`; `colours`, `fabric`, `wardrobe` (who wears what);
  `dressing`, `hair`, `skirt`, `carried` and `paint` make a `person` of them.
- `domains` (tables of ranges), `cameras`, `backgrounds` and `clutter`: the place.
- `light`, `crowd`, `sensor`, `truth`, `structure`: a person in the place; `shots` puts all
  together.
- `spec` says what to render; `layout`, `render` and `sheet` write it.
"""
