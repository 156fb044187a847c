"""What a comparison shows of a model: curves, confusions, examples that only one gets right."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd


class ExampleGroup(NamedTuple):
    """Examples that only one revision's model gets right.

    Attributes:
        title: whose they are.
        images: list of uint8 (height, width).
        captions: of each: the label, and the predictions before and after.
    """

    title: str
    images: list
    captions: list[str]


def example_groups(comparison, base, head, *, images) -> Iterator[ExampleGroup]:
    """Groups of examples, those of them whose images a revision holds.

    Args:
        comparison: of the two.
        base, head: Results.
        images: shown at most, of each model and each kind.
    """
    known = base.examples | head.examples
    for flips in comparison.flips:
        for label, indices in ((comparison.base, flips.broken), (comparison.head, flips.mended)):
            shown = [index for index in indices if index in known][:images]
            if not shown:
                continue
            before, after = (results.predictions[flips.model] for results in (base, head))
            captions = [
                f"{before['label'][index]}: {before['prediction'][index]}"
                f" → {after['prediction'][index]}"
                for index in shown
            ]
            some = f"{len(shown)} of the " if len(shown) < len(indices) else ""
            examples = "example" if len(indices) == 1 else "examples"
            title = f"{flips.model}: {some}{len(indices)} {examples} that only {label} gets right"
            yield ExampleGroup(title, [known[index] for index in shown], captions)


def changed_histories(base, head):
    """The models whose curves are in both revisions and differ."""
    models = (model for model in head.histories if model in base.histories)
    return [model for model in models if not base.histories[model].equals(head.histories[model])]


def validation_metrics(*histories):
    """The columns of a history that are drawn: those on validation, or all, if none is.

    Args:
        histories: pandas.DataFrame with the column epoch.

    Returns:
        list of names of numeric columns that all histories have.
    """
    first, *others = histories
    shared = [
        column
        for column in first.select_dtypes("number")
        if column != "epoch" and all(column in other for other in others)
    ]
    return [column for column in shared if column.startswith(("val/", "val_", "val."))] or shared


def confusions(before, after):
    """Examples by label and prediction of two tables of predictions.

    Returns:
        The classes, ascending, and two int (classes, classes).
    """
    tables = [table[["label", "prediction"]] for table in (before, after)]
    if len({*map(str, tables[0].dtypes), *map(str, tables[1].dtypes)}) > 1:
        tables = [table.astype(str) for table in tables]  # words and numbers have no order
    classes = np.unique(np.concatenate([table.to_numpy().ravel() for table in tables])).tolist()
    return (
        classes,
        *(
            pd.crosstab(table["label"], table["prediction"])
            .reindex(index=classes, columns=classes, fill_value=0)
            .to_numpy()
            for table in tables
        ),
    )
