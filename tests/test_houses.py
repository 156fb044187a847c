"""Two houses: the study, which outputs depend on, and the kit, which knows nothing of it."""

import ast
import re

import pytest
from ruamel.yaml import YAML

from tests.tiny_study import ROOT

STUDY, KIT, STAGES = (ROOT / name for name in ("src/mnist_study", "src/studykit", "stages"))
IMAGES = ROOT / "src/imagesets"  # a house between them: image data sets, from any format to arrays
NETSERVE = ROOT / "src/netserve"  # from a picture to a trained net's answer
STORED = "netserve.stored"  # the only part of it that an output depends on
PIPELINE = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]

# Words of the study. A hash is of hexadecimal digits in any study, and str.isdigit is Python's.
OF_THE_STUDY = re.compile(
    r"mnist|(?<!hexadecimal )(?<!\.is)digit|(?<![a-z])nets?(?![a-z])", re.IGNORECASE
)
# A paper that specifies a format; examples; and the key of a claim, which any catalogue may have.
TERMS = re.compile(
    r"The MNIST database of handwritten digits|Fashion-MNIST|self\.net|\bnet(?=: )|or net\b"
)
EDGE = {f"studykit.{name}" for name in ("dotted", "errors", "files", "params", "versions")}
COMMANDS = STUDY / "commands"  # no output depends on them
MODULE, FUNCTION = 250, 50  # lines at most
HOUSE, IMAGES_HOUSE, NETSERVE_HOUSE = 3500, 1750, 1500
# What answers in a model that MLflow has: it carries this package, and nothing else of ours.
CARRIED = ("ink", "nets", "objects", "pictures", "preparation", "serving")
HEAVY = {"PIL", "matplotlib", "mlflow", "pandas", "pooch", "pyarrow", "tensorflow"}


