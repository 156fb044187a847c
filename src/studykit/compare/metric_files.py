"""Which files of metrics a `dvc.yaml` declares, and the numbers in them."""

from studykit.compare.parsing import metric_parser, numbers
from studykit.dotted import metric_prefix
from studykit.records.parameters import load_yaml
from studykit.records.pipeline import FILE


def declared_metrics(tree, pipeline):
    """The paths of the files and folders that are declared as metrics.

    Args:
        tree: Tree.
        pipeline: its Pipeline.
    """
    stages = pipeline.stages.values()
    paths = {out.path for stage in stages for out in stage.outs if out.kind == "metrics"}
    paths.update(load_yaml(tree, FILE).get("metrics", ()))  # those that no stage makes
    return sorted(paths)


def metric_paths(tree, declared, *, without=None):
    """The files of metrics that have a parser, those in folders, too.

    Args:
        tree: Tree.
        declared: what declared_metrics returned of it.
        without: path that is left out.
    """
    paths = [each for path in declared for each in _files(tree, path)]
    return [path for path in paths if path != without and metric_parser(path)]


def read_metrics(study, path, content, where):
    """The numbers of a file of metrics by their present name; see parsing.numbers."""
    held = metric_parser(path)(content, where)
    return study.by_present_name(numbers(held, metric_prefix(path), where))


def _files(tree, path):
    """A file that has a parser, and otherwise what lies below, if it is a folder."""
    return [path] if metric_parser(path) else tree.paths(path)
