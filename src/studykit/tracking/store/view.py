"""The table and the charts that a link opens in MLflow's pages: a row per pipeline's execution.

MLflow reads what a page shows from a tag of the experiment, which its button "Share" writes, too.
"""

import json
import re
from collections import Counter

from studykit.tracking.store.experiment import name

VIEW = "results"
TAG = f"mlflow.sharedViewState.{VIEW}"
PIPELINES = "tags.kind = 'pipeline'"
PARAMETERS = 4  # columns, at most: those that have the most values
AXES = 6  # of parallel coordinates: parameters, at most
WIDE = 320  # pixels, of the column of names
FIRST = ("attributes.`Run Name`", "runDateAndNestInfo")  # columns that are always there


def save_view(experiment):
    """Choose columns, order and charts by the runs that there are.

    Args:
        experiment: Experiment.

    Returns:
        The part of the pages' addresses that shows the table.
    """
    runs = experiment.search(f"{PIPELINES} and attributes.status = 'FINISHED'")
    metrics, first = _headlines(experiment.study, runs)
    params = _varied([run.data.params for run in runs])[:AXES]
    values = [run.data.metrics for run in runs]
    decisive = (_varied(values, first) + _varied(values, metrics[len(first) :]))[:2]
    content = json.dumps(_state(metrics, params, decisive))
    tags = experiment.client.get_experiment(experiment.id).tags
    if tags.get(TAG) != content:
        experiment.client.set_experiment_tag(experiment.id, TAG, content)
    return (
        f"/#/experiments/{experiment.id}/runs"
        f"?viewStateShareKey={VIEW}&workflowType=machine_learning"
    )


def _headlines(study, runs):
    """Names of the runs' metrics in the order in which the study names them; those of the first."""
    titles = [re.escape(name(title)) for title in study.headline.values()]
    # `name` has replaced what MLflow does not take in names, and so the braces.
    patterns = [title.replace("_model_", ".+") for title in titles]

    def place(metric):
        fits = [at for at, pattern in enumerate(patterns) if re.fullmatch(pattern, metric)]
        return min(fits, default=len(patterns)), metric

    found = sorted({metric for run in runs for metric in run.data.metrics}, key=place)
    return found, [metric for metric in found if place(metric)[0] == place(found[0])[0]]


def _varied(rows, names=None):
    """Names by how many values the rows have of them, the most first; with one value, none."""
    names = sorted({each for row in rows for each in row}) if names is None else names
    counts = Counter({each: len({row.get(each) for row in rows}) for each in names})
    return [each for each, count in counts.most_common() if count > 1]


def _state(metrics, params, decisive):
    """What the page shows, as MLflow 3 keeps it: the best first by the first decisive metric."""
    best = decisive[0] if decisive else None
    results = [f"metrics.`{each}`" for each in metrics]
    varied = [f"params.`{each}`" for each in params[:PARAMETERS]]
    dataset, models, source = (f"attributes.`{each}`" for each in ("Dataset", "Models", "Source"))
    columns = [*results, dataset, *varied, models, source]
    return {
        "searchFilter": PIPELINES,
        "orderByKey": f"metrics.`{best}`" if best else "attributes.start_time",
        "orderByAsc": False,
        "selectedColumns": columns,
        "columnOrder": [*FIRST, *columns],
        "columnWidths": {FIRST[0]: WIDE} | {each: _width(each) for each in columns},
        "runsHiddenMode": "SHOW_ALL",
        "isAccordionReordered": True,
        **_charts(metrics, params, decisive),
    }


def _width(column):
    """Pixels in which a column can be read: names of data and models, or the column's own."""
    least = 170 if column.startswith("attributes") else 100
    return max(least, 36 + 6 * len(column.partition("`")[2]))


def _charts(metrics, params, decisive):
    """Charts: what each parameter does to the decisive metrics, and each result of each run."""
    section = "what the parameters do"
    scatter = [
        {
            "type": "SCATTER",
            "xaxis": {"key": param, "type": "PARAM"},
            "yaxis": {"key": decisive[0], "type": "METRIC"},
            "runsCountToCompare": 1000,
        }
        for param in params[:PARAMETERS]
        if decisive
    ]
    parallel = {"type": "PARALLEL", "selectedParams": params, "selectedMetrics": decisive[::-1]}
    bars = [{"type": "BAR", "metricKey": each, "displayName": each} for each in metrics]
    charts = [*([parallel] if params and decisive else []), *scatter, *bars]
    common = {"metricSectionId": section, "deleted": False, "isGenerated": False}
    return {
        "compareRunSections": [
            {"uuid": section, "name": section.capitalize(), "display": True, "isReordered": False,
             "deleted": False, "isGenerated": False},
        ],
        "compareRunCharts": [
            {"runsCountToCompare": 20, **chart, **common, "uuid": f"chart {number}"}
            for number, chart in enumerate(charts)
        ],
    }  # fmt: skip
