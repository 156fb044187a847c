"""What changed from one revision's results to another's, and whether it is more than noise.

Pure: two Results in, a Comparison out.
"""

from dataclasses import dataclass, replace

from studykit.compare.causes import (
    not_comparable_metrics,
    same_inputs,
    stale_that_matter,
    unattributable_models,
)
from studykit.compare.changes import Change, Rerun, changes, compare_stages
from studykit.compare.metrics import (
    GONE,
    NOT_COMPARED,
    OTHER_EXAMPLES,
    Flips,
    MetricChange,
    compare_accuracies,
    compare_metrics,
    same_examples,
)
from studykit.compare.reasons import Reason, find_reasons
from studykit.compare.results import Results
from studykit.compare.summary import ModelChange, by_importance, changes_of_models
from studykit.compare.verdict import (
    INCOMPARABLE,
    LOSS,
    OK,
    REMOVED,
    conclude,
    no_longer_holds,
    note_claims,
    say_stale,
    say_unpaired,
)


@dataclass(frozen=True)
class Comparison:
    """All that changed, and the conclusion.

    Attributes:
        verdict: one sentence.
        status: the exit status: OK, LOSS or INCOMPARABLE.
        reasons: what changed that may explain it, the decisive first.
        models: what a summary shows of each.
        confidence: of the intervals.
        problems: why something could not be compared.
        notes: what to know beside the verdict.
    """

    base: str
    head: str
    verdict: str
    status: int
    reasons: list[Reason]
    models: list[ModelChange]
    confidence: float
    claims: list[Change]
    problems: list[str]
    notes: list[str]
    params: list[Change]
    reruns: list[Rerun]
    contents: list[Change]
    metrics: list[MetricChange]
    flips: list[Flips]


def compare(base: Results, head: Results, settings) -> Comparison:
    """Compare two revisions' results.

    Args:
        base, head: before and after.
        settings: DiffSettings.
    """
    fatal = list(_fatal(base, head))
    not_judged = unattributable_models(base, head)
    metrics, flips, unpaired = _compare_metrics(base, head, settings, not_judged, fatal)
    headlines = head.headlines | base.headlines
    models = changes_of_models(metrics, headlines, _accuracies(base, head))
    exist = base.exist and head.exist
    claims = changes(_verdicts(base.claims), _verdicts(head.claims)) if exist else []
    excuse = _excuse_of_claims(base, head)
    broken = [claim for claim in claims if not excuse and no_longer_holds(claim)]
    status = _status(fatal, metrics, broken, unpaired)
    problems = fatal or list(say_unpaired(unpaired))
    titles = {name: headline.title for name, headline in headlines.items()}
    return Comparison(
        base=base.label,
        head=head.label,
        verdict=conclude(status, metrics, models, claims, broken, problems, titles),
        status=status,
        reasons=find_reasons(base, head, by_importance(models)) if exist else [],
        models=models,
        confidence=1 - settings.significance,
        claims=claims,
        problems=problems,
        notes=[
            *_notes_on_inputs(base, head, fatal, metrics, not_judged),
            *note_claims(claims, excuse),
        ],
        params=changes(base.params, head.params),
        reruns=compare_stages(base.lock.stages, head.lock.stages),
        contents=changes(_contents(base), _contents(head)),
        metrics=metrics,
        flips=flips,
    )


def _compare_metrics(base, head, settings, not_judged, fatal):
    """Judge every metric, as far as both are results of the same data and of their code.

    Returns:
        list of MetricChange, list of Flips, and by model why its predictions make no pairs.
    """
    names = _accuracies(base, head)
    tested, flips, unpaired = compare_accuracies(
        base.predictions, head.predictions, settings, names=names, not_judged=not_judged
    )
    for model, reason in unpaired.items():
        if reason == GONE and base.path("models", model) and not head.path("models", model):
            unpaired[model] = REMOVED
    left_out = set() if fatal else not_comparable_metrics(head)
    others = _other_metrics(base, head, settings, tested, left_out)
    if fatal:
        tested = [replace(metric, test=None, p_value=None) for metric in tested]
        return [_not_compared(metric) for metric in (*tested, *others)], [], unpaired
    if OTHER_EXAMPLES in unpaired.values():
        others = [_not_compared(metric) for metric in others]
    return [*tested, *others], flips, unpaired


def _accuracies(base, head):
    """Model to the name of the accuracy that its predictions decide."""
    models = (*head.predictions, *base.predictions)
    return {model: f"{model}.accuracy" for model in models} | head.accuracies | base.accuracies


def _not_compared(metric):
    return replace(metric, judgement=NOT_COMPARED)


def _fatal(base, head):
    """Why nothing can be compared."""
    for results in (base, head):
        if not results.exist:
            yield f"{results.label} has no results"
    if head.exist and (stale := stale_that_matter(head)):
        yield say_stale(head.label, stale)


def _status(fatal, metrics, broken, unpaired):
    if fatal:
        return INCOMPARABLE
    if broken or any(metric.judgement == "loss" for metric in metrics):
        return LOSS
    return INCOMPARABLE if unpaired else OK


def _other_metrics(base, head, settings, accuracies, left_out):
    """The metrics that no test covers, without those that are not the code's."""
    without = {metric.name for metric in accuracies} | left_out
    before, after = (
        {name: value for name, value in results.metrics.items() if name not in without}
        for results in (base, head)
    )
    return compare_metrics(before, after, settings.tolerances)


def _excuse_of_claims(base, head):
    """Why another verdict on a claim is nobody's doing, or None where somebody answers for it."""
    path = head.path("claims", "claims")
    if path is not None and same_inputs(base, head, path):
        return "the same inputs gave another result"
    for model, table in base.predictions.items():
        if model in head.predictions and not same_examples(table, head.predictions[model]):
            return "the test examples are others"
    return None


def _notes_on_inputs(base, head, fatal, metrics, not_judged):
    """What to know of what the results were made from."""
    if base.exist and base.stale:
        yield say_stale(base.label, base.stale)
    if head.stale and not fatal:
        yield f"{say_stale(head.label, head.stale)}; the judgement does not need them"
    changed = {metric.name for metric in metrics if metric.judgement == "not judged"}
    names = _accuracies(base, head)
    for model, note in not_judged.items():
        if names[model] in changed:
            yield note


def _contents(results):
    """MD5 by path of the outputs that Git knows by their MD5 only: data sets and models."""
    paths = {path for kind in ("data", "models") for path in results.paths.get(kind, {}).values()}
    return {path: md5 for path, md5 in results.lock.md5s.items() if path in paths}


def _verdicts(claims):
    return {name: claim["verdict"] for name, claim in claims.items()}
