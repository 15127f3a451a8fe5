"""Rendered worlds on disk: the layout, the processes that fill it, and what reads it back.

In the order to read them: `layout`, where everything lies; `render`, the whole job, which is
`begin`, `worker` for each person, and `finish`; `annotations`, what is known of the images, read
back; `structure_views` and `sheet`, pictures made of that.
"""
