"""Packages that lie in a folder, in place of an index: for tests that resolve versions."""

import re
import zipfile
from importlib import metadata

from tests.tiny_study import ROOT

LOCKED = re.compile(
    r"^([a-z][\w.-]*)==(\S+)(?: ; python_full_version (>= '[\d.]+'))?", re.MULTILINE
)


def write_wheel(folder, name, version, requires=(), *, fields=""):
    """A wheel without content.

    Args:
        folder: where.
        name: of the package.
        version: of the package.
        requires: what it requires, as its metadata say so.
        fields: further lines of the metadata.
    """
    stem = f"{name.replace('-', '_')}-{version}"
    needs = "".join(f"Requires-Dist: {each}\n" for each in requires)
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(
            f"{stem}.dist-info/METADATA",
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{fields}{needs}",
        )
        wheel.writestr(
            f"{stem}.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr(f"{stem}.dist-info/RECORD", "")


def write_wheels(folder):
    """A wheel for each package of the project's locks, which requires what the installed one does.

    A version for another Python requires that; a package for another system requires nothing.
    """
    folder.mkdir()
    for lock in ("requirements.lock", "requirements-dev.lock"):
        for name, version, python in LOCKED.findall((ROOT / lock).read_text("utf-8")):
            try:
                installed = metadata.distribution(name)
            except metadata.PackageNotFoundError:
                write_wheel(folder, name, version)
                continue
            extras = installed.metadata.get_all("Provides-Extra") or []
            fields = [f"Provides-Extra: {extra}\n" for extra in extras]
            if python:
                fields.append(f"Requires-Python: {python}\n".replace("'", ""))
            write_wheel(folder, name, version, installed.requires or [], fields="".join(fields))
