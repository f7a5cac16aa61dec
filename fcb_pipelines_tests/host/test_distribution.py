"""What is shipped: the package alone, the one dependency and the extras, nothing of ours, and a language that is old enough."""

import ast
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

HOME = Path(__file__).parents[2] / "fcb_host"
SOURCE = HOME / "src/fcb_host"
MODULES = sorted(SOURCE.rglob("*.py"))
EXTRA = {"receiver/router.py": {"anyio", "starlette"}, "receiver/storage_postgres.py": {"psycopg"}}
"""What modules need beyond the core; whoever imports them installs it as an extra."""


@pytest.mark.slow
def test_a_wheel_holds_the_package_and_asks_for_httpx_and_by_extras_for_more(tmp_path: Path) -> None:
    program = "from hatchling.build import build_wheel; import sys; print(build_wheel(sys.argv[1]))"
    made = subprocess.run([sys.executable, "-c", program, tmp_path], cwd=HOME, capture_output=True, text=True, check=True)
    with zipfile.ZipFile(tmp_path / made.stdout.split()[-1]) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
        (metadata,) = (name for name in wheel.namelist() if name.endswith("METADATA"))
        said = wheel.read(metadata).decode().split("\n\n", 1)[0].splitlines()
    assert names == {f"fcb_host/{module.relative_to(SOURCE)}" for module in MODULES} | {"fcb_host/py.typed"}
    needs = [line.removeprefix("Requires-Dist: ") for line in said if line.startswith("Requires-Dist")]
    assert [each for each in needs if "extra ==" not in each] == ["httpx<1,>=0.27"]
    assert {each.partition("extra == ")[2] for each in needs[1:]} == {"'receiver'", "'postgres'"}
    assert {"Name: fcb-host", "Version: 0.1.0", "Requires-Python: >=3.10", "License-Expression: Apache-2.0"} <= set(said)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_imports_the_standard_library_and_httpx_and_reads_as_python_3_10(module: Path) -> None:
    tree = ast.parse(module.read_text(), feature_version=(3, 10))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} - sys.stdlib_module_names <= {"httpx", "fcb_host"} | EXTRA.get(
        str(module.relative_to(SOURCE)), set()
    )
