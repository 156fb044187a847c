"""`mnist-study data add PATH --name NAME`: add a data set to `datasets.yaml`."""

import os


def add_arguments(parser):
    """Describe the command line."""
    adding = parser.add_subparsers(required=True, metavar="add").add_parser("add")
    adding.add_argument("path", help="IDX, images by class in a folder, zip or tar, CSV, …")
    adding.add_argument("--name", required=True, help="of the entry, which data.name chooses")
    adding.add_argument("--title", help="for headings; default: the name")
    adding.add_argument("--noun", help="what one image shows; default: image")
    adding.add_argument("--replace", action="store_true", help="an entry of that name")


def run(arguments):
    """Write the entry, and say what was found; return the exit status."""
    from imagesets.add import add

    path = os.path.join(arguments.started_in, arguments.path)
    words = {key: getattr(arguments, key) for key in ("title", "noun", "replace")}
    found = add(path, arguments.name, **words)
    print("\n".join(found))
    print(f"Wrote its entry. Run the study on it: dvc exp run -S data.name={arguments.name}")
    return 0
