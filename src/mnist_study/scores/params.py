"""The parameters of the stages that judge: evaluate and replicate."""

from studykit.params import Count, Fraction, Section, Seed


class Claims(Section):
    """The section evaluate.claims: what the study states."""

    train_images: Count
    test_images: Count
    dense_accuracy: Fraction
    cnn_accuracy: Fraction
    dense_overfit_epoch: Count


class Evaluate(Section):
    """The section evaluate."""

    confidence: Fraction
    samples: Count
    seed: Seed
    calibration_bins: Count
    claims: Claims
