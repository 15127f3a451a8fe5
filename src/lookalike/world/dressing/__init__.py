"""A person: the body in clothes as a mesh, with hair and things, and the colour of every point."""
