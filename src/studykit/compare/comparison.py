"""What changed from one revision's results to another's, and whether it is more than noise.

Pure: two Results in, a Comparison out.
"""

from dataclasses import dataclass

from studykit.compare.causes import (
    not_comparable_metrics,
    same_inputs,
    stale_that_matter,
    unattributable_models,
)
from studykit.compare.changes import Change, Rerun, changes, compare_stages
from studykit.compare.metrics import (
    Flips,
    MetricChange,
    compare_accuracies,
    compare_metrics,
    same_examples,
)
from studykit.compare.results import Results
from studykit.compare.verdict import (
    INCOMPARABLE,
    LOSS,
    OK,
    conclude,
    no_longer_holds,
    note_claims,
    note_metrics,
    say_stale,
)


@dataclass(frozen=True)
class Comparison:
    """All that changed, and the conclusion.

    Attributes:
        problems: why something could not be compared.
        notes: what to know beside the verdict.
        verdict: one sentence.
        status: the exit status: OK, LOSS or INCOMPARABLE.
    """

    base: str
    head: str
    params: list[Change]
    reruns: list[Rerun]
    contents: list[Change]
    metrics: list[MetricChange]
    claims: list[Change]
    flips: list[Flips]
    problems: list[str]
    notes: list[str]
    verdict: str
    status: int


def compare(base: Results, head: Results, settings) -> Comparison:
    """Compare two revisions' results.

    Args:
        base, head: before and after.
        settings: DiffSettings.
    """
    not_judged = unattributable_models(base, head)
    accuracies, flips, unpaired = compare_accuracies(
        base.predictions,
        head.predictions,
        settings,
        names=head.accuracies | base.accuracies,
        not_judged=not_judged,
    )
    fatal = list(_fatal(base, head))
    left_out = set() if fatal else not_comparable_metrics(head)
    metrics = [*accuracies, *_other_metrics(base, head, settings, accuracies, left_out)]
    claims = changes(_verdicts(base.claims), _verdicts(head.claims))
    excuse = _excuse_of_claims(base, head)
    broken = [claim for claim in claims if not excuse and no_longer_holds(claim)]
    status = _status(fatal, metrics, broken, unpaired)
    problems = [*fatal, *unpaired]
    return Comparison(
        base=base.label,
        head=head.label,
        params=changes(base.params, head.params),
        reruns=compare_stages(base.lock.stages, head.lock.stages),
        contents=changes(_contents(base), _contents(head)),
        metrics=metrics,
        claims=claims,
        flips=flips,
        problems=problems,
        notes=[
            *_notes_on_inputs(base, head, fatal, accuracies, not_judged),
            *(note_metrics(metrics) if base.exist else ()),
            *(note_claims(claims, broken, excuse) if base.exist else ()),
        ],
        verdict=conclude(status, metrics, broken, problems),
        status=status,
    )


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


def _notes_on_inputs(base, head, fatal, accuracies, not_judged):
    """What to know of what the results were made from."""
    if base.exist and base.stale:
        yield say_stale(base.label, base.stale)
    if head.stale and not fatal:
        yield f"{say_stale(head.label, head.stale)}; the judgement does not need them"
    changed = {metric.name for metric in accuracies if metric.judgement == "not judged"}
    names = head.accuracies | base.accuracies
    for model, note in not_judged.items():
        if names.get(model, f"{model}.accuracy") in changed:
            yield note


def _contents(results):
    """MD5 by path of the outputs that Git knows by their MD5 only: data sets and models."""
    paths = {path for kind in ("data", "models") for path in results.paths.get(kind, {}).values()}
    return {path: md5 for path, md5 in results.lock.md5s.items() if path in paths}


def _verdicts(claims):
    return {name: claim["verdict"] for name, claim in claims.items()}
