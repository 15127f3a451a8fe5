"""What is installed with the package, what must never be, and what its wheel holds."""

import ast
import re
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Imported where they are used, with a sentence that says what to do.
OPTIONAL = {"timm", "h5py", "faiss"}


def dependencies():
    """pyproject.toml's; an older editable install would still say what they were."""
    tomllib = pytest.importorskip("tomllib")  # Python 3.11
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]


def name(requirement):
    """The normalised project name of a requirement such as `jsonargparse[signatures]>=4.35`."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()


def required(requirements, seen):
    """Adds to `seen` everything that installing `requirements` without extras brings in."""
    for requirement in requirements:
        dependency = name(requirement)
        if "extra ==" in requirement or dependency in seen:
            continue
        try:
            needs = metadata.requires(dependency)
        except metadata.PackageNotFoundError:  # for another platform or Python
            continue
        seen.add(dependency)
        required(needs or [], seen)
    return seen


def imported_packages():
    found = set()
    for file in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module.split(".")[0])
    return found - sys.stdlib_module_names - {"lookalike"}


def test_the_core_never_brings_in_torchvision():
    brought = required(dependencies(), set())
    assert {"torch", "kornia", "torchmetrics"} <= brought  # the walk goes deeper than one level
    assert "torchvision" not in brought


def test_every_import_is_a_declared_dependency():
    declared = {name(requirement) for requirement in dependencies()}
    projects = metadata.packages_distributions()
    for package in imported_packages() - OPTIONAL:
        owners = {name(p) for p in projects[package]}
        assert owners & declared, f"{package} is imported, but pyproject.toml doesn't ask for it"


def test_the_wheel_holds_everything_but_bytecode(tmp_path):
    pytest.importorskip("hatchling")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {n for n in archive.namelist() if n.startswith("lookalike/")}
        assert any(n.endswith("/licenses/LICENSE") for n in archive.namelist())
    source = ROOT / "src"
    files = {p.relative_to(source).as_posix() for p in source.rglob("*") if p.is_file()}
    assert packed == {f for f in files if "__pycache__" not in f}
    data = {"py.typed", "report/template.html.jinja", "cli/catalogue.json"}
    assert {f"lookalike/{name}" for name in data} <= packed
