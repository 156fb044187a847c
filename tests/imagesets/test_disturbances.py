"""Images that are shifted, turned, noisy or blurred."""

import numpy as np
import pytest

from imagesets.disturbances import UNITS, disturb


@pytest.fixture
def dots():
    """uint8 (40, 9, 9, 1): a bright dot in the middle."""
    x = np.zeros((40, 9, 9, 1), np.uint8)
    x[:, 4, 4] = 200
    return x


def rng():
    return np.random.default_rng(0)


def test_a_shift_moves_each_image_to_one_of_the_four_sides(dots):
    shifted = disturb(dots, "shift", 3, rng())
    assert (shifted.dtype, shifted.shape) == (np.uint8, dots.shape)
    places = {tuple(int(at) for at in np.argwhere(image)[0][:2]) for image in shifted}
    assert places == {(1, 4), (7, 4), (4, 1), (4, 7)}
    assert (shifted.sum(axis=(1, 2, 3)) == 200).all()


def test_what_is_shifted_out_is_gone_and_what_comes_in_is_black():
    shifted = disturb(np.full((8, 4, 4, 3), 255, np.uint8), "shift", 1, rng())
    assert (shifted.sum(axis=(1, 2, 3)) == 255 * 12 * 3).all()


def test_a_rotation_by_a_right_angle_turns_a_bar():
    x = np.zeros((6, 7, 7, 1), np.uint8)
    x[:, 3] = 100
    turned = disturb(x, "rotation", 90, rng())
    assert (turned[:, :, 3] == 100).all()
    assert (turned.sum(axis=(1, 2, 3)) == 700).all()


def test_noise_has_the_standard_deviation_that_it_says_and_stays_in_range():
    noisy = disturb(np.full((50, 20, 20, 1), 128, np.uint8), "noise", 20, rng())
    assert noisy.std() == pytest.approx(20, rel=0.05)
    dark = disturb(np.zeros((50, 20, 20, 1), np.uint8), "noise", 20, rng())
    assert np.mean(dark == 0) == pytest.approx(0.51, abs=0.02)  # half of it would be negative


def test_a_blur_keeps_the_light_and_does_not_mix_images_or_colours():
    x = np.zeros((2, 15, 15, 3), np.uint8)
    x[0, 7, 7, 1] = 240
    blurred = disturb(x, "blur", 1, rng()).astype(int)
    assert blurred[0, ..., 1].sum() == pytest.approx(240, abs=8)
    assert blurred[0, 7, 7, 1] == pytest.approx(240 / (2 * np.pi), rel=0.1)
    assert blurred[0, ..., [0, 2]].sum() == blurred[1].sum() == 0


@pytest.mark.parametrize("kind", UNITS)
def test_the_same_seed_disturbs_the_same_way(kind):
    x = rng().integers(256, size=(40, 9, 9, 1)).astype(np.uint8)
    once, again = (disturb(x, kind, 2, rng()) for _ in range(2))
    assert (once == again).all()
    assert (once != x).any()
