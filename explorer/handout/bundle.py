"""Modules as one script: from a file, browsers load neither modules nor workers that import some.

A module becomes a function that is given `need`, the modules that it imports by their paths. It is
called once, the modules that it imports first, as `import` does; none here import each other in a
ring, and no name that one exports is given another value later.
"""

import posixpath
import re
from collections.abc import Iterable
from functools import cache

from explorer.server.assets import MODULES, code_alone

_STATIC = re.compile(
    r'^(?:import|export)\s*(?:(?:\{([^}]*)\}|\*\s*as\s+(\w+))\s*from\s*)?"(\.{1,2}/[\w./]+)";$',
    re.MULTILINE,
)
_LAZY = re.compile(r'\bawait import\("(\.{1,2}/[\w./]+)"\)')
_EXPORT = re.compile(
    r"^export\s+((?:async\s+)?(?:function\s*\*?|class)|const)\s*([\w$]+)", re.MULTILINE
)
_RENAMED = re.compile(r"(\w+)\s+as\s+(\w+)")
_LISTED = re.compile(r"^export\s*\{([^}]*)\};$", re.MULTILINE)
_LEFT = re.compile(r"^(?:import|export)\b.*|\bimport\.meta\b|\bawait import\(", re.MULTILINE)


def _beside(module: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(module), path))


@cache
def _source(module: str) -> str:
    return code_alone((MODULES / module).read_text("utf-8"))


@cache
def imported(module: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The modules that one imports, and those that it may import later."""
    source = _source(module)
    return (
        tuple(_beside(module, found[3]) for found in _STATIC.finditer(source)),
        tuple(_beside(module, path) for path in _LAZY.findall(source)),
    )


def needed(*modules: str, lazily: bool = False) -> list[str]:
    """Modules and what they import, directly or not, in the order in which they can run; `lazily`
    also what they may import later.

    Raises:
        ValueError: some import each other in a ring.
    """
    found: dict[str, None] = {}
    open_: list[str] = []
    later: list[str] = list(modules)

    def visit(module: str) -> None:
        if module in open_:
            raise ValueError(f"{' → '.join([*open_, module])} import each other in a ring")
        if module in found:
            return
        open_.append(module)
        for other in imported(module)[0]:
            visit(other)
        open_.pop()
        found[module] = None
        later.extend(imported(module)[1] if lazily else ())

    while later:
        visit(later.pop(0))
    return list(found)


def definition(module: str) -> str:
    """The statement that defines a module.

    Raises:
        ValueError: it imports or exports in a way that this does not read.
    """

    def take(found: re.Match[str]) -> str:
        names, whole, path = found[1], found[2], found[3]
        given = f'$need("{_beside(module, path)}")'
        if whole:
            return f"const {whole}={given};"
        if names is None:
            return f"{given};"
        taken = _RENAMED.sub(r"\1:\2", names)
        return f"const{{{taken}}}={given};"

    plain = _source(module)
    listed = [name for found in _LISTED.finditer(plain) for name in re.split(r"[,\s]+", found[1])]
    source = _STATIC.sub(take, _LISTED.sub("", plain))
    source = _LAZY.sub(lambda found: f'await $later("{_beside(module, found[1])}")', source)
    names = [found[2] for found in _EXPORT.finditer(source)] + [name for name in listed if name]
    source = _EXPORT.sub(lambda found: f"{found[1]} {found[2]}", source)
    if left := _LEFT.search(source):
        raise ValueError(f"explorer/web/{module} has {left[0]!r}, which a hand-out cannot load")
    body, given = re.sub(r"\n{2,}", "\n", source), ",".join(names)
    head = f'define("{module}",($exports,$need,$later)=>{{"use strict";'
    return f"{head}{body}\nObject.assign($exports,{{{given}}});}});\n"


def script(modules: Iterable[str]) -> bytes:
    """The definitions of modules."""
    return "".join(map(definition, modules)).encode()
