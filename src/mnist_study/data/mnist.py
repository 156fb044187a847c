"""What every part of the study knows of MNIST."""

IMAGE_SIZE = 28  # pixels a side
NUM_CLASSES = 10  # digits 0–9
