"""`lookalike generate MODEL VERB …`: pictures from a trained model."""

from collections.abc import Callable

from lookalike.cli.repose import repose
from lookalike.cli.swap import swap
from lookalike.errors import UserError
from lookalike.methods import METHODS, Model
from lookalike.methods.model_file import load_model

# verb → the function that checks its flags and gives what makes the pictures with a model
VERBS: dict[str, Callable[[list[str]], Callable[[Model], int]]] = {"swap": swap, "repose": repose}

HELP = """usage: lookalike generate MODEL VERB … --out FILE
       lookalike generate MODEL VERB --help lists the flags of a verb

MODEL is a model file or a run folder. Verbs of the methods:
{verbs}"""


def main(argv: list[str]) -> int:
    """Makes the pictures and prints where they are."""
    if not argv or argv[0] in ("-h", "--help"):
        verbs = {name: m.model_type().verbs for name, m in METHODS.items()}
        offers = [f"  {name:<9}{', '.join(v)}" for name, v in verbs.items() if v]
        print(HELP.format(verbs="\n".join(offers)))
        return 0
    if len(argv) < 2 or argv[0].startswith("-"):
        raise UserError("Say with what and what to generate, as in `lookalike generate MODEL swap "
                        "--images FOLDER --out grid.png`.")  # fmt: skip
    path, verb, *flags = argv
    # What is wrong with the flags is found before the model is read.
    make = VERBS[verb](flags) if verb in VERBS else None
    model = load_model(path)
    offered = model.generates
    if make is None or verb not in offered:
        can = f"it offers: {', '.join(offered)}" if offered else "it only embeds"
        raise UserError(f"{path} is a model of {model.method.name}, which has no {verb}; {can}.")
    return make(model)
