import os
import resource
import subprocess
import sys
from importlib.metadata import version

import pytest

from mnist_study import params as study_params
from mnist_study.params import Params, check_stages
from studykit.errors import UserError
from studykit.params import check, read

STAGES = ("fetch", "preprocess", "train_dense", "train_cnn", "evaluate", "replicate", "report")

KERAS = version("keras")


@pytest.fixture
def write(repository, tmp_path, monkeypatch):
    """Write the repository's params.yaml with replacements into the current folder."""
    monkeypatch.chdir(tmp_path)
    text = (repository / "params.yaml").read_text(encoding="utf-8")

    def write(*replacements):
        changed = text
        for old, new in replacements:
            assert old in changed
            changed = changed.replace(old, new, 1)
        (tmp_path / "params.yaml").write_text(changed, encoding="utf-8")

    return write


def load():
    return check(Params, read())


def refusal():
    with pytest.raises(UserError) as error:
        load()
    return str(error.value)


def run_python(*args, folder, root):
    return subprocess.run(
        [sys.executable, *args],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": f"{root}{os.pathsep}{root / 'src'}"},
        capture_output=True,
        text=True,
    )


def test_the_repositorys_file_holds_the_studys_values(repository):
    params = check(Params, read(repository / "params.yaml"))
    assert params.preprocess.val_fraction == 0.15
    assert params.train_dense.model_dump() == {
        "hidden_layers": 5,
        "units": 30,
        "activation": "relu",
        "optimizer": "adam",
        "learning_rate": 0.001,
        "batch_size": 32,
        "shards": 1,
        "jit_compile": True,
        "epochs": 20,
    }
    assert params.train_cnn.model_dump() == {
        "filters": [20, 40, 60],
        "pool_size": 2,
        "kernel_sizes": [5, 3, 2],
        "units": 100,
        "dropout": 0.2,
        "activation": "relu",
        "optimizer": "adam",
        "learning_rate": 0.001,
        "batch_size": 32,
        "shards": 2,
        "jit_compile": False,
        "epochs": 20,
    }
    assert params.data.model_dump() == {"name": "mnist", "sizes": "refuse"}


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        pytest.param(
            "  units: 30\n",
            "  unit: 30\n",
            "train_dense.unit: unknown key, did you mean units?",
            id="misspelt key",
        ),
        pytest.param(
            "  units: 30\n",
            "  units: 30\n  unit: 31\n",
            "train_dense.unit: unknown key, did you mean units?",
            id="misspelt key beside the right one",
        ),
        pytest.param(
            "compute: #",
            "comput: #",
            "comput: unknown key, did you mean compute?",
            id="misspelt section",
        ),
        pytest.param(
            "  name: mnist",
            "  nam: mnist",
            "data.nam: unknown key, did you mean name?",
            id="misspelt key of the data",
        ),
        pytest.param(
            "  hidden_layers: 5\n",
            "  hidden_layers: 5\n  zebra: 1\n",
            "train_dense.zebra: unknown key, expected one of optimizer, learning_rate, "
            "batch_size, shards, jit_compile, epochs, hidden_layers, units, activation",
            id="key like no other",
        ),
        pytest.param(
            "  units: 30\n",
            "",
            "train_dense.units: expected a value, received none",
            id="missing key",
        ),
        pytest.param(
            "  units: 30\n",
            "  units:\n",
            "train_dense.units: expected a whole number of at least 1, received None",
            id="no value",
        ),
        pytest.param(
            "  units: 30\n",
            "  units: '30'\n",
            "train_dense.units: expected a whole number of at least 1, received '30'",
            id="string for int",
        ),
        pytest.param(
            "  units: 30\n",
            "  units: true\n",
            "train_dense.units: expected a whole number of at least 1, received True",
            id="bool for int",
        ),
        pytest.param(
            "  units: 30\n",
            "  units: 30.0\n",
            "train_dense.units: expected a whole number of at least 1, received 30.0",
            id="float for int",
        ),
        pytest.param(
            "  shards: 2",
            "  shards: 33",
            "train_cnn.shards: expected at most batch_size, 32, received 33",
            id="more shards than images",
        ),
        pytest.param(
            "  shards: 1",
            "  shards: 2",
            "train_dense.jit_compile: expected false with more than one of shards, whose sums XLA "
            "cannot compile, received True",
            id="parts of a batch that XLA cannot compile",
        ),
        pytest.param(
            "deterministic: true",
            "deterministic: 1",
            "compute.deterministic: expected true or false, received 1",
            id="int for bool",
        ),
        pytest.param(
            "instruction_set: AVX2",
            "instruction_set: AVX3",
            "compute.instruction_set: expected 'ALL', 'AVX512_CORE', 'AVX2', "
            "'AVX' or 'SSE41', received 'AVX3'",
            id="unknown instruction set",
        ),
        pytest.param(
            f'keras: "{KERAS}"',
            'keras: "3.0.0"',
            f"libraries.keras: expected {KERAS}, the version that is installed, received '3.0.0'",
            id="another version than that installed",
        ),
        pytest.param(
            "deterministic: true",
            "deterministic: yes",
            "compute.deterministic: expected true or false, received 'yes'",
            id="YAML 1.1's word for true",
        ),
        pytest.param(
            "batch_size: 32",
            "batch_size: 0",
            "train_dense.batch_size: expected a whole number of at least 1, received 0",
            id="batch size 0",
        ),
        pytest.param(
            "hidden_layers: 5",
            "hidden_layers: 3000",
            "train_dense.hidden_layers: expected a whole number in [1, 300], received 3000",
            id="more layers than Keras can walk through",
        ),
        pytest.param(
            "dropout: 0.2",
            "dropout: 1.5",
            "train_cnn.dropout: expected a number in [0, 1), received 1.5",
            id="dropout 1.5",
        ),
        pytest.param(
            "dropout: 0.2",
            "dropout: 1.0",
            "train_cnn.dropout: expected a number in [0, 1), received 1.0",
            id="dropout of everything",
        ),
        pytest.param(
            "val_fraction: 0.15",
            "val_fraction: 1",
            "preprocess.val_fraction: expected a number in (0, 1), received 1",
            id="val_fraction 1",
        ),
        pytest.param(
            "learning_rate: 0.001",
            "learning_rate: .nan",
            "train_dense.learning_rate: expected a number above 0, received nan",
            id="NaN",
        ),
        pytest.param(
            "learning_rate: 0.001",
            "learning_rate: .inf",
            "train_dense.learning_rate: expected a number above 0, received inf",
            id="infinity",
        ),
        pytest.param(
            "optimizer: adam",
            "optimizer: adan",
            "train_dense.optimizer: expected 'adam', 'adamw', 'nadam', 'rmsprop' or 'sgd', "
            "received 'adan'",
            id="unknown optimizer",
        ),
        pytest.param(
            "seed: 0 # of the shuffle",
            "seed: 4294967296 # of the shuffle",
            "preprocess.seed: expected a whole number in [0, 2**32), received 4294967296",
            id="seed beyond 32 bits",
        ),
        pytest.param(
            "kernel_sizes: [5, 3, 2]",
            "kernel_sizes: [5, 3]",
            "train_cnn.kernel_sizes: expected as many as filters, 3, received [5, 3]",
            id="too few kernel sizes",
        ),
        pytest.param(
            "kernel_sizes: [5, 3, 2]",
            "kernel_sizes: [5, 0, 2]",
            "train_cnn.kernel_sizes.1: expected a whole number of at least 1, received 0",
            id="item of a list",
        ),
        pytest.param(
            "filters: [20, 40, 60]",
            "filters: []",
            "train_cnn.filters: expected a list of whole numbers of at least 1, received []",
            id="empty list",
        ),
        pytest.param(
            "sizes: refuse",
            "sizes: crop",
            "data.sizes: expected 'refuse' or 'fit', received 'crop'",
            id="none of some words",
        ),
    ],
)
def test_a_mistake_is_refused_in_one_line(write, old, new, line):
    write((old, new))
    assert refusal() == f"params.yaml: {line}"


