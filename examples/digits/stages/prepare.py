"""Split scikit-learn's digits into train, val and test."""

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from studykit.errors import command
from studykit.files import write_arrays
from studykit.params import read
from studykit.tracking.run import run


def main():
    params = read()["prepare"]
    with run("prepare"):
        x, y = load_digits(return_X_y=True)
        held_out = {"random_state": params["seed"], "stratify": y}
        x, x_test, y, y_test = train_test_split(x, y, test_size=params["test_fraction"], **held_out)
        held_out["stratify"] = y
        x, x_val, y, y_val = train_test_split(x, y, test_size=params["val_fraction"], **held_out)
        write_arrays("data/train.npz", x=x, y=y)
        write_arrays("data/val.npz", x=x_val, y=y_val)
        write_arrays("data/test.npz", x=x_test, y=y_test)


if __name__ == "__main__":
    command(main)
