"""The parameters of the stages that judge: evaluate and replicate."""

from studykit.params import Count, Fraction, Section, Seed


class Evaluate(Section):
    """The section evaluate."""

    confidence: Fraction
    samples: Count
    disturbed: Count
    seed: Seed
    calibration_bins: Count
