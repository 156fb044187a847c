"""Bring the data set's files, each checked against its SHA-256.

Reads the sources in `datasets.yaml`; writes `data/raw/`.
"""

from pathlib import Path

from imagesets.catalogue import find
from imagesets.fetching import fetch
from mnist_study.data.params import Data, Fetch
from studykit.errors import command
from studykit.params import load
from studykit.tracking.run import run

RAW = Path("data/raw")


def main():
    params = load(data=Data, fetch=Fetch)
    entry = find(params.data.name)
    with run("fetch"):
        sources = fetch(entry, RAW, timeout=params.fetch.timeout, retries=params.fetch.retries)
        for name, source in sources.items():
            print(f"{name}  {(RAW / name).stat().st_size:,} bytes  {source}")


if __name__ == "__main__":
    command(main)
