"""`lookalike import METHOD FILES… --out MODEL`: authors' checkpoints as a model file of ours."""

from lookalike.cli.parser import Parser, positive
from lookalike.engine.importing import IMPORTERS, import_model

EPILOG = """\
dgnet takes the authors' folder outputs/NAME (its newest step), a teacher's
folder models/best, or gen_*.pt, id_*.pt, dis_*.pt and net_last.pth one by one.
The id file alone makes a model that recognises but doesn't swap. Discriminators
and a teacher are written beside --out, with .discriminator and .teacher in their
names; `lookalike train dgnet --teacher_model` takes the teacher."""


def main(argv: list[str]) -> int:
    """Imports, and prints what was taken from every file and what was left out."""
    parser = Parser(
        "import", "Turn authors' released checkpoints into a model file, checking every entry.",
        EPILOG,
    )  # fmt: skip
    parser.add_argument("method", metavar="METHOD", help=", ".join(IMPORTERS))
    parser.add_argument("files", metavar="FILES", nargs="+", help="the authors' folder or files")
    parser.add_argument("--out", required=True, help="the .safetensors file to write")
    parser.add_argument("--step", type=positive, help="of a folder's checkpoints [the newest]")
    parser.add_argument("--force", action="store_true", help="replace files that exist")
    args = parser.parse_args(argv)
    print(import_model(args.method, args.files, args.out, step=args.step, force=args.force))
    return 0
