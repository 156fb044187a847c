"""What descriptions in MLflow say: what came out, in their first words, and of what."""

from studykit.dotted import bounds

SHOWN = 3  # outputs that a sentence names


def figures(study, values):
    """The figures that the study puts first, each with its interval where there is one.

    Args:
        study: Study.
        values: number by the name that DVC has it by: the file's, then its keys.
    """
    titles = study.headlines(values)
    return [_figure(title, name, values) for name, title in titles.items()]


def figures_of_model(study, model, metrics):
    """The same of a model, whose training run has its metrics without the file and the model.

    Args:
        study: Study.
        model: its name.
        metrics: value by name: `val/accuracy` of its own, `test_accuracy` of what others found.
    """
    found = []
    for pattern, title in study.headline.items():
        before, _, keys = pattern.partition("{model}.")
        names = (f"{before}{keys}", keys) if keys else ()
        spelt = ((name.replace(".", mark), mark) for name in names for mark in ("/", "_"))
        if shown := next((each for each in spelt if each[0] in metrics), None):
            name, mark = shown
            found.append(_figure(title.replace("{model}", "").strip(), name, metrics, mark))
    return found


def result(found, paths=()):
    """A sentence of figures; or, where there are none, of the outputs that were written."""
    if found:
        return f"{', '.join(found)}."
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return f"Wrote {', '.join(list(paths)[:SHOWN])}{more}." if paths else "Finished."


def about(tags):
    """A sentence on an execution of the pipeline.

    Args:
        tags: of its run.
    """
    changed, commit = tags.get("changed"), tags["git.commit"][:7]
    if experiment := tags.get("dvc.experiment"):
        against = f"Changed against {tags.get('dvc.baseline', '')[:7]}: {changed or 'code or data'}"
        return f"{against}. `dvc exp apply {experiment}` brings it into the workspace."
    if tags["git.commit"] == "not committed":
        return f"Of a workspace{f', which changes {changed}' if changed else ''}."
    if changed:
        return f"Of commit {commit}, with {changed}, not committed."
    return f"Of commit {commit}{', with edits' if tags.get('git.dirty') == 'true' else ''}."


def of_version(data, model, found, name, version):
    """What a registered model's version is, and how to use it.

    Args:
        data: what its data are called.
        model: its name.
        found: figures, see `figures_of_model`.
        name: of the registered model.
        version: its number.
    """
    uri = f"models:/{name}/{version}"
    what = f"{data}, {model}" + (f": {', '.join(found)}." if found else ".")
    return f"{what}\n\n{use(uri)}"


def use(uri):
    """How to load and to serve a model."""
    return (
        f'Load it: `mlflow.pyfunc.load_model("{uri}")`.\n\n'
        f"Serve it: `mlflow models serve -m {uri} --env-manager local -p 5001`."
    )


def describe(experiment, run, text):
    """Give a Run a description, unless it has that one already."""
    if run.data.tags.get("mlflow.note.content") != text:
        experiment.client.set_tag(run.info.run_id, "mlflow.note.content", text)


def _figure(title, name, values, mark="."):
    text = f"{title} {spell(values[name])}"
    low, high = map(values.get, bounds(name, values, mark))
    if low is None or high is None:
        return text
    return f"{text} ({spell(low)} to {spell(high)})"


def spell(value):
    """A number as people read it: rounded to four figures."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
