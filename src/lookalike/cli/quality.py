"""`lookalike quality`: how good pictures are, those that a model draws or those in a folder."""

from __future__ import annotations

import json
from argparse import Namespace

from lookalike.cli.catalogue import catalogue
from lookalike.cli.parser import (
    Parser,
    add_model_flags,
    benchmark,
    folded,
    level,
    one_of,
    positive,
    seed,
    tell_passed_over,
)
from lookalike.errors import UserError
from lookalike.files import writable

BATCH = 32
ABOUT = """PLACE with --data is a model that reposes or swaps: it draws the first image of
each pair in the second one's pose. Without --data PLACE is a folder of anyone's
pictures: --reference has those that they should be, by the same names.

SSIM     pg2: 7×7 window, range 255; patn: Gaussian window, the picture's range;
         standard: Gaussian window, range 255. They can't be compared.
mask-SSIM, mask-IS  the same with all outside the body black
DSSIM    (1 − SSIM) / 2 in Lab colours; diversity: the same between pictures of
         one person
frechet-resnet50    distance of the sets' ImageNet ResNet-50 features; FID, IS
         need the Inception of 2015, file pt_inception-2015-12-05-6726825d.pth
rank1, mAP          of pictures as queries against the real gallery, by --reid"""


def main(argv: list[str]) -> int:
    """Prints a line for each kind of picture, or JSON of the same."""
    parser = quality_parser()
    args = parser.parse_args(argv)
    check(parser, args)
    from lookalike.data import parse_data
    from lookalike.devices import device_named
    from lookalike.evaluation.pictures.networks import load_networks
    from lookalike.evaluation.pictures.of_folders import Folders, folder_quality
    from lookalike.evaluation.pictures.of_model import COUNT, PictureOptions, picture_quality
    from lookalike.evaluation.pictures.text_table import picture_table
    from lookalike.evaluation.text_tables import timings
    from lookalike.methods.model_file import load_model

    device = device_named(args.device)
    options = PictureOptions(args.ssim, args.masks or "pose", args.confidence, args.diversity)
    weights = args.weights or ("none" if args.inception else "imagenet")
    reid = load_model(args.reid) if args.reid else None
    if args.data:
        model, bench = load_model(args.place), parse_data(args.data)
        if not {"repose", "swap"} & set(model.generates):
            raise UserError(
                f"A model of {model.method.name} makes no pictures: judge one that "
                "reposes or swaps."
            )
        networks = load_networks(device, weights, args.inception, args.lpips, reid)
        save = writable(args.save) if args.save else None
        result = picture_quality(
            model.to(device),
            bench,
            args.count or COUNT,
            args.seed,
            args.pairs,
            networks,
            options,
            args.batch,
            save,
        )
    else:
        folders = Folders(args.place, args.reference, args.condition, args.masks)
        # The features of pictures alone are no distance.
        networks = load_networks(
            device, weights if args.reference else "none", args.inception, args.lpips
        )
        passed_over: dict[str, list[str]] = {}
        result = folder_quality(
            folders, networks, options, args.sets, args.seed, args.batch, device, passed_over
        )
        tell_passed_over(passed_over)
    if args.json:
        parts = {"rows": result.rows, "notes": result.notes, "seconds": result.seconds}
        print(json.dumps(parts, indent=1, allow_nan=False))
        return 0
    print(picture_table(result))
    print(folded(f"{timings(result.seconds)}, on {device}", indent="  "))
    return 0


def check(parser: Parser, args: Namespace) -> None:
    """Refuses flags that don't go together."""
    of_model = {name: getattr(args, name) for name in ("pairs", "count", "save", "reid")}
    of_folder = {name: getattr(args, name) for name in ("reference", "condition", "sets")}
    wrong = of_folder if args.data else of_model
    for name, value in wrong.items():
        if value:
            without = "a folder, without --data" if args.data else "MODEL and --data"
            parser.error(f"--{name} goes with {without}")
    if args.pairs and args.count:
        parser.error("--pairs gives its own number of pairs: leave out --count")
    if not args.data and args.masks in ("pose", "truth", "none"):
        parser.error("--masks of a folder of pictures is a folder too")
    if len(args.lpips) > 2:
        parser.error("--lpips takes the network's file, and maybe that of the linear weights")


def quality_parser() -> Parser:
    usage = "MODEL --data DATA [flags]\n       lookalike quality FOLDER --reference FOLDER [flags]"
    parser = Parser("quality", "Say how good pictures are.", ABOUT, usage)
    parser.add_argument("place", metavar="PLACE", help="A model, with --data, or a folder.")
    parser.flag(
        "--data NAME:PATH", "The benchmark whose query and gallery are drawn.", type=benchmark
    )
    parser.flag("--pairs FILE", "A CSV file from,to instead of a draw.")
    parser.flag(
        "--count N", f"Pairs to draw. [{catalogue().numbers['picture_pairs']}]", type=positive
    )
    parser.flag("--seed N", "Another number draws other pairs. [0]", type=seed, default=0)
    parser.flag("--save FOLDER", "Where to keep the pictures.")
    parser.flag("--reference FOLDER", "What the pictures should be.")
    parser.flag("--condition FOLDER", "What the pictures were made of.")
    parser.switch("--sets", "Compare only the sets, not picture by picture.")
    parser.flag(
        "--masks FOLDER",
        "Where the bodies are: pose, truth (a rendered world's), none, or a folder of grey images. "
        "[pose; of a folder none]",
    )
    parser.flag(
        "--ssim FORM",
        f"The form of SSIM: {', '.join(catalogue().ssim)}. [pg2]",
        type=one_of("SSIM", catalogue().ssim),
        default="pg2",
    )
    parser.switch("--diversity", "Say how much the pictures of a person differ.")
    parser.flag(
        "--weights FILE",
        "The ResNet-50's weights: imagenet, none or a file. [imagenet; with --inception none]",
    )
    parser.flag("--inception FILE", "The Inception's weights, for FID and IS.")
    parser.flag(
        "--lpips FILE",
        "The files of torchvision's AlexNet or VGG-16, and of the linear weights.",
        nargs="+",
        default=[],
    )
    parser.flag("--reid MODEL", "The model that tries to recognise the pictures' people.")
    parser.flag(
        "--confidence LEVEL",
        "The level of bootstrap intervals, such as 0.95.",
        type=level,
        default=0.0,
    )
    parser.switch("--json", "Print JSON.")
    add_model_flags(parser, BATCH)
    return parser
