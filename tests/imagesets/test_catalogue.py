import pytest

from imagesets.catalogue import find, read_catalogue
from imagesets.fetching import fetch
from studykit.errors import UserError, hide_passwords
from tests.imagesets.making import entry
from tests.tiny_study import ROOT

MNIST_FILES = {
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
}


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write the repository's catalogue with replacements into the current folder."""
    monkeypatch.chdir(tmp_path)

    def write(*replacements):
        text = (ROOT / "datasets.yaml").read_text(encoding="utf-8")
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new, 1)
        (tmp_path / "datasets.yaml").write_text(text, encoding="utf-8")

    return write


def refusal(name="mnist"):
    with pytest.raises(UserError) as error:
        find(name)
    return str(error.value)


def test_every_entry_of_the_repository_is_right(write):
    write()
    entries = {name: find(name) for name in read_catalogue()}
    assert list(entries) == ["mnist", "fashion-mnist", "kmnist", "digits"]
    assert set(entries["mnist"].files) == MNIST_FILES
    assert {name: len(each.classes) for name, each in entries.items()} == dict.fromkeys(entries, 10)
    assert [each.value for each in entries["mnist"].claims] == [51000, 10000, 0.96, 0.99, 6]
    assert [each.claims for name, each in entries.items() if name != "mnist"] == [[], [], []]


def test_another_name_is_refused_with_the_nearest(write):
    write()
    assert refusal("minst") == (
        "params.yaml: data.name: expected a data set of datasets.yaml (mnist, fashion-mnist, "
        "kmnist, digits), received minst; did you mean mnist?"
    )


def test_a_hash_in_upper_case_is_fine(write):
    lower = "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
    write((lower, lower.upper()))
    assert find("mnist").files["train-images-idx3-ubyte"] == lower


def test_a_login_in_an_address_is_refused_since_dvc_would_keep_it(write):
    write(("  sources:\n", "  sources:\n    - https://ann:pass@127.0.0.1/mnist/\n"))
    said = hide_passwords(refusal())
    assert said.startswith(
        "datasets.yaml: mnist.sources: expected addresses without a login, which Git would keep: "
        "write it to ~/.netrc, received ['https://***@127.0.0.1/mnist/'"
    )


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("noun: digit #", "nuon: digit #", "mnist.nuon: unknown key, did you mean noun?"),
        (
            "format: idx",
            "format: png",
            "mnist.format: expected 'csv', 'folder', 'idx', 'npz' or 'parquet', received 'png'",
        ),
        (
            "ba891046",
            "zz891046",
            "mnist.files.train-images-idx3-ubyte: expected 64 hexadecimal digits, "
            "received 'zz891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db'",
        ),
        (
            "train: [train-images-idx3-ubyte,",
            "train: [images,",
            "mnist.train: expected names of its files, without images, received "
            "['images', 'train-labels-idx1-ubyte']",
        ),
        (
            '["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]',
            '["0"]',
            "mnist.classes: expected at least two names, each once, received ['0']",
        ),
        (
            '"1", "2"',
            '"2", "2"',
            "mnist.classes: expected at least two names, each once, received ['0', '2', "
            "'2', '3', '4', '5', '6', '7', '8', '9']",
        ),
        (
            "split: train, metric: images",
            "metric: images",
            "mnist.claims.0: expected either split or net, received {'metric': 'images', "
            "'value': 51000}",
        ),
    ],
    ids=["key", "format", "hash", "file", "one class", "twice", "claim"],
)
def test_a_mistake_is_refused_in_one_line(write, old, new, line):
    write((old, new))
    assert refusal() == f"datasets.yaml: {line}"


# Fetching

CONTENT = b"pictures"


def pets(folder):
    import hashlib

    (folder / "source").mkdir()
    (folder / "source/pets.zip").write_bytes(CONTENT)
    hashed = {"pets.zip": hashlib.sha256(CONTENT).hexdigest()}
    return entry(sources=[str(folder / "source")], files=hashed)


def test_the_files_of_another_data_set_are_removed(write, tmp_path):
    write()
    with (tmp_path / "datasets.yaml").open("a") as file:
        file.write("half: 1\nmore: {files: 1}\n")  # which nobody has asked for
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "digits.csv").write_bytes(b"of digits")
    fetch(pets(tmp_path), raw, timeout=1, retries=0)
    assert {path.name: path.read_bytes() for path in raw.iterdir()} == {"pets.zip": CONTENT}


def test_a_file_of_no_data_set_is_somebodys_and_stays(write, tmp_path):
    write()
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "notes.txt").write_bytes(b"mine")
    (raw / "digits.csv").write_bytes(b"of digits")
    with pytest.raises(UserError) as error:
        fetch(pets(tmp_path), raw, timeout=1, retries=0)
    assert str(error.value) == (
        f"{raw}/notes.txt: expected only files of data sets that datasets.yaml lists; move it "
        "elsewhere"
    )
    assert sorted(path.name for path in raw.iterdir()) == ["digits.csv", "notes.txt"]


def test_a_wrong_hash_is_told_in_full_with_the_key_to_change(write, tmp_path):
    write()
    wanted = entry(sources=[str(tmp_path)], files={"pets.zip": "0" * 64})
    (tmp_path / "pets.zip").write_bytes(b"")
    with pytest.raises(UserError) as error:
        fetch(wanted, tmp_path / "raw", timeout=1, retries=0)
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert str(error.value).splitlines() == [
        "datasets.yaml: pets.sources: no source has a right pets.zip:",
        f"  {tmp_path}: expected SHA-256 {'0' * 64}, received {empty}",
        "Put the files, gzipped or not, into a folder and give it as source: dvc exp run "
        "-S 'datasets.yaml:pets.sources=[/path/to/folder]', or edit it there.",
    ]
