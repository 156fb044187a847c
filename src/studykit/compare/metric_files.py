"""Which files of metrics a `dvc.yaml` declares."""

from studykit.compare.parsing import metric_parser, metric_prefix
from studykit.records.parameters import load_yaml
from studykit.records.pipeline import FILE


def metric_paths(tree, pipeline, *, without=None):
    """The files that are declared as metrics, and that have a parser, by their prefix.

    Args:
        tree: Tree.
        pipeline: its Pipeline.
        without: path that is left out.
    """
    stages = pipeline.stages.values()
    paths = {out.path for stage in stages for out in stage.outs if out.kind == "metrics"}
    paths.update(load_yaml(tree, FILE).get("metrics", ()))  # those that no stage makes
    return {
        metric_prefix(path): path
        for path in sorted(paths)
        if path != without and metric_parser(path)
    }
