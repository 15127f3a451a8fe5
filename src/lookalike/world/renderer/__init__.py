"""A crop: a person in a place, lit, photographed, and everything that is known about it."""
