"""The documents are true: links lead somewhere, and what the architecture names is there."""

import re
import string
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("checkpoints/*.md")])
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
ARCHITECTURE = (ROOT / "docs" / "ARCHITECTURE.md").read_text()


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", FENCE.sub("", document.read_text()), re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower().replace(" ", "-")
        kept = set(string.punctuation) - set("-_")
        name = "".join(c for c in text if c not in kept and (c.isalnum() or c in "-_"))
        n, first = 0, name
        while name in found:
            n += 1
            name = f"{first}-{n}"
        found.add(name)
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_relative_link_and_anchor_leads_somewhere(document):
    text = FENCE.sub("", document.read_text())
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    for link in links:
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.is_relative_to(ROOT), link
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def tree() -> list[str]:
    """The paths that the tree at the head of the architecture names."""
    block = ARCHITECTURE.split("\n## ")[0]
    folders, found = [""], []
    for line in re.findall(r"^    ( *)(.*)$", block, re.MULTILINE):
        depth, text = len(line[0]) // 4, line[1]
        names = re.findall(r"(?<![\w/.])(\w+(?:/|\.(?:py|js|css)))(?![\w(/])", text)
        if len(line[0]) > 16:  # the next line of a folder's words
            depth = len(folders) - 1
        elif names and text.startswith(names[0]) and names[0].endswith("/"):
            folders = [*folders[: depth + 1], folders[depth] + names[0]]
            found.append(folders[-1])
            names, depth = names[1:], depth + 1
        found += [folders[depth] + name for name in names if not name.endswith("/")]
    return found


def test_the_tree_names_what_is_there_and_all_of_it():
    named = set(tree())
    assert len(named) > 100
    missing = sorted(name for name in named if not (ROOT / name).exists())
    assert missing == []
    there = {
        path.relative_to(ROOT).as_posix()
        for package in ("training", "explorer")
        for path in (ROOT / package).rglob("*")
        if path.suffix in (".py", ".js", ".css")
        and path.name != "__init__.py"
        and "vendor" not in path.parts  # as it is published
    }
    assert sorted(there - named) == []


def test_a_checkpoint_reaches_a_pixel_in_sixteen_files_at_most():
    section = ARCHITECTURE.split("\n## From a checkpoint to a pixel\n")[1].split("\n## ")[0]
    steps = re.findall(r"^(\d+)\. `([\w./]+)`:", section, re.MULTILINE)
    assert [int(n) for n, _ in steps] == list(range(1, len(steps) + 1))
    assert 10 < len(steps) <= 16
    for _, path in steps:
        assert (ROOT / path).is_file(), path


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_paths_in_code_are_there(document):
    named = re.findall(
        r"`((?:training|explorer|tests|docs|benchmarks)/[\w./-]*\w)`", document.read_text()
    )
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_lists_of_operators_are_those_of_the_tables():
    from training.importing.aten import ROWS
    from training.importing.onnx_ops import ROWS as ONNX
    from training.vae.program import OPS

    section = (ROOT / "docs" / "IMPORT.md").read_text().split("\n## Ops\n")[1]
    lists = re.findall(r"^`(?:\w+`,\s`)*\w+`\.$", section, re.MULTILINE)
    named = [re.findall(r"\w+", text) for text in lists]
    assert [len(names) for names in named] == [len(set(names)) for names in named]
    assert list(map(set, named)) == [set(OPS), {row.split(".")[0] for row in ROWS}, set(ONNX)]
