"""Where the models of a revision were trained: what may explain other bytes of the same inputs."""

from studykit.records import origins


def origins_of(revision, md5s):
    """The machine that made an output, by the output's path.

    Args:
        revision: Revision.
        md5s: MD5 of each output, by path. What was noted of other bytes is left out.
    """
    return {
        path: {key: value for key, value in origin.items() if key != "md5"}
        for path, origin in origins.read(revision.tree).items()
        if origin.get("md5") == md5s.get(path)
    }


def describe_machine(origin):
    """A machine, in a few words.

    Args:
        origin: its properties by name, or None where they were not noted.
    """
    if not origin:
        return "on a machine that was not noted"
    named = [origin.get("processor"), origin.get("instruction_set")]
    caches = " ".join(f"{level} {size}" for level, size in origin.get("caches", {}).items())
    return f"on {', '.join(filter(None, [*named, caches]))}"


def table_of_machines(there, here):
    """Processor and versions side by side, and what a difference between them means.

    Args:
        there, here: properties by name, of the machine of the committed models and of this one.
    """
    names = list(there | here)
    rows = [(name, _brief(there.get(name)), _brief(here.get(name))) for name in names]
    rows = [("", "committed", "here"), *rows]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  ".join(f"{cell:{w}}" for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    unlike = [name for name in names if there.get(name) != here.get(name)]
    if not there or "processor" not in there:
        lines.append("Which processor the committed models came from was not noted.")
    elif unlike:
        lines.append(f"Other {', '.join(unlike)}: there, floating-point sums may differ.")
    else:
        lines.append("The same in all that is known: something undeclared changes the bytes.")
    return "\n".join(lines)


def _brief(value):
    if isinstance(value, dict):
        return " ".join(f"{key} {size}" for key, size in value.items())
    return "unknown" if value is None else str(value)
