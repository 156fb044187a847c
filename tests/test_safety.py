"""What is read from elsewhere is data: nothing in it is run, and no server is open to others."""

import ast
import re

import pytest

from tests.tiny_study import ROOT

CODE = [
    path
    for folder in ("src", "stages", "examples", "benchmarks")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
DOCUMENTS = [
    path
    for pattern in ("*.md", "docs/*.md", "Makefile", "Dockerfile", ".devcontainer/*", ".ci/*")
    for path in sorted(ROOT.glob(pattern))
]


def calls(path):
    """Each call in a file: the name that is called, its keywords' values by name, and its line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            keywords = {each.arg: ast.unparse(each.value) for each in node.keywords}
            place = f"{path.relative_to(ROOT)}:{node.lineno}"
            yield ast.unparse(node.func).rpartition(".")[2], keywords, place


def test_nothing_is_unpickled_and_no_model_is_loaded_with_code():
    forbidden = ("load_pickle", "read_pickle", "Unpickler", "unsafe_load")
    found = [
        place
        for path in CODE
        for name, keywords, place in calls(path)
        if name in forbidden
        or keywords.get("allow_pickle", "False") != "False"
        or keywords.get("safe_mode", "True") != "True"
    ]
    assert found == []
    assert not [path for path in CODE if re.search(r"pickle\.loads?\(", path.read_text("utf-8"))]


def test_archives_are_unpacked_without_the_paths_in_them():
    found = [
        place
        for path in CODE
        for name, keywords, place in calls(path)
        if name in ("extractall", "extract", "unpack_archive")
        if keywords.get("filter") != "'data'"
    ]
    assert found == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_no_server_that_is_shown_listens_to_others(path):
    assert not re.search(
        r"0\.0\.0\.0|--host[= ](?!127\.0\.0\.1|localhost)", path.read_text("utf-8")
    )
