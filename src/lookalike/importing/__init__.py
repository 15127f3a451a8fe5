"""Authors' released checkpoints as model files of ours: `import_model` and the list `IMPORTERS`.

In the order to read them: `checkpoints`, files read safely; `renaming`, a table of names for each
of them, checked; `outputs`, all that is written, or none; then an importer a system, `dgnet`,
`fdgan` and `pg2`: its tables, which of the authors' files is which, and what makes a model of them.
"""

from collections.abc import Sequence
from pathlib import Path

from lookalike.errors import unknown
from lookalike.importing import dgnet, fdgan, pg2
from lookalike.importing.outputs import Imported

__all__ = ["IMPORTERS", "Imported", "import_model"]

# method → (paths, out, step, force) → what was written
IMPORTERS = {
    "dgnet": dgnet.import_files,
    "fdgan": fdgan.import_files,
    "pg2": pg2.import_files,
}


def import_model(
    method: str,
    paths: Sequence[str | Path],
    out: str | Path,
    *,
    step: int | None = None,
    force: bool = False,
) -> Imported:
    """Writes the model in the authors' files or folders `paths` to `out`, and says what it took.

    step: of the checkpoints in a folder; None takes the newest. force: replace existing files.
    Raises UserError, and writes nothing, when a file can't be read or anything that the network
    needs is missing or has another shape.
    """
    if method not in IMPORTERS:
        raise unknown("method with an importer", method, IMPORTERS)
    return IMPORTERS[method]([Path(p) for p in paths], Path(out), step, force)
