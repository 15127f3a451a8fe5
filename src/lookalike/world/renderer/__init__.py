"""A crop: a person in a place, lit, photographed, and everything that is known about it.

In the order to read them: `shots`, all of it; `placement`, where a person stands; `layer`, what one
camera sees of them, in the `light`; `crowd`, others behind and in front; `sensor`, what the camera
makes of light; `truth`, what is known; `structure`, grey renders of the same bodies.
"""
