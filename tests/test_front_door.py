"""`import lookalike as la`: quick, with the public names, which type checkers know."""

import subprocess
import sys
from pathlib import Path

import pytest

import lookalike as la

PUBLIC = {
    "METHODS", "Benchmark", "Model", "People", "Run", "RunSettings", "UserError", "__version__",
    "evaluate", "load", "load_model", "save_model", "train",
}  # fmt: skip
HEAVY = "{'torch', 'lightning', 'numpy', 'scipy', 'PIL', 'yaml'}"


def alone(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_public_names_are_shown_without_importing_them() -> None:
    code = (
        f"import sys, lookalike as la; names = dir(la); print(*names, {HEAVY} & set(sys.modules))"
    )
    assert set(alone(code).split()) == {*PUBLIC, "set()"}
    assert set(la.__all__) == PUBLIC


def test_importing_takes_a_moment() -> None:
    code = "import time; t = time.process_time(); import lookalike; print(time.process_time() - t)"
    assert min(float(alone(code)) for _ in range(3)) < 0.1


def test_the_methods_are_named_without_importing_them() -> None:
    code = (
        "import sys, lookalike as la\n"
        "print(*la.METHODS, 'dgnet' in la.METHODS, 'nobody' in la.METHODS, len(la.METHODS))\n"
        "print('torch' in sys.modules, la.METHODS)"
    )
    names, quick = alone(code).splitlines()
    assert names == "ide ide+ triplet siamese cc spcl dgnet pg2 fdgan True False 9"
    assert quick == "False METHODS: ide, ide+, triplet, siamese, cc, spcl, dgnet, pg2, fdgan"


@pytest.mark.parametrize("name", la.METHODS)
def test_every_method_has_its_name(name: str) -> None:
    assert la.METHODS[name].name == name
    assert la.METHODS[name] is la.METHODS[name]


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(la, name).__class__ is not None


def test_another_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="module 'lookalike' has no attribute 'trian'"):
        la.trian  # type: ignore[attr-defined]  # noqa: B018


def test_a_type_checker_knows_the_public_names(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    types = {
        "la.train": "-> lookalike.training.run.Run",
        "la.evaluate": "-> lookalike.evaluation.evaluation.Evaluation",
        "la.load": "-> lookalike.data.people.Benchmark",
        "la.load_model": "-> lookalike.methods.",
        "la.save_model": "-> pathlib.Path",
        'la.METHODS["ide"]': "type[lookalike.methods.",
        "la.People": "-> lookalike.data.people.People",
        "la.RunSettings": "-> lookalike.training.settings.RunSettings",
        "la.Model": "-> lookalike.methods.",
        "la.Run": "-> lookalike.training.run.Run",
        "la.UserError": "-> lookalike.errors.UserError",
        "la.Benchmark": "-> lookalike.data.people.Benchmark",
    }
    lines = ["import lookalike as la", *(f"reveal_type({name})" for name in types)]
    (tmp_path / "snippet.py").write_text("\n".join(lines))
    # Others' packages are left out: reading torch would take a minute.
    (tmp_path / "mypy.ini").write_text(
        "[mypy]\nfollow_imports = silent\nignore_missing_imports = true\n"
        "[mypy-torch.*,numpy.*,lightning.*,scipy.*,PIL.*,torchmetrics.*,kornia.*,sklearn.*]\n"
        "follow_imports = skip\n"
    )
    command = [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "snippet.py"]
    source = str(Path(la.__file__).parents[1])
    done = subprocess.run(
        command, cwd=tmp_path, env={"MYPYPATH": source, "PATH": ""}, capture_output=True, text=True
    )
    revealed = [line for line in done.stdout.splitlines() if "Revealed type" in line]
    assert len(revealed) == len(types), done.stdout + done.stderr
    for (name, kind), line in zip(types.items(), revealed, strict=True):
        assert kind in line, f"{name}: {line}"
