"""studykit.versions: a library may be installed under the name of a build."""

from importlib.metadata import PackageNotFoundError

import pytest

from studykit.versions import version_of


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Function from a name to a distribution of it that is installed, of version 1.2."""
    monkeypatch.syspath_prepend(tmp_path)

    def install(name, version="1.2"):
        folder = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")

    return install


@pytest.mark.parametrize("name", ["xyzzy", "xyzzy-cpu", "xyzzy-gpu"])
def test_a_build_is_found_by_the_librarys_name(install, name):
    install(name)
    assert version_of("xyzzy") == "1.2"


def test_the_library_itself_goes_before_a_build(install):
    """As pip leaves it that installs another build over the one that is there."""
    install("xyzzy-cpu", "1.1")
    install("xyzzy")
    assert version_of("xyzzy") == "1.2"


def test_what_is_not_installed_is_told_by_its_own_name():
    with pytest.raises(PackageNotFoundError, match=r"^No package metadata was found for xyzzy$"):
        version_of("xyzzy")
