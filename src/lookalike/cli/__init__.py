"""The command `lookalike`: a file a verb, imported when the verb is called.

Before the verbs read `parser`, what their command lines share, and `catalogue`, what the help knows
without importing anything heavy: `make_catalogue` writes it, with `describe` for the methods.
`train` has its flags in `flags` and their values in `settings_parser`; `generate` a file a verb of
its own (`swap`, `repose`), on `generate_flags` and `generate_pictures`; `data` and `world` have
`data_poses` and `world_show`. `step_flags` are the steps without training, of several verbs.
`threads` decides how torch's threads wait.
"""

import os
import sys
from collections.abc import Callable
from importlib import import_module
from io import TextIOWrapper

from lookalike.stopping import Interrupted, Stop, say, stoppable

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
    """Runs one verb; returns 0, 1 for findings, 2 for a mistake of the user, 130 where Ctrl-C,
    SIGTERM or SIGHUP stopped it: it then says how to go on.

    Without `argv` it is this process's whole life, and no signal hurts it any more when it ends.
    """
    with stoppable(lambda: leave(stop), ends=argv is None) as stop:
        try:
            return run(sys.argv[1:] if argv is None else argv)
        except (Interrupted, KeyboardInterrupt):
            tell(stop, sys.stderr.write)
            return 130


def leave(stop: Stop) -> None:
    """Ends the process wherever it stands, in an import too: every file is whole or absent."""
    multiprocessing = sys.modules.get("multiprocessing")
    for child in getattr(multiprocessing, "active_children", list)():
        child.kill()
    tell(stop, lambda line: os.write(2, line.encode()))  # sys.stderr may be in use
    os._exit(130 if stop.how() is not None else 0)


def tell(stop: Stop, write: Callable[[str], object]) -> None:
    """Says that the command was stopped, and how it goes on; not where another process does."""
    how = stop.how()
    if how is not None:
        say(f"lookalike: stopped{'; ' if how else ''}{how}.\n", write)


def run(argv: list[str]) -> int:
    """The exit code of the verb that `argv` begins with, where nobody stops it."""
    from lookalike.errors import UserError

    if isinstance(sys.stdout, TextIOWrapper):  # file names have letters that no terminal may show
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        verb, *rest = argv or ["help"]
        return run_verb(verb, rest)
    except UserError as error:
        print(f"lookalike: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # `lookalike … | head`
        sys.stderr.close()
        return 0


def run_verb(verb: str, argv: list[str]) -> int:
    """The verb's exit code. Raises UserError for an unknown one."""
    if verb in ("-h", "--help", "help"):
        print(usage())
        return 0
    if verb == "--version":
        from lookalike.version import __version__

        print(__version__)
        return 0
    if verb not in VERBS:
        from lookalike.errors import unknown

        raise unknown("verb", verb, VERBS)
    if verb in COMPUTE and not {"-h", "--help"} & {*argv}:
        from lookalike.cli.threads import decide_waiting

        decide_waiting()
    module = import_module(f"lookalike.cli.{MODULES.get(verb, verb)}")
    return int(module.main(argv))
