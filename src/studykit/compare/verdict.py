"""The conclusion of a comparison in words: its one sentence, and the notes beside it."""

from studykit.compare.metrics import NOT_JUDGED
from studykit.compare.paired import say_p

OK, LOSS, INCOMPARABLE = 0, 1, 2  # exit statuses
HOLDS, REFUTED = "reproduced", "refuted"  # verdicts on claims
REMOVED = "{} was removed"  # why a model's predictions make no pairs
MOST = 3  # accuracies that a sentence without a loss or a gain names


def conclude(status, metrics, models, claims, broken, problems, titles):
    """The verdict, in one sentence.

    Args:
        status: the exit status.
        metrics: list of MetricChange.
        models: list of ModelChange.
        claims: list of Change, of verdicts.
        broken: those of the claims that no longer hold.
        problems: why something could not be compared.
        titles: what to call a metric, by name.
    """

    def tell(*judgements):
        decisive = (model.decisive for model in models)
        return [
            describe(metric, titles)
            for metric in decisive
            if metric.test and metric.judgement in judgements
        ]

    others = [f"{model.model} is new" for model in models if model.decisive.judgement == "new"]
    others += [
        f"the claim {claim.name} is now {claim.after}"
        for claim in claims
        if claim not in broken and None not in (claim.before, claim.after)
    ]
    if status == INCOMPARABLE:
        rest = tell("gain", "noise", "small loss", NOT_JUDGED, "unchanged")
        return f"Could not compare: {'; '.join([*problems, *rest])}."
    if status == LOSS:
        lost = [
            f"the claim {claim.name} {'no longer holds' if claim.after else 'is dropped'}"
            for claim in broken
        ]
        return f"A loss: {'; '.join([*tell('loss'), *lost, *problems])}."
    if gains := tell("gain"):
        return f"A gain, and no significant loss: {'; '.join([*gains, *others])}."
    if all(metric.judgement == "unchanged" for metric in metrics):
        return f"{'; '.join(['No metric changed', *others])}."
    noise = tell("noise")
    if len(noise) > MOST:
        noise = [f"{len(noise)} accuracies changed by no more than chance explains"]
    if changed := noise + tell("small loss", NOT_JUDGED):
        others = changed + others
    elif unchanged := tell("unchanged"):
        others = unchanged[:MOST] + others
    return f"No significant loss{': ' if others else ''}{'; '.join(others)}."


def describe(metric, titles):
    """A tested metric's change, in words."""
    change = metric.test.difference
    direction = "rose" if change > 0 else "fell" if change < 0 else "stayed"
    by = f" by {100 * abs(change):.2f} points to" if change else " at"
    name = titles.get(metric.name, metric.name)
    if metric.judgement == "unchanged":
        return f"{name} is {metric.after:.2%}, as before"
    judged = NOT_JUDGED if metric.p_value is None else say_p(metric.p_value)
    return f"{name} {direction}{by} {metric.after:.2%} ({judged})"


def say_unpaired(unpaired):
    """Why models' predictions make no pairs, in words.

    Args:
        unpaired: by model, OTHER_EXAMPLES, GONE or REMOVED.

    Yields:
        A clause for each reason.
    """
    for reason in dict.fromkeys(unpaired.values()):
        *models, last = (model for model, its in unpaired.items() if its == reason)
        named = f"{', '.join(models)} and {last}" if models else last
        clause = reason.format(named)
        yield clause.replace(" was ", " were ") if models else clause


def say_stale(label, stages):
    """That results are stale, in words."""
    return f"the results of {label} are not those of its code: {', '.join(stages)}"


def no_longer_holds(claim):
    """Whether a claim held before, and is refuted or dropped now."""
    return claim.before == HOLDS and claim.after in (REFUTED, None)


def note_claims(claims, excuse):
    """Why claims that no longer hold fail nothing.

    Args:
        claims: list of Change, of verdicts.
        excuse: why, or None where they fail the change.
    """
    lost = [claim.name for claim in claims if no_longer_holds(claim)]
    if excuse and lost:
        yield f"no claim counts as lost: {excuse}"
