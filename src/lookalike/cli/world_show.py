"""`lookalike world show WORLD --out FILE`: the contact sheet."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from lookalike.cli.parser import Parser, positive, seed
from lookalike.errors import UserError, unknown
from lookalike.files import writable_file
from lookalike.world.places.domains import DOMAINS, Domain
from lookalike.world.spec import WorldSpec

DOMAIN_LINES = f"Domains are {', '.join(DOMAINS)}."


def show(argv: list[str]) -> int:
    """Writes a contact sheet and prints where it is."""
    parser = show_parser()
    args = parser.parse_args(argv)
    out = writable_file(args.out)
    if out.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise UserError(f"--out is a .png or .jpg file, not '{args.out}'.")
    if args.world in DOMAINS:
        draw_domain(DOMAINS[args.world], out, args)
    elif args.seed is not None or args.site is not None:
        parser.error(f"--seed and --site are for a domain; {args.world} is rendered already")
    else:
        draw(Path(args.world), out, args)
    print(out)
    return 0


def domain_or_folder(text: str) -> str:
    """A domain or a folder with a world in it."""
    if text in DOMAINS:
        return text
    if not Path(text).exists() and "/" not in text:
        raise unknown("domain", text, DOMAINS)
    from lookalike.world.writer.layout import WORLD

    if not (Path(text) / WORLD).exists():
        raise UserError(f"'{text}' is no rendered world: it has no {WORLD}.")
    return text


def show_parser() -> Parser:
    parser = Parser(
        "world show",
        "Write a contact sheet: people down, cameras across.",
        f"{DOMAIN_LINES}\nOf a domain just the people on the sheet are rendered.",
    )
    parser.add_argument(
        "world", type=domain_or_folder, metavar="WORLD", help="A rendered folder, or a domain."
    )
    parser.flag("--out FILE", "The .png or .jpg file to write.", required=True)
    for name, value, text in (
        ("people", 8, "Rows."),
        ("cameras", 6, "Columns."),
        ("scale", 1, "Screen pixels a pixel."),
    ):
        parser.add_argument(
            f"--{name}", type=positive, default=value, metavar="N", help=f"{text} [{value}]"
        )
    parser.switch("--poses", "Draw the limbs that are seen.")
    parser.switch("--masks", "Outline where the person is seen.")
    parser.switch("--structures", "Add grey renders below each person, turned around.")
    parser.flag("--seed N", "Another number gives a domain other people. [0]", type=seed)
    parser.flag("--site N", "Which place of a domain. [0]", type=int)
    add_workers(parser)
    return parser


def draw_domain(domain: Domain, out: Path, args: argparse.Namespace) -> None:
    from lookalike.world.writer.render import render

    spec = WorldSpec(
        domain=domain,
        people=args.people,
        cameras=args.cameras,
        images=1,
        seed=args.seed or 0,
        site=args.site or 0,
        test_fraction=0,
    )
    with tempfile.TemporaryDirectory() as folder:
        render(spec, folder, workers=args.workers)
        draw(Path(folder), out, args)


def draw(root: Path, out: Path, args: argparse.Namespace) -> None:
    from lookalike.files import replacing
    from lookalike.world.writer.sheet import sheet

    picture = sheet(
        root,
        args.people,
        args.cameras,
        poses=args.poses,
        masks=args.masks,
        structures=args.structures,
        scale=args.scale,
    )
    with replacing(out) as part:
        picture.save(part, "PNG" if out.suffix.lower() == ".png" else "JPEG", quality=95)


def add_workers(parser: Parser) -> None:
    parser.flag("--workers N", "Processes at a time. [one a core]", type=positive, default=0)
