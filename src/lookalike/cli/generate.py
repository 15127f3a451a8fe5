"""`lookalike generate MODEL VERB …`: pictures from a trained model."""

from __future__ import annotations

from collections.abc import Mapping

from lookalike.cli.catalogue import catalogue
from lookalike.cli.generate_flags import VerbFlags
from lookalike.cli.repose import ReposeFlags
from lookalike.cli.swap import SwapFlags
from lookalike.errors import UserError, unknown

VERBS: Mapping[str, VerbFlags] = {flags.name: flags for flags in (SwapFlags(), ReposeFlags())}

HELP = """usage: lookalike generate MODEL VERB … --out FILE
       lookalike generate MODEL VERB --help lists the flags of a verb

MODEL is a model file or a run folder. The verbs:
{verbs}

Verbs of the methods:
{methods}"""


def main(argv: list[str]) -> int:
    """Makes the pictures and prints where they are."""
    if not argv or {"-h", "--help"} & set(argv[:2]):
        titles = [f"  {name:<9}{flags.title}" for name, flags in VERBS.items()]
        methods = {name: method.generates for name, method in catalogue().methods.items()}
        lines = [f"  {name:<9}{', '.join(verbs)}" for name, verbs in methods.items() if verbs]
        print(HELP.format(verbs="\n".join(titles), methods="\n".join(lines)))
        return 0
    if len(argv) < 2 or argv[0].startswith("-"):
        raise UserError(
            "Say with what and what to generate, as in `lookalike generate MODEL swap "
            "--images FOLDER --out grid.png`."
        )
    path, verb, *rest = argv
    if verb not in VERBS:
        raise unknown("verb of generate", verb, VERBS)
    flags = VERBS[verb]
    parser = flags.parser()
    args = parser.parse_args(rest)
    flags.check(parser, args)
    from lookalike.cli.generate_pictures import prepared
    from lookalike.methods.model_file import load_model

    make = prepared(flags, parser, args)  # what is wrong is found before the model is read
    model = load_model(path)
    for part in model.verbs.get(verb, ()):
        model.require(part, flags.purpose)
    verbs = model.generates
    if verb not in verbs:
        can = f"it offers: {', '.join(verbs)}" if verbs else "it only embeds"
        raise UserError(f"{path} is a model of {model.method.name}, which has no {verb}; {can}.")
    return make(model)
