"""The command `runs`: what there is of runs, and how they compare.

All that it says comes from Git, the working tree, and DVC's cache where metrics are kept there.
"""

import json
from pathlib import Path

from studykit.documents import plain
from studykit.dotted import bounds
from studykit.errors import UserError
from studykit.records.revisions import all_revisions
from studykit.runs import export
from studykit.runs.entries import read_entries
from studykit.runs.groups import main_metric
from studykit.runs.listing import label_groups, list_groups, list_runs
from studykit.runs.selection import metric_of, order, parse_condition, select
from studykit.runs.summary import as_text, headlines_of, sorted_groups, without
from studykit.study import load_study


def add_arguments(parser):
    """Describe the command line."""
    parser.add_argument(
        "names", nargs="*", metavar="NAME",
        help="of the workspace, branches, tags or experiments, with * and ?; default: all",
    )  # fmt: skip
    parser.add_argument(
        "--where", action="append", default=[], metavar="CONDITION",
        help="on a parameter: KEY, one of = != < <= > >=, and a value; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--sort", metavar="KEY",
        help="a metric, a parameter, name or when; default: the first headline of studykit.yaml",
    )  # fmt: skip
    parser.add_argument("--reverse", action="store_true", help="in the other order")
    parser.add_argument(
        "--group", action="store_true",
        help="a line a configuration: means over seeds, and paired tests against the first line",
    )  # fmt: skip
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="all of it, for a spreadsheet")
    form.add_argument("--json", action="store_true", help="all of it, for a program")
    form.add_argument("--md", metavar="FILE", help="Markdown, and a picture FILE.svg beside it")
    form.add_argument("--html", metavar="FILE", help="one page with its picture in it")


def run(arguments):
    """Read, select and print."""
    study = load_study()
    conditions = [parse_condition(text) for text in arguments.where]
    entries = read_entries(all_revisions(), study)
    entries = select(entries, arguments.names, conditions)
    if not entries:
        raise UserError("runs: expected names and conditions that fit a run, found none that fits")
    headlines = headlines_of(entries, study)
    entries = order(entries, arguments.sort, headlines, reverse=arguments.reverse)
    if arguments.group:
        _show_groups(arguments, entries, headlines, study)
    else:
        _show_runs(arguments, entries, headlines, study)
    return 0


def _show_runs(arguments, entries, headlines, study):
    if arguments.json:
        _print_json([export.run_as_dict(entry) for entry in entries])
    elif arguments.csv:
        export.write_csv(entries)
    elif arguments.md or arguments.html:
        panels = {
            title: [_point_of_run(entry.metrics, name) for entry in entries]
            for name, title in headlines.items()
        }
        listed = list_runs(entries, headlines, study, whole=True)
        _write(arguments, f"Runs of {study.name}", listed, [e.name for e in entries], panels)
    else:
        print(as_text(*list_runs(entries, headlines, study)))


def _show_groups(arguments, entries, headlines, study):
    metric = metric_of(arguments.sort, headlines) or main_metric(entries, headlines)
    groups, headlines = sorted_groups(entries, headlines, metric, reverse=arguments.reverse)
    if not groups:
        raise UserError("runs --group: expected runs with metrics of a stage, found none")
    pictured = bool(arguments.md or arguments.html)
    columns, notes = list_groups(groups, headlines, study, whole=pictured)
    notes = [*notes, *without(entries, metric, headlines)]
    if arguments.json:
        _print_json([export.group_as_dict(group) for group in groups])
    elif arguments.csv:
        export.write_csv_of_groups(groups, headlines)
    elif pictured:
        panels = {
            title: [_point_of_group(group, name) for group in groups]
            for name, title in headlines.items()
        }
        labels, _ = label_groups(groups)
        title = f"Configurations of {study.name}"
        _write(arguments, title, (columns, notes), labels, panels)
    else:
        print(as_text(columns, notes))


def _print_json(content):
    print(json.dumps(plain(content), indent=2, default=str, allow_nan=False))


def _write(arguments, title, listed, labels, panels):
    from studykit.runs import pages  # matplotlib is slow to import

    if not panels:
        raise UserError("runs: expected runs with metrics to draw, found none")
    path = Path(arguments.started_in, arguments.html or arguments.md)
    if not path.parent.is_dir():
        raise UserError(f"{path.parent}: expected a folder, found none")
    write = pages.write_html if arguments.html else pages.write_markdown
    columns, notes = listed
    write(path, title, columns, notes, labels, panels)


def _point_of_run(metrics, name):
    value = metrics.get(name)
    if value is None:
        return None
    return value, *map(metrics.get, bounds(name, metrics)), [value]


def _point_of_group(group, name):
    mean = group.means.get(name)
    return mean and (*mean[:3], list(group.values[name].values()))
