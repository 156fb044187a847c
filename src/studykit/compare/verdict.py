"""The conclusion of a comparison in words: its one sentence, and the notes beside it."""

from studykit.compare.metrics import NOT_JUDGED
from studykit.compare.paired import say_p

OK, LOSS, INCOMPARABLE = 0, 1, 2  # exit statuses
HOLDS, REFUTED = "reproduced", "refuted"  # verdicts on claims
NOTED = {  # judgements that are worth a note, and what it says
    "gone": "gone, so not compared",
    "new": "new, so not compared",
    "moved": "moved further than its tolerance, which fails nothing",
    "small loss": "a loss beyond noise, and below the threshold",
}
MOST = 5  # names in a note


def conclude(status, metrics, broken, problems):
    """The verdict, in one sentence.

    Args:
        status: the exit status.
        metrics: list of MetricChange.
        broken: list of Change, the claims that no longer hold.
        problems: why something could not be compared.
    """
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
        if metric.test and metric.judgement in ("noise", "small loss", NOT_JUDGED)
    ]
    return f"No significant loss{': ' if compared else ''}{'; '.join(compared)}."


def describe_test(metric):
    """A tested metric's change, in words."""
    if metric.test is None:
        return metric.name
    change = metric.test.difference
    direction = "rose" if change > 0 else "fell" if change < 0 else "stayed"
    by = f" by {100 * abs(change):.2f} points" if change else ""
    judged = NOT_JUDGED if metric.p_value is None else say_p(metric.p_value)
    return f"{metric.name} {direction}{by} to {metric.after:.2%} ({judged})"


def say_stale(label, stages):
    """That results are stale, in words."""
    return f"the results of {label} are not those of its code: {', '.join(stages)}"


def no_longer_holds(claim):
    """Whether a claim held before, and is refuted or dropped now."""
    return claim.before == HOLDS and claim.after in (REFUTED, None)


def note_metrics(metrics):
    """A note for each judgement that is worth one."""
    for judgement, meaning in NOTED.items():
        names = [metric.name for metric in metrics if metric.judgement == judgement]
        if names:
            more = f" and {len(names) - MOST} more" if names[MOST:] else ""
            yield f"{meaning}: {', '.join(names[:MOST])}{more}"


def note_claims(claims, broken, excuse):
    """A note for each claim that fares otherwise, and fails nothing.

    Args:
        claims: list of Change, of verdicts.
        broken: those of them that fail the change.
        excuse: why the others do not.
    """
    for claim in claims:
        if claim in broken or not claim.before:
            continue
        if no_longer_holds(claim):
            yield (
                f"the claim {claim.name} is now {claim.after or 'dropped'}, {claim.before} before; "
                f"it is not judged: {excuse}"
            )
        elif claim.after not in (HOLDS, None):
            yield f"the claim {claim.name} is now {claim.after}, {claim.before} before"
