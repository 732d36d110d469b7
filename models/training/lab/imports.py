"""Check that no files of the lab import each other in a circle, not even inside a function: print the circle and exit with 1 if some do.

What two steps share belongs into a file below both (`runs`, `pool`, `losses`, `nets`).
"""
import ast
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

LAB = Path(__file__).parent


def imported(path: Path) -> set[Path]:
    """Files of the lab that this one imports, by `from . import x` or `from .x import y`, however many folders up."""
    files = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = path.parents[node.level - 1]
            base = base.joinpath(*node.module.split(".")) if node.module else base
            files |= {base.with_suffix(".py"), *(base / f"{alias.name}.py" for alias in node.names)}
    return {file for file in files if file.exists()}


def main():
    try:
        order = list(TopologicalSorter({path: imported(path) for path in LAB.rglob("*.py")}).static_order())
    except CycleError as error:
        sys.exit("in a circle: " + " <- ".join(str(path.relative_to(LAB)) for path in error.args[1]))
    print(f"{len(order)} files, no circle")


if __name__ == "__main__":
    main()
