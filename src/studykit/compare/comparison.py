"""What changed from one revision's results to another's, and whether it is more than noise.

Pure: two Results in, a Comparison out. An accuracy is tested on the two revisions' predictions for
the same test images (McNemar, exact), all of them together at one level of significance (Holm); any
other metric is held against a tolerance. What is tested can fail a change; what is not is pointed
out.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from mnist_study.scores.uncertainty import PairedDifference, paired_difference
from studykit.compare.results import Results, flatten

OK, LOSS, INCOMPARABLE = 0, 1, 2  # exit statuses
HOLDS, REFUTED = "reproduced", "refuted"  # verdicts of claims.py
NOTED = {  # judgements that are worth a note, and what it says
    "gone": "gone, so not compared",
    "new": "new, so not compared",
    "moved": "moved further than its tolerance, which fails nothing",
    "small loss": "a loss beyond noise, and below the threshold",
}
CONTENTS = ("data/", "models/")  # outputs of which Git knows only the MD5


@dataclass(frozen=True)
class Change:
    """Anything by name, before and after; None where the revision lacks it."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Rerun:
    """A stage whose inputs or outputs changed, and why it ran again."""

    stage: str
    reasons: list[str]


@dataclass(frozen=True)
class MetricChange(Change):
    """A metric, before and after.

    Attributes:
        judgement: unchanged; new or gone; for a tested one loss, small loss (below the threshold),
            gain or noise; for any other moved or within tolerance.
        test: of the predictions behind it, or None.
        p_value: of the test, corrected for the number of tests, or None.
    """

    judgement: str
    test: PairedDifference | None = None
    p_value: float | None = None

    @property
    def difference(self):
        """After minus before, or None where one is lacking."""
        return None if None in (self.before, self.after) else self.after - self.before


