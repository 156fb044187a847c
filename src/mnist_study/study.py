"""The study, said once: which nets it compares, and how sentences call them."""

NETS = {"dense": "dense net", "cnn": "CNN"}  # in the order in which they are compared
