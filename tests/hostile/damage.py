"""Ways to spoil the bytes of a file: by name, and at random."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

Spoil = Callable[[bytes], bytes]


def flipped(content: bytes, at: float) -> bytes:
    """All bits of the byte at that share of the length are the other way round."""
    spoilt = bytearray(content)
    spoilt[min(int(len(spoilt) * at), len(spoilt) - 1)] ^= 0xFF
    return bytes(spoilt)


SPOILT: dict[str, Spoil] = {
    "empty": lambda content: b"",
    "its first byte": lambda content: content[:1],
    "its first 20 bytes": lambda content: content[:20],
    "its first half": lambda content: content[: len(content) // 2],
    "all but its last byte": lambda content: content[:-1],
    "all but its first byte": lambda content: content[1:],
    "its second half": lambda content: content[len(content) // 2 :],
    "a hole of zeros": lambda content: content[:16] + bytes(len(content) - 16),
    "zeros alone": lambda content: bytes(4096),
    "bits flipped at the start": lambda content: flipped(content, 0),
    "bits flipped in the head": lambda content: flipped(content, 0.1),
    "bits flipped in the middle": lambda content: flipped(content, 0.5),
    "bits flipped at the end": lambda content: flipped(content, 1),
    "backwards": lambda content: content[::-1],
    "twice": lambda content: content + content,
    "rubbish before it": lambda content: b"\0\xff\n{[(" + content,
    "rubbish behind it": lambda content: content + b"\0\xff\n{[(",
    "a web page": lambda content: b"<!DOCTYPE html><html><body>404 Not Found</body></html>",
    "a pointer of Git LFS": lambda content: b"version https://git-lfs.github.com/spec/v1\noid x\n",
    "random bytes": lambda content: random.Random(0).randbytes(999),
}

# Numbers and signs that readers stumble over
PIECES = [
    b"-1",
    b"0",
    b"99999999999999999999999",
    b"1e400",
    b"NaN",
    b"null",
    b"[",
    b"]",
    b"{",
    b"}",
    b'"',
    b"'",
    b",",
    b":",
    b"\n",
    b"\r",
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"..",
    b"/",
    b"_",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\xff",
    b"\x80\0\0\0",
    b"\xe2\x80\xa8",
    b"\xd9\xa3",
]


def mutated(content: bytes, rng: random.Random) -> bytes:
    """One to four small changes at random places."""
    spoilt = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        at, length = rng.randrange(len(spoilt) + 1), rng.choice((1, 1, 2, 4, 8, 32))
        piece = rng.choice(PIECES)
        kind = rng.randrange(6)
        if kind == 0 and at < len(spoilt):
            spoilt[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            spoilt[at : at + length] = rng.randbytes(length)
        elif kind == 2:
            del spoilt[at : at + length]
        elif kind == 3:
            spoilt[at:at] = piece
        elif kind == 4:
            spoilt[at : at + len(piece)] = piece
        else:
            spoilt[at:at] = spoilt[at : at + length]
    return bytes(spoilt)


def written(folder: Path, name: str, content: bytes) -> Path:
    """The file in the folder, which is made if need be."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file
