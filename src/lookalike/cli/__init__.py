"""The command `lookalike`: a file a verb, imported when the verb is called.

Before the verbs read `parser`, what their command lines share, and `catalogue`, what the help knows
without importing anything heavy: `make_catalogue` writes it, with `describe` for the methods.
`train` has its flags in `flags` and their values in `settings_parser`; `generate` a file a verb of
its own (`swap`, `repose`), on `generate_flags` and `generate_pictures`; `data` and `world` have
`data_poses` and `world_show`. `threads` decides how torch's threads wait.
"""

import sys
from importlib import import_module

# verb → what it does; the module lookalike.cli.<verb> has `main(argv) -> exit code`.
VERBS = {
    "demo": "render people, train on them, test, write a report: needs no data",
    "train": "train a method on a benchmark; evaluate it; write its report",
    "evaluate": "rank a benchmark with a trained model, or features of any",
    "quality": "say how good pictures are, a model's or those in a folder",
    "calibrate": "find the distance that means the same person",
    "embed": "write the features of a folder of images",
    "generate": "make pictures with a trained model",
    "import": "turn authors' released checkpoints into a model file",
    "world": "render people (render) or look at them (show)",
    "methods": "list the methods, their presets, what they generate and need",
    "data": "say what is in a benchmark (info) or wrong (check); find poses",
}
MODULES = {"import": "import_"}  # where the verb is no name for a module


# Verbs that compute with torch in this process
COMPUTE = ("demo", "train", "evaluate", "quality", "calibrate", "embed", "generate")


def usage() -> str:
    """The help text, without importing anything heavy."""
    lines = [f"  {verb:<10}{text}" for verb, text in VERBS.items()]
    return "\n".join(
        [
            "usage: lookalike VERB …     `lookalike VERB --help` explains one",
            "",
            "Generative person re-identification.",
            "",
            *lines,
            "",
            "  --version prints the version.",
        ]
    )


def main(argv: list[str] | None = None) -> int:
    """Runs one verb; returns 0, 1 for findings, 2 for a mistake of the user, 130 for Ctrl-C."""
    argv = sys.argv[1:] if argv is None else argv
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(usage())
        return 0
    if argv[0] == "--version":
        from lookalike.version import __version__

        print(__version__)
        return 0
    from lookalike.errors import UserError, unknown

    try:
        verb = argv[0]
        if verb not in VERBS:
            raise unknown("verb", verb, VERBS)
        if verb in COMPUTE and not {"-h", "--help"} & {*argv}:
            from lookalike.cli.threads import decide_waiting

            decide_waiting()
        module = import_module(f"lookalike.cli.{MODULES.get(verb, verb)}")
        return int(module.main(argv[1:]))
    except UserError as error:
        print(f"lookalike: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # `lookalike … | head`
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        print("lookalike: stopped.", file=sys.stderr)
        return 130
