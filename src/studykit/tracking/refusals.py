"""What a tracking server refused, in one line that says what to do about it."""

from studykit.errors import one_line

ADVICE = {  # by what MLflow's long messages hold
    "CERTIFICATE_VERIFY_FAILED": "the server's certificate is signed by nobody whom this machine "
    "knows; name the file of who signed it: MLFLOW_TRACKING_SERVER_CERT_PATH",
    "You are not authenticated": "the server expects a login, or another one than it received: "
    "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
    "'Permission denied'": "the server does not let this login do that; its administrator grants "
    "EDIT for the experiment and its registered models, or MANAGE to prune",
}


def say_refusal(error):
    """An error of a store, in one line."""
    said = one_line(error)
    return next((advice for mark, advice in ADVICE.items() if mark in said), said)
