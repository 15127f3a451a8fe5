"""What a person looks at: picture grids, and the HTML report of a run."""

from lookalike.report.grids import (
    grid,
    headed_grid,
    ranked_list,
    save_gif,
    save_png,
    strip,
    swap_grid,
    to_picture,
)
from lookalike.report.html import write_report

__all__ = [
    "grid",
    "headed_grid",
    "ranked_list",
    "save_gif",
    "save_png",
    "strip",
    "swap_grid",
    "to_picture",
    "write_report",
]
