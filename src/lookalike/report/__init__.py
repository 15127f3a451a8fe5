"""What a person looks at: picture grids, and the HTML report of a run.

In the order to read them: `grids`, pictures beside pictures, and `skeletons`, poses as pictures;
`html`, the report of a run, of what `files` finds in its folder, with the curves of `figures`, the
images of `pictures` and the drawings of `thresholds`; `overview`, one page about several runs;
`page`, how a page becomes one file.
"""

from lookalike.report.grids import (
    grid,
    headed_grid,
    save_gif,
    save_png,
    swap_grid,
    to_picture,
)
from lookalike.report.html import write_report

__all__ = [
    "grid",
    "headed_grid",
    "save_gif",
    "save_png",
    "swap_grid",
    "to_picture",
    "write_report",
]
