"""Bring the four files of MNIST, each checked against its SHA-256.

Reads the sources in `params.yaml`; writes `data/raw/`.
"""

from pathlib import Path

from mnist_study.data.params import Fetch
from studykit.errors import command
from studykit.params import load
from studykit.tracking.run import run

RAW = Path("data/raw")


def main():
    params = load(fetch=Fetch).fetch
    with run("fetch"):
        from studykit.sources import fetch_files  # only now: it takes a while to import

        sources = fetch_files(
            params.sources, params.sha256, RAW, timeout=params.timeout, retries=params.retries
        )
        for name, source in sources.items():
            print(f"{name}  {(RAW / name).stat().st_size:,} bytes  {source}")


if __name__ == "__main__":
    command(main)
