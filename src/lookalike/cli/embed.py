"""`lookalike embed MODEL IMAGES… --out feats.npz`: the features of image files."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.cli.parser import Parser, add_model_flags, benchmark, tell_passed_over
from lookalike.cli.step_flags import add_step_flags, steps_of
from lookalike.errors import UserError, printable
from lookalike.files import writable_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lookalike.data import People
    from lookalike.data.readers.folder import Labelled

LAYOUT = """FILE holds arrays with a row an image: `features`, N×D float32, whose plain
cosine or Euclidean distance ranks as `lookalike evaluate` does; `paths`, N
texts; and of a benchmark `pids` and `camids`, N int64. Of one labelled FOLDER
these too, and `person_names` and `camera_names`, N texts: --people takes them
from a folder per person and names such as c3_0001.jpg, --person and --camera
from names by regular expressions, --csv from a list with the columns path, pid
and camid; all as the benchmark folder:FOLDER does (docs/data.md).

With --cameras or --neighbours, features are written after these steps, which
see the images embedded here alone; `steps`, texts, says which they were."""


def main(argv: list[str]) -> int:
    """Writes the features; unreadable images end it, or are listed with --skip-broken."""
    parser = embed_parser()
    args = parser.parse_args(argv)
    check(parser, args)
    out = writable_file(args.out)
    import numpy as np

    from lookalike.data import parse_data
    from lookalike.data.images import image_files
    from lookalike.devices import device_named
    from lookalike.evaluation.features import extract, save_features
    from lookalike.methods.model_file import load_model

    device = device_named(args.device)
    model = load_model(args.model).to(device)
    bench = parse_data(args.data) if args.data else None
    people = None if bench is None else getattr(bench, args.split)
    if people is not None and not len(people):
        raise UserError(f"{bench} has no {args.split} images to embed.")
    passed_over: dict[str, list[str]] = {}
    names: dict[str, list[str]] = {}
    if is_labelled(args):
        labels = labels_of(args)
        people, passed_over = labels.people, labels.passed_over
        names = {"person_names": labels.persons, "camera_names": labels.cameras}
    paths = list(people.paths) if people is not None else image_files(args.images, passed_over)
    tell_passed_over(passed_over)
    steps = steps_of(args)
    camids = cameras_of(people, names) if steps.cameras else np.zeros(len(paths), np.int64)
    broken: list[int] = []
    features = extract(model, paths, args.batch, broken if args.skip_broken else None)
    for row in broken:
        print(f"lookalike: left out {printable(paths[row])}: can't be read.", file=sys.stderr)
    rows = np.setdiff1d(np.arange(len(paths)), broken)
    taken = None
    if steps:
        (features,), taken = steps.apply([features], [camids[rows]], device)
    save_features(
        out,
        features.cpu(),
        [paths[i] for i in rows],
        None if people is None else people[rows],
        {name: [texts[i] for i in rows] for name, texts in names.items()},
        taken,
    )
    told = f" after the steps {', '.join(taken.steps)}" if taken else ""
    print(f"{len(rows)} features of {features.shape[1]} numbers{told} in {out}")
    if taken and taken.note:
        print(taken.note)
    return 0


def cameras_of(people: People | None, names: Mapping[str, Sequence[str]]) -> NDArray[np.int64]:
    """The camera of each image, −1 where nobody knows it. Raises UserError if nobody knows any."""
    import numpy as np

    from lookalike.data.readers.crops import UNKNOWN

    known = [name != UNKNOWN for name in names.get("camera_names", ())]
    if people is None or (known and not any(known)):
        raise UserError(
            "--cameras needs to know the camera of every image: give --data and --split, or one "
            "FOLDER with --people, --camera REGEX or --csv FILE, where names or the list say it."
        )
    return np.where(known, people.camids, -1) if known else people.camids


def is_labelled(args: Namespace) -> bool:
    """Whether the flags say who is on the images of a folder."""
    return bool(args.people or args.person or args.camera or args.csv)


def labels_of(args: Namespace) -> Labelled:
    """The crops of the labelled folder."""
    from lookalike.data.readers.crops import CAMERA
    from lookalike.data.readers.folder import labelled
    from lookalike.data.text import text_encoding

    root = Path(args.images[0]).expanduser().absolute()
    if not root.is_dir():
        raise UserError(f"There is no folder {args.images[0]} of which to embed people.")
    with text_encoding(args.encoding or ""):
        return labelled(root, args.camera or CAMERA, args.person or "", args.csv or "")


def check(parser: Parser, args: Namespace) -> None:
    """Refuses flags that don't go together."""
    if is_labelled(args) and len(args.images) != 1:
        parser.error("--people, --person, --camera and --csv go with one folder of images")
    if args.encoding and not args.csv:
        parser.error("--encoding goes with --csv")
    if bool(args.images) == bool(args.data):
        parser.error("give either images and folders, or --data")
    if bool(args.data) != bool(args.split):
        parser.error("--data and --split (train, query or gallery) go together")
    if not args.out.endswith(".npz"):
        raise UserError(f"--out is an .npz file, not '{args.out}'.")


def embed_parser() -> Parser:
    parser = Parser(
        "embed",
        "Write the features of images as an .npz file.",
        LAYOUT,
        "MODEL --out FILE (IMAGES… | --data DATA --split SPLIT)",
    )
    parser.add_argument("model", metavar="MODEL", help="A model file or a run folder.")
    parser.add_argument(
        "images", metavar="IMAGES", nargs="*", help="Image files, and folders to search."
    )
    parser.flag("--data NAME:PATH", "A benchmark instead of IMAGES.", type=benchmark)
    parser.flag("--split", "Which part of the benchmark.", choices=("train", "query", "gallery"))
    parser.switch("--people", "Keep who and which camera it is: a folder per person.")
    parser.flag("--person REGEX", "Finds who it is in a name, as ^(\\d+)_.")
    parser.flag("--camera REGEX", "Finds the camera in a name; or none.")
    parser.flag("--csv FILE", "A list in the folder that says who and which camera.")
    parser.flag("--encoding NAME", "Of a --csv that isn't UTF-8, such as gbk.")
    parser.flag("--out FILE", "The .npz file to write.", required=True)
    add_step_flags(parser)
    parser.switch("--skip-broken", "Leave out images that can't be read, and list them.")
    add_model_flags(parser, batch=64)
    return parser
