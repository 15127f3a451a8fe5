"""`lookalike world show WORLD --out FILE`: the contact sheet."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from lookalike.cli.parser import Parser, positive, writable_file
from lookalike.errors import UserError, unknown
from lookalike.world.places.domains import DOMAINS
from lookalike.world.spec import WorldSpec
from lookalike.world.writer.layout import WORLD

DOMAIN_LINES = f"Domains are {', '.join(DOMAINS)}."


def show(argv: list[str]) -> int:
    """Writes a contact sheet and prints where it is."""
    parser = Parser(
        "world show",
        "Write a contact sheet: people down, cameras across.",
        f"{DOMAIN_LINES}\nOf a domain just the people on the sheet are rendered.",
    )
    parser.add_argument("world", metavar="WORLD", help="a rendered folder, or a domain")
    parser.add_argument("--out", required=True, metavar="FILE", help=".png or .jpg")
    for name, value, text in (("people", 8, "rows"), ("cameras", 6, "columns"),
                              ("scale", 1, "screen pixels a pixel")):  # fmt: skip
        parser.add_argument(f"--{name}", type=positive, default=value, metavar="N",
                            help=f"{text} [{value}]")  # fmt: skip
    parser.add_argument("--poses", action="store_true", help="draw the limbs that are seen")
    parser.add_argument("--masks", action="store_true", help="outline where the person is seen")
    parser.add_argument("--structures", action="store_true",
                        help="below each person, grey renders turned around")  # fmt: skip
    parser.add_argument("--seed", type=int, metavar="N", help="of a domain's people [0]")
    parser.add_argument("--site", type=int, metavar="N", help="which place of a domain [0]")
    add_workers(parser)
    args = parser.parse_args(argv)
    out = writable_file(args.out)
    if out.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise UserError(f"--out is a .png or .jpg file, not '{args.out}'.")
    if args.world in DOMAINS:
        spec = WorldSpec(domain=DOMAINS[args.world], people=args.people, cameras=args.cameras,
                         images=1, seed=args.seed or 0, site=args.site or 0,
                         test_fraction=0)  # fmt: skip
        from lookalike.world.writer.render import render as render_world

        with tempfile.TemporaryDirectory() as folder:
            render_world(spec, folder, workers=args.workers)
            draw(Path(folder), out, args)
    elif not (Path(args.world) / WORLD).exists():
        if Path(args.world).exists() or "/" in args.world:
            raise UserError(f"'{args.world}' is no rendered world: it has no {WORLD}.")
        raise unknown("domain", args.world, DOMAINS)
    elif args.seed is not None or args.site is not None:
        parser.error(f"--seed and --site are for a domain; {args.world} is rendered already")
    else:
        draw(Path(args.world), out, args)
    print(out)
    return 0


def draw(root: Path, out: Path, args: argparse.Namespace) -> None:
    from lookalike.files import replacing
    from lookalike.world.writer.sheet import sheet

    picture = sheet(root, args.people, args.cameras, poses=args.poses, masks=args.masks,
                    structures=args.structures, scale=args.scale)  # fmt: skip
    with replacing(out) as part:
        picture.save(part, "PNG" if out.suffix.lower() == ".png" else "JPEG", quality=95)


def add_workers(parser: Parser) -> None:
    parser.add_argument("--workers", type=positive, default=0, metavar="N",
                        help="processes [one a core]")  # fmt: skip