def test_a_wrong_kernel_is_not_reported_when_its_filters_are_wrong(write):
    write(("filters: [20, 40, 60]", "filters: 20"), ("[5, 3, 2]", "[99, 3]"))
    assert refusal() == (
        "params.yaml: train_cnn.filters: expected a list of whole numbers of at least 1, "
        "received 20"
    )


def stages_for(*nets):
    """What `dvc.yaml` has to have for nets, with outputs as it may write them."""
    models, histories, metrics = (
        [pattern.format(net) for net in nets]
        for pattern in ("models/{}.keras", "plots/train_{}/history.csv", "metrics/val/{}.json")
    )
    trained = {
        f"train_{net}": {"outs": [model, {history: {"cache": False}}], "metrics": [values]}
        for net, model, history, values in zip(nets, models, histories, metrics, strict=True)
    }
    params = ["libraries", {"datasets.yaml": ["mnist"]}, *trained]
    return trained | {
        "evaluate": {"deps": ["data/processed/test.npz", *models, *histories]},
        "report": {"deps": [*histories, *metrics, *models], "params": params},
    }


def test_the_repositorys_pipeline_has_stages_for_all_nets(repository):
    assert list(study_params.MODULES) == ["dense", "cnn"]
    check_stages(read(repository / "dvc.yaml")["stages"])


def test_a_pipeline_with_other_nets_is_taken(monkeypatch):
    monkeypatch.setattr(study_params, "MODULES", dict.fromkeys(("softmax", "b", "c")))
    check_stages(stages_for("softmax", "b", "c"))


