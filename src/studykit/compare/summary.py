"""What a summary shows of a comparison: the headline metrics of each model."""

from dataclasses import dataclass

from studykit.compare.metrics import MetricChange

# Judgements, those first that a reader has to see first.
IMPORTANT = ("loss", "gain", "small loss", "not judged", "noise")


@dataclass(frozen=True)
class ModelChange:
    """The headline metrics of a model.

    Attributes:
        model: its name; empty for metrics that are of no model.
        metrics: by the title of their column, the decisive one first.
    """

    model: str
    metrics: dict[str, MetricChange]

    @property
    def decisive(self):
        """The metric by which the model is judged: the one that is tested, else the first."""
        found = list(self.metrics.values())
        return next((metric for metric in found if metric.test), found[0])


def changes_of_models(metrics, headlines, accuracies):
    """The headline metrics of each model, and the accuracy that its predictions decide.

    Args:
        metrics: list of MetricChange.
        headlines: Headline by the name of a metric.
        accuracies: model to the name of that accuracy.

    Returns:
        list of ModelChange, in the order of the headlines.
    """
    known = {metric.name: metric for metric in metrics}
    shown = {name: (found.model or "", found.column) for name, found in headlines.items()}
    shown |= {
        name: (model, "accuracy") for model, name in accuracies.items() if name not in headlines
    }
    found: dict[str, dict[str, MetricChange]] = {}
    for name, (model, column) in shown.items():
        if name in known:
            found.setdefault(model, {})[column] = known[name]
    return [ModelChange(model, columns) for model, columns in found.items()]


def by_importance(models):
    """Names of the models, those that got worse first, and then those that got better."""

    def rank(change):
        judgement = change.decisive.judgement
        return IMPORTANT.index(judgement) if judgement in IMPORTANT else len(IMPORTANT)

    return [change.model for change in sorted(models, key=rank)]
