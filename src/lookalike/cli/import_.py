"""`lookalike import METHOD FILES… --out MODEL`: authors' checkpoints as a model file of ours."""

from lookalike.cli.catalogue import catalogue
from lookalike.cli.parser import Parser, one_of, positive

EPILOG = """\
dgnet takes the authors' folder outputs/NAME (its newest step), a teacher's
folder models/best, or gen_*.pt, id_*.pt, dis_*.pt and net_last.pth one by one.
The id file alone makes a model that recognises but doesn't swap. Discriminators
and a teacher are written beside --out, with .discriminator and .teacher in
their names; `lookalike train dgnet --teacher_model` takes the teacher.

fdgan takes the authors' folder of a stage (its best networks, else the newest),
or *_net_{E,G,Di,Dp}.pth or model_best.pth.tar one by one. E alone makes a model
that recognises but doesn't repose. Beside --out are written the encoder alone,
which --weights of other methods takes, and the discriminators.

pg2 takes the authors' TensorFlow checkpoint (model.ckpt-STEP, or its folder)
where TensorFlow is installed, or an .npz file of its variables, made there by:
  import numpy, tensorflow
  reader = tensorflow.train.load_checkpoint("model.ckpt-0")
  names = reader.get_variable_to_shape_map()
  numpy.savez("pg2.npz", **{name: reader.get_tensor(name) for name in names})
A discriminator in it is written beside --out."""


def main(argv: list[str]) -> int:
    """Imports, and prints what was taken from every file and what was left out."""
    parser = Parser(
        "import",
        "Turn authors' released checkpoints into a model file, checking every entry.",
        EPILOG,
    )
    methods = catalogue().importers
    parser.add_argument(
        "method",
        type=one_of("method with an importer", methods),
        metavar="METHOD",
        help=f"One of {', '.join(methods)}.",
    )
    parser.add_argument("files", metavar="FILES", nargs="+", help="The authors' folder or files.")
    parser.flag("--out FILE", "The .safetensors file to write.", required=True)
    parser.flag(
        "--step N", "The step or epoch of a folder's checkpoints. [the newest]", type=positive
    )
    parser.switch("--force", "Replace files that exist.")
    args = parser.parse_args(argv)
    from lookalike.importing import import_model

    print(import_model(args.method, args.files, args.out, step=args.step, force=args.force))
    return 0
