"""What is shipped: the package alone, the one dependency, nothing of ours, and a language that is old enough."""

import ast
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

HOME = Path(__file__).parents[2] / "fcb_host"
MODULES = sorted((HOME / "src/fcb_host").glob("*.py"))


@pytest.mark.slow
def test_a_wheel_holds_the_package_and_asks_for_httpx_alone(tmp_path: Path) -> None:
    program = "from hatchling.build import build_wheel; import sys; print(build_wheel(sys.argv[1]))"
    made = subprocess.run([sys.executable, "-c", program, tmp_path], cwd=HOME, capture_output=True, text=True, check=True)
    with zipfile.ZipFile(tmp_path / made.stdout.split()[-1]) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
        (metadata,) = (name for name in wheel.namelist() if name.endswith("METADATA"))
        said = wheel.read(metadata).decode().split("\n\n", 1)[0].splitlines()
    assert names == {f"fcb_host/{module.name}" for module in MODULES} | {"fcb_host/py.typed"}
    assert [line for line in said if line.startswith("Requires-Dist")] == ["Requires-Dist: httpx<1,>=0.27"]
    assert {"Name: fcb-host", "Version: 0.1.0", "Requires-Python: >=3.10", "License-Expression: Apache-2.0"} <= set(said)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_a_module_imports_the_standard_library_and_httpx_and_reads_as_python_3_10(module: Path) -> None:
    tree = ast.parse(module.read_text(), feature_version=(3, 10))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} - sys.stdlib_module_names <= {"httpx", "fcb_host"}