@dataclass(frozen=True)
class Flips:
    """Test images, by index, that only the one revision's net gets right."""

    net: str
    broken: list[int]
    mended: list[int]


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
        settings: the section `diff` of the parameters.
    """
    accuracies, flips, unpaired = compare_accuracies(base.predictions, head.predictions, settings)
    tested = {metric.name for metric in accuracies}
    others = compare_metrics(base.metrics, head.metrics, settings.tolerances)
    metrics = [*accuracies, *(metric for metric in others if metric.name not in tested)]
    claims = _changes(_verdicts(base.claims), _verdicts(head.claims))
    fatal = [
        f"{results.label} has no results" for results in (base, head) if not _has_results(results)
    ]
    if head.stale and _has_results(head):
        fatal.append(say_stale(head))
    losses = [metric for metric in accuracies if metric.judgement == "loss"]
    broken = [claim for claim in claims if no_longer_holds(claim)]
    if fatal:
        status = INCOMPARABLE
    elif losses or broken:
        status = LOSS
    else:
        status = INCOMPARABLE if unpaired else OK
    return Comparison(
        base=base.label,
        head=head.label,
        params=_changes(base.params, head.params),
        reruns=compare_stages(base.lock, head.lock),
        contents=_changes(_md5s(base.lock), _md5s(head.lock)),
        metrics=metrics,
        claims=claims,
        flips=flips,
        problems=[*fatal, *unpaired],
        notes=list(_notes(base, metrics, claims)),
        verdict=conclude(status, metrics, broken, [*fatal, *unpaired]),
        status=status,
    )


def compare_accuracies(before, after, settings):
    """Test each net's accuracy on the predictions themselves, so that no renamed metric escapes.

    Args:
        before, after: net to its table of predictions.
        settings: the section `diff` of the parameters.

    Returns:
        list of MetricChange, list of Flips, and why the other nets' predictions make no pairs.
    """
    tests, flips, unpaired = {}, [], []
    for net, old in before.items():
        new = after.get(net)
        if new is None:
            unpaired.append(f"the predictions of {net} are gone")
        elif not np.array_equal(old["label"], new["label"]):
            unpaired.append(f"the test images of {net} are not the same")
        else:
            was, now = correct(old), correct(new)
            tests[net] = paired_difference(was, now, confidence=1 - settings.significance)
            flips.append(Flips(net, _indices(was & ~now), _indices(~was & now)))
    # Where no prediction's correctness changed there is nothing to test, and no chance of an alarm.
    differing = {
        net: test.p_value for net, test in tests.items() if test.only_first + test.only_second
    }
    p_values = dict(zip(differing, holm(list(differing.values())), strict=True))
    accuracies = [
        MetricChange(
            f"evaluate.{net}.test.accuracy",
            float(correct(before[net]).mean()),
            float(correct(after[net]).mean()),
            judge_test(test, p_values.get(net, 1.0), settings),
            test,
            p_values.get(net, 1.0),
        )
        for net, test in tests.items()
    ]
    return accuracies, flips, unpaired


def compare_metrics(before, after, tolerances):
    """Hold every metric against its tolerance.

    Args:
        before, after: number by name.
        tolerances: Tolerance by pattern of names; the first that fits counts.

    Returns:
        list of MetricChange.
    """
    return [
        MetricChange(
            name,
            before.get(name),
            after.get(name),
            judge_tolerance(name, before.get(name), after.get(name), tolerances),
        )
        for name in dict.fromkeys((*after, *before))
    ]


def judge_test(test, p_value, settings):
    """Judge a paired test by its corrected p-value."""
    if not test.only_first and not test.only_second:
        return "unchanged"
    if p_value >= settings.significance:
        return "noise"
    if test.difference > 0:
        return "gain"
    return "loss" if -test.difference >= settings.threshold else "small loss"


def judge_tolerance(name, before, after, tolerances):
    """Judge a metric that no test covers; without a tolerance that fits, any change is one."""
    if before is None or after is None:
        return "new" if before is None else "gone"
    if before == after:
        return "unchanged"
    allowed = 0.0
    for pattern, tolerance in tolerances.items():
        if fnmatchcase(name, pattern):
            relative = tolerance.relative is not None
            allowed = tolerance.relative * abs(before) if relative else tolerance.absolute
            break
    return "within tolerance" if abs(after - before) <= allowed else "moved"


def holm(p_values):
    """Correct p-values for the number of tests: below a level, at most that share of false alarms.

    Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal
    of Statistics 6 (1979).
    """
    order = np.argsort(p_values)
    steps = np.asarray(p_values)[order] * np.arange(len(order), 0, -1)
    corrected = np.empty(len(order))
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1) if len(order) else []
    return corrected.tolist()


def compare_stages(before, after):
    """Say which stages ran again and why, by two locks.

    Returns:
        list of Rerun, in the pipeline's order.
    """
    reruns = []
    for stage in dict.fromkeys((*after, *before)):
        if stage not in before or stage not in after:
            reruns.append(Rerun(stage, ["new stage" if stage in after else "removed"]))
        elif reasons := list(_why(before[stage], after[stage])):
            reruns.append(Rerun(stage, reasons))
    return reruns


def _why(before, after):
    if before["cmd"] != after["cmd"]:
        yield "command"
    old, new = (flatten(lock.get("params", {}).get("params.yaml", {})) for lock in (before, after))
    yield from (change.name for change in _changes(old, new))
    inputs = [{dep["path"]: dep["md5"] for dep in lock.get("deps", ())} for lock in (before, after)]
    yield from (change.name for change in _changes(*inputs))
    same_inputs = inputs[0] == inputs[1] and old == new and before["cmd"] == after["cmd"]
    if same_inputs and before.get("outs") != after.get("outs"):
        yield "same inputs, other outputs"


def no_longer_holds(claim):
    """Whether a claim held before, and is refuted or dropped now."""
    return claim.before == HOLDS and claim.after in (REFUTED, None)


def conclude(status, metrics, broken, problems):
    """The verdict, in one sentence."""
    by_judgement: dict[str, list[str]] = {}
    for metric in metrics:
        by_judgement.setdefault(metric.judgement, []).append(describe_test(metric))
    losses, gains = by_judgement.get("loss", []), by_judgement.get("gain", [])
    if status == INCOMPARABLE:
        return f"Could not compare: {'; '.join(problems)}."
    if status == LOSS:
        claims = [f"the claim {claim.name} no longer holds" for claim in broken]
        return f"A loss: {'; '.join([*losses, *claims])}."
    if gains:
        return f"A gain, and no significant loss: {'; '.join(gains)}."
    if set(by_judgement) <= {"unchanged"}:
        return "No metric changed."
    compared = [
        describe_test(metric)
        for metric in metrics
        if metric.test and metric.judgement in ("noise", "small loss")
    ]
    return f"No significant loss{': ' if compared else ''}{'; '.join(compared)}."


def describe_test(metric):
    """A tested metric's change, in words."""
    if metric.test is None:
        return metric.name
    change = metric.test.difference
    direction = "rose" if change > 0 else "fell" if change < 0 else "stayed"
    by = f" by {100 * abs(change):.2f} points" if change else ""
    return f"{metric.name} {direction}{by} to {metric.after:.2%} ({say_p(metric.p_value)})"


def say_p(p_value):
    """A p-value, as papers state it."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.2g}"


def correct(predictions):
    """Which rows of a table of predictions are right, bool (n,)."""
    return (predictions["label"] == predictions["prediction"]).to_numpy()


def _indices(mask):
    return np.flatnonzero(mask).tolist()


def _changes(before, after):
    """Change of each key whose value differs, in the order of the later."""
    return [
        Change(name, before.get(name), after.get(name))
        for name in dict.fromkeys((*after, *before))
        if before.get(name) != after.get(name)
    ]


def _md5s(lock):
    outs = (out for locked in lock.values() for out in locked.get("outs", ()))
    return {out["path"]: out["md5"] for out in outs if out["path"].startswith(CONTENTS)}


def _verdicts(claims):
    return {name: claim["verdict"] for name, claim in claims.items()}


def _has_results(results):
    return bool(results.metrics or results.predictions)


def say_stale(results):
    """That results are stale, in words."""
    return f"the results of {results.label} are not those of its code: {', '.join(results.stale)}"


def _notes(base, metrics, claims):
    if not _has_results(base):
        return
    if base.stale:
        yield say_stale(base)
    for judgement, meaning in NOTED.items():
        names = [metric.name for metric in metrics if metric.judgement == judgement]
        if names:
            more = f" and {len(names) - 5} more" if names[5:] else ""
            yield f"{meaning}: {', '.join(names[:5])}{more}"
    for claim in claims:
        if claim.before and claim.after not in (HOLDS, None) and not no_longer_holds(claim):
            yield f"the claim {claim.name} is now {claim.after}, {claim.before} before"
