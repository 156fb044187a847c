"""A model's file: it is loaded as data, and no code in it is run."""

import pytest

from mnist_study.compute import keras
from mnist_study.scores import prediction
from studykit.errors import UserError


def test_a_file_that_holds_code_is_refused_in_a_line(tmp_path):
    path = tmp_path / "lambda.keras"
    keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x + 1)]).save(path)
    with pytest.raises(UserError, match=r"expected a model without code, .*Lambda") as refused:
        prediction.load(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\3\4 cut off"])
def test_a_damaged_file_is_refused_in_a_line(tmp_path, content):
    path = tmp_path / "damaged.keras"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"damaged\.keras: expected a model without code, received"):
        prediction.load(path)
