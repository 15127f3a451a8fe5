"""A world of rendered people: from a seed to crops with everything known about them.

The rooms, from the ground up; nothing imports from a room above its own:

- `seeds`: every draw's own generator. `raster`: z-buffer, skinning and normals as kernels.
- `bodies`: the parametric body and its poses. `wardrobe`: who people are and what they wear.
- `dressing`: one of them in the other, as a mesh with a colour at every point.
- `places`: domains, cameras, backgrounds, and what stands about.
- `spec`: what to render. `renderer`: a person in a place becomes a crop, with its truth.
- `writer`: worlds in folders, made by many processes, read back with all annotations.
"""
