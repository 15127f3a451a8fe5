"""Places: the kinds there are, their cameras, and what these see with nobody there.

In the order to read them: `domains`, the kinds; `cameras`, drawn from one; `backgrounds`, what a
camera sees: ground (`yards` of several `grounds`), what stands behind (`walls` with their
`fronts`), all of it patterned by `noise`; `clutter`, what stands about: the `objects` (`street`,
`plants`, `vehicles`, `strangers`), each drawn with the `brush`.
"""
