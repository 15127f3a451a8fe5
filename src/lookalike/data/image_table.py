"""Decoded crops: every image file of a table is decoded and resized once, then read as an array."""

import errno
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from lookalike.data.colours import background
from lookalike.data.images import CHECK, Pixels, Resampling, decode, decoded
from lookalike.errors import UserError
from lookalike.files import cache, remove_stale, temporary
from lookalike.reading import reason

Cache = Literal["auto", "memory", "disk", "none"]
MEMORY_LIMIT = 2**30  # bytes that "auto" keeps in memory; more goes to a file
AHEAD = 128  # half the images in flight: bounds the memory, and how late a bad file is noticed


class ImageTable:
    """The crops of `paths` as uint8 pixels: `table[index]` is B×3×H×W, channels_last.

    cache: "memory" decodes now into memory; "disk" now into a memory-mapped file in
    $LOOKALIKE_CACHE/images (or ~/.cache/lookalike/images), which the next table of the same,
    unchanged files reuses; "none" at each access; "auto" is "memory" below 1 GiB, else "disk".
    progress: a bar on stderr when more than 2,000 images are decoded.
    Raises UserError when an image can't be read, or the disk is full.
    """

    def __init__(
        self,
        paths: Sequence[str],
        height: int,
        width: int,
        cache: Cache = "auto",
        progress: bool = True,
        resampling: Resampling = "bicubic",
    ) -> None:
        self.paths = [str(p) for p in paths]
        self.height, self.width, self.resampling = height, width, resampling
        self._file: Path | None = None
        self._rows: Pixels | None = None
        shape = (len(self.paths), height, width, 3)
        if cache == "auto":
            cache = "memory" if np.prod(shape) < MEMORY_LIMIT else "disk"
        if cache == "memory":
            self._rows = np.empty(shape, dtype=np.uint8)
            for i, row in enumerate(self._decoded(progress)):
                self._rows[i] = row
        elif cache == "disk":
            self._file = cache_folder() / f"{self._digest()}.npy"
            if not self._file.exists():
                self._write(self._file, shape, progress)
            self._rows = np.load(self._file, mmap_mode="r")

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: ArrayLike) -> Tensor:
        index = np.asarray(index, dtype=np.int64)
        if self._rows is None:
            size = self.height, self.width
            images = [decode(self.paths[i], *size, self.resampling) for i in index]
            rows = np.stack(images) if images else np.empty((0, self.height, self.width, 3), "u1")
        else:
            rows = np.asarray(self._rows[index])
        return torch.from_numpy(rows).permute(0, 3, 1, 2)

    def __getstate__(self) -> dict[str, Any]:
        # A memory map pickles as all its pixels; a worker that isn't forked maps the file itself.
        return {**self.__dict__, "_rows": None} if self._file else self.__dict__

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self._file:
            self._rows = np.load(self._file, mmap_mode="r")

    def _decoded(self, progress: bool) -> Iterator[Pixels]:
        """Every image in order, decoded ahead by threads."""
        from tqdm import tqdm

        quiet = not progress or len(self.paths) <= 2000
        size = self.height, self.width
        images = decoded(self.paths, size, AHEAD, resampling=self.resampling)
        # None hides the bar where stderr is no terminal.
        yield from tqdm(images, "images", len(self.paths), disable=quiet or None)

    def _digest(self) -> str:
        """A name for these files as they are now, at this size."""
        about = (2, self.height, self.width, background(), self.resampling)
        key = hashlib.sha256(" ".join(map(str, about)).encode())
        for path in self.paths:
            try:
                stat = os.stat(path)
            except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
                raise UserError(f"Can't read the image {path} ({reason(error)}){CHECK}.") from error
            key.update(f"\n{os.path.abspath(path)}\t{stat.st_mtime_ns}\t{stat.st_size}".encode())
        return key.hexdigest()[:32]

    def _write(self, file: Path, shape: tuple[int, ...], progress: bool) -> None:
        """Decodes everything into `file`, which appears only when it is complete."""
        part = temporary(file)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            remove_stale(file.parent)
            with part.open("wb") as out:
                self._fill(out, shape, progress)
            part.replace(file)
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            raise UserError(
                f"Can't keep the decoded images in {file.parent} ({error.strerror}); "
                + (f"free {np.prod(shape) / 2**30:.1f} GiB there" if full else "make it writable")
                + " or set LOOKALIKE_CACHE to another folder."
            ) from error
        finally:
            with suppress(OSError):  # renamed, or never made
                part.unlink()

    def _fill(self, out: BinaryIO, shape: tuple[int, ...], progress: bool) -> None:
        # Written in order, not through a map: a full disk is then an error and not a crash.
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(out, header)
        for row in self._decoded(progress):
            out.write(row.tobytes())


def cache_folder() -> Path:
    """The folder of the decoded images: `images` in $LOOKALIKE_CACHE, or in ~/.cache/lookalike."""
    return cache("images")
