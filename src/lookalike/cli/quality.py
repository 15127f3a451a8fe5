"""`lookalike evaluate --images`: how good pictures are, a model's or those in a folder."""

import json
from argparse import Namespace

from lookalike.cli.parser import Parser, add_model_flags, level, positive, writable
from lookalike.data import parse_data
from lookalike.devices import device_named
from lookalike.errors import UserError, unknown
from lookalike.evaluation.pictures.networks import load_networks
from lookalike.evaluation.pictures.of_folders import Folders, folder_quality
from lookalike.evaluation.pictures.of_model import COUNT, PictureOptions, picture_quality
from lookalike.evaluation.pictures.text_table import picture_table
from lookalike.evaluation.text_tables import folded, timings
from lookalike.methods.model_file import load_model
from lookalike.metrics.images import VARIANTS

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
    parser = pictures_parser()
    args = parser.parse_args(argv)
    place = check(parser, args)
    device = device_named(args.device)
    options = PictureOptions(args.ssim, args.masks or "pose", args.confidence, args.diversity)
    weights = args.weights or ("none" if args.inception else "imagenet")
    reid = load_model(args.reid) if args.reid else None
    if args.data:
        model, bench = load_model(place), parse_data(args.data)
        if not {"repose", "swap"} & set(model.generates):
            raise UserError(f"A model of {model.method.name} makes no pictures: judge one that "
                            "reposes or swaps.")  # fmt: skip
        networks = load_networks(device, weights, args.inception, args.lpips, reid)
        save = writable(args.save) if args.save else None
        found = picture_quality(model.to(device), bench, args.count or COUNT, args.seed,
                                args.pairs, networks, options, args.batch, save)  # fmt: skip
    else:
        folders = Folders(place, args.reference, args.condition, args.masks)
        # The features of pictures alone are no distance.
        weights = weights if args.reference else "none"
        networks = load_networks(device, weights, args.inception, args.lpips)
        found = folder_quality(folders, networks, options, args.sets, args.seed, args.batch, device)
    if args.json:
        parts = {"rows": found.rows, "notes": found.notes, "seconds": found.seconds}
        print(json.dumps(parts, indent=1, allow_nan=False))
        return 0
    print(picture_table(found))
    print("\n".join(folded(f"{timings(found.seconds)}, on {device}")))
    return 0


def check(parser: Parser, args: Namespace) -> str:
    """The model or folder; refuses flags that don't go together."""
    if bool(args.place) == bool(args.images):
        parser.error("give one model or folder")
    if args.ssim not in VARIANTS:
        raise unknown("SSIM", args.ssim, VARIANTS)
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
    return str(args.place or args.images)


def pictures_parser() -> Parser:
    usage = "--images MODEL --data DATA [flags]\n       lookalike evaluate --images FOLDER "
    parser = Parser("evaluate", "How good pictures are.", ABOUT,
                    usage + "[--reference FOLDER] [flags]")  # fmt: skip
    parser.add_argument("place", metavar="PLACE", nargs="?", help="a model or a folder")
    parser.add_argument("--images", nargs="?", const="", metavar="PLACE", help="judge pictures")
    parser.add_argument("--data", help="NAME:PATH, whose query and gallery are drawn")
    parser.add_argument("--pairs", metavar="FILE", help="a CSV file from,to instead of a draw")
    parser.add_argument("--count", type=positive, metavar="N", help=f"pairs to draw [{COUNT}]")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the draw [0]")
    parser.add_argument("--save", metavar="FOLDER", help="keep the pictures there")
    parser.add_argument("--reference", metavar="FOLDER", help="what the pictures should be")
    parser.add_argument("--condition", metavar="FOLDER", help="what they were made of")
    parser.add_argument("--sets", action="store_true", help="compare only the sets")
    parser.add_argument("--masks", metavar="FOLDER", help="pose, truth (a rendered world's), none, "
                        "or a folder of grey images [pose; of a folder none]")  # fmt: skip
    parser.add_argument("--ssim", default="pg2", metavar="FORM",
                        help=f"{', '.join(VARIANTS)} [pg2]")  # fmt: skip
    parser.add_argument("--diversity", action="store_true", help="of a person's pictures")
    parser.add_argument("--weights", metavar="FILE", help="of the ResNet-50: imagenet, none or a "
                        "file [imagenet; with --inception none]")  # fmt: skip
    parser.add_argument("--inception", metavar="FILE", help="weights of the Inception: FID and IS")
    parser.add_argument("--lpips", nargs="+", default=[], metavar="FILE",
                        help="torchvision's AlexNet or VGG-16, and linear weights")  # fmt: skip
    parser.add_argument("--reid", metavar="MODEL", help="who recognises the pictures' people")
    parser.add_argument("--confidence", type=level, default=0.0, metavar="LEVEL",
                        help="bootstrap intervals, such as 0.95")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_model_flags(parser, BATCH)
    return parser