@pytest.mark.parametrize(
    ("stage", "key", "lacking"),
    [
        ("train_softmax", "outs", "models/softmax.keras"),
        ("train_softmax", "outs", "plots/train_softmax/history.csv"),
        ("evaluate", "deps", "models/softmax.keras"),
        ("evaluate", "deps", "plots/train_softmax/history.csv"),
        ("report", "deps", "plots/train_softmax/history.csv"),
        ("train_softmax", "metrics", "metrics/val/softmax.json"),
        ("report", "deps", "metrics/val/softmax.json"),
        ("report", "params", "train_softmax"),
    ],
)
def test_what_dvc_yaml_lacks_for_a_net_is_told_in_one_line(monkeypatch, stage, key, lacking):
    """Also where the names of other nets begin or end in the same way."""
    nets = ("softmax", "softmax_2", "2_softmax")
    monkeypatch.setattr(study_params, "MODULES", dict.fromkeys(nets))
    stages = stages_for(*nets)
    items = stages[stage][key]
    items[:] = [item for item in items if lacking not in (item, *item)]  # of a dict, its keys
    with pytest.raises(UserError) as error:
        check_stages(stages)
    assert str(error.value) == (
        f"dvc.yaml: {stage}.{key}: expected {lacking}, received none; "
        "src/mnist_study/nets/softmax.py is a net of the study"
    )


@pytest.mark.parametrize("stage", ["train_softmax", "evaluate", "report"])
def test_a_stage_that_is_not_there_is_told(monkeypatch, stage):
    monkeypatch.setattr(study_params, "MODULES", {"softmax": None})
    stages = stages_for("softmax")
    del stages[stage]
    with pytest.raises(UserError, match=rf"^dvc\.yaml: {stage}\.\w+: expected "):
        check_stages(stages)


def test_parameters_are_refused_where_the_pipeline_lacks_a_net(repository, write, tmp_path):
    write()
    pipeline = (repository / "dvc.yaml").read_text(encoding="utf-8")
    without = pipeline.replace("      - metrics/val/cnn.json\n", "")
    assert without != pipeline
    (tmp_path / "dvc.yaml").write_text(without, encoding="utf-8")
    assert refusal() == (
        "dvc.yaml: report.deps: expected metrics/val/cnn.json, received none; "
        "src/mnist_study/nets/cnn.py is a net of the study"
    )
    (tmp_path / "dvc.yaml").write_text(pipeline, encoding="utf-8")
    assert load().data.name == "mnist"


def test_loading_imports_neither_tensorflow_nor_mlflow(repository):
    code = (
        "import sys; from mnist_study.params import Params; from studykit import params;"
        "params.check(Params, params.read());"
        "print([name for name in ('tensorflow', 'keras', 'mlflow') if name in sys.modules])"
    )
    done = run_python("-c", code, folder=repository, root=repository)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_a_training_stage_refuses_a_mistake_in_one_line_at_once(write, repository, tmp_path):
    write(("batch_size: 32", "batch_size: 0"))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = run_python("-m", "stages.train_dense", folder=tmp_path, root=repository)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 1
    assert done.stderr == (
        "error: params.yaml: train_dense.batch_size: expected a whole number of at least 1, "
        "received 0\n"
    )
    assert done.stdout == ""
    assert after.ru_utime - before.ru_utime < 1.5  # of CPU, which a busy machine does not stretch
    assert [path.name for path in tmp_path.iterdir()] == ["params.yaml"]


def test_no_stage_imports_tensorflow_before_it_has_checked_the_parameters(
    write, repository, tmp_path
):
    """Each stage finds a mistake in the section that it needs."""
    mistakes = {
        "fetch": ("timeout: 10", "timeout: 0"),
        "preprocess": ("val_fraction: 0.15", "val_fraction: 1"),
        "train_dense": ("hidden_layers: 5", "hidden_layers: 0"),
        "train_cnn": ("dropout: 0.2", "dropout: 1.5"),
        "evaluate": ("samples: 40", "samples: 0"),
        "replicate": ("confidence: 0.95", "confidence: 95"),
        "report": ("disagreements: 8", "disagreements: 0"),
    }
    assert set(mistakes) == set(STAGES)
    write(*mistakes.values())
    code = f"""
import runpy, sys
for stage in {STAGES}:
    try:
        runpy.run_module(f"stages.{{stage}}", run_name="__main__")
    except SystemExit as end:
        slow = [name for name in ("tensorflow", "keras", "mlflow") if name in sys.modules]
        print(stage, slow, end.code.replace("\\n", " "))
"""
    done = run_python("-c", code, folder=tmp_path, root=repository)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert [line.partition(" error: ")[0] for line in lines] == [f"{name} []" for name in STAGES]
    for line, (_, new) in zip(lines, mistakes.values(), strict=True):
        key, value = new.split(": ")
        assert f".{key}: expected " in line
        assert f", received {value}" in line
