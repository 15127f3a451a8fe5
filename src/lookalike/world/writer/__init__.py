"""Rendered worlds on disk: the layout, the processes that fill it, and what reads it back."""
