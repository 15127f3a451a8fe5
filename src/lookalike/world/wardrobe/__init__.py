"""Who people are and what they wear, drawn: looks, garments, cloth, prints and things carried.

In the order to read them: `people`, all of it; `clothes`, a person and an outfit as numbers;
`looks`, the person under them; `garments`, with `fabric` and `decals`, which `grain` shades;
`belongings`; `colours`, by name.
"""