def modules(*folders):
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def parse(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path):
    """Full names of the modules that a file imports, wherever in it."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            folder = ROOT / "src" / (node.module or "").replace(".", "/")
            for alias in node.names:
                is_module = (folder / alias.name).with_suffix(".py").exists()
                is_package = (folder / alias.name / "__init__.py").exists()
                yield f"{node.module}.{alias.name}" if is_module or is_package else node.module


def of_the_kit(path):
    return {name for name in imported(path) if name.partition(".")[0] == "studykit"}


def test_the_kit_never_imports_the_study_nor_image_sets():
    others = ("mnist_study", "imagesets")
    found = {name_of(p) for p in modules(KIT) for n in imported(p) if n.startswith(others)}
    assert found == set()


def test_image_sets_take_from_the_kit_only_what_stands_at_its_edge():
    allowed = EDGE | {"studykit.imports", "studykit.sources"}
    found = {name_of(p): beyond for p in modules(IMAGES) if (beyond := of_the_kit(p) - allowed)}
    assert found == {}


def test_image_sets_never_import_the_study():
    found = {name_of(p) for p in modules(IMAGES) for n in imported(p) if n.startswith("mnist")}
    assert found == set()


def test_a_large_library_is_imported_only_by_the_function_that_needs_it():
    at_the_top = {
        f"{name_of(path)}: {alias.name}"
        for path in modules(IMAGES)
        for node in parse(path).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
        if (getattr(node, "module", None) or alias.name).partition(".")[0] in HEAVY
    }
    assert at_the_top == set()


@pytest.mark.parametrize(("house", "most"), [(IMAGES, IMAGES_HOUSE), (NETSERVE, NETSERVE_HOUSE)])
def test_a_house_keeps_its_size(house, most):
    assert sum(len(p.read_text(encoding="utf-8").splitlines()) for p in modules(house)) <= most


def test_of_what_serves_nets_only_evaluation_imports_the_module_that_reads_a_stored_one():
    others = modules(STUDY, KIT, IMAGES, STAGES)
    found = {(name_of(p), n) for p in others for n in imported(p) if n.startswith("netserve")}
    assert found == {("src/mnist_study/scores/outputs.py", STORED)}
    assert {n for n in imported(NETSERVE / "stored.py") if n.startswith("netserve")} == set()


def test_what_serves_nets_knows_no_study():
    ours = re.compile(
        r"mnist[-_]study|stages\.|(?<![a-z])(dense|cnn)(?![a-z])|data/|plots/|metrics/"
    )
    found = {
        f"{name_of(path)}:{number}: {line.strip()}"
        for path in modules(NETSERVE)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if ours.search(line.replace("data/model.keras", ""))  # MLflow's own layout
    }
    assert found == set()


def test_what_a_model_carries_imports_nothing_of_ours_but_itself():
    others = ("mnist_study", "imagesets", "studykit")
    for name in CARRIED:
        top = {n for n in imported_at_the_top(NETSERVE / f"{name}.py") if n.startswith(others)}
        own = {n for n in imported_at_the_top(NETSERVE / f"{name}.py") if n.startswith("netserve.")}
        assert top == set()
        assert own <= {f"netserve.{each}" for each in CARRIED}


def imported_at_the_top(path):
    for node in parse(path).body:
        if isinstance(node, ast.ImportFrom):
            yield node.module
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("house", [KIT, IMAGES], ids=lambda house: house.name)
def test_no_other_house_holds_a_word_of_the_study(house):
    """Neither in code nor in strings and comments; nor does a file that is no module."""
    files = [p for p in house.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    found = [
        f"{name_of(path)}:{number}: {line.strip()}"
        for path in sorted(files)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if OF_THE_STUDY.search(TERMS.sub("", line))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("the dense net", True),
        ("NETS = ()", True),
        ("for net_name in names:", True),
        ('"train_net"', True),
        ("import mnist_study", True),
        ("MNIST_STUDY_NO_FORK", True),
        ("ten Digits", True),
        ("64 hexadecimal digits", False),
        ("if text.isdigit():", False),
        ("a network, on the internet: kubernetes", False),
    ],
)
def test_words_of_the_study_are_told_from_others(text, found):
    assert bool(OF_THE_STUDY.search(text)) == found


def test_the_study_takes_from_the_kit_only_what_stands_at_its_edge():
    besides = {
        "src/mnist_study/params.py": {"studykit.compare.settings"},  # a section of the file
        "src/mnist_study/report/figures/style.py": {"studykit.kept"},  # figures of earlier runs
        "src/mnist_study/scores/answers.py": {"studykit.kept"},  # of nets in earlier runs
        "src/mnist_study/compute.py": {"studykit.imports"},  # TensorFlow without its messages
    }
    found = {
        name_of(path): beyond
        for path in modules(STUDY)
        if COMMANDS not in path.parents
        if (beyond := of_the_kit(path) - EDGE - besides.get(name_of(path), set()))
    }
    assert found == {}


def test_a_stage_takes_from_the_kit_only_its_run_a_fork_and_downloads_besides():
    allowed = EDGE | {f"studykit.{name}" for name in ("background", "sources", "tracking.run")}
    found = {
        path.name: beyond for path in modules(STAGES) if (beyond := of_the_kit(path) - allowed)
    }
    assert found == {}


def test_no_module_is_too_long():
    lengths = {
        name_of(path): len(path.read_text(encoding="utf-8").splitlines())
        for path in modules(ROOT / "src", STAGES)
    }
    assert {name: length for name, length in lengths.items() if length > MODULE} == {}


def test_no_function_is_too_long():
    found = {
        f"{name_of(path)}:{node.name}": length
        for path in modules(ROOT / "src", STAGES)
        for node in ast.walk(parse(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (length := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION
    }
    assert found == {}


def test_the_study_reads_in_an_evening():
    lines = sum(len(p.read_text(encoding="utf-8").splitlines()) for p in modules(STUDY, STAGES))
    assert lines <= HOUSE


def test_only_report_draws():
    def draws(stage):
        words = str(PIPELINE[stage].get("params")) + str(PIPELINE[stage].get("deps"))
        names_all = "libraries" in PIPELINE[stage].get("params", ())
        pictures = ".png" in str({k: v for k, v in PIPELINE[stage].items() if k != "deps"})
        return names_all or pictures or re.search("matplotlib|figures|mnist_study/report", words)

    assert {stage for stage in PIPELINE if draws(stage)} == {"report"}


def test_only_evaluation_imports_what_draws():
    drawing = {
        name_of(path)
        for path in modules(STUDY, STAGES)
        for name in imported(path)
        if re.match(r"matplotlib|mnist_study\.report\.figures", name)
    }
    assert drawing
    assert all(name.startswith(("src/mnist_study/report/", "stages/report")) for name in drawing)


def test_the_nets_are_found_in_one_place_and_listed_nowhere():
    defined, listed = set(), set()
    for path in modules(ROOT / "src"):
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if any(isinstance(t, ast.Name) and t.id == "NETS" for t in targets):
                    defined.add(name_of(path))
            if isinstance(node, ast.List | ast.Tuple | ast.Set | ast.Dict):
                items = node.keys if isinstance(node, ast.Dict) else node.elts
                constants = {item.value for item in items if isinstance(item, ast.Constant)}
                if {"dense", "cnn"} <= constants:
                    listed.add(name_of(path))
    assert defined == {"src/mnist_study/study.py"}
    assert listed == set()
