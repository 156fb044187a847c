"""From a picture to a trained net's answer: prepare, predict, serve, export.

MLflow models carry a copy of this package, and load with it alone. So what answers there imports
neither the kit nor a study: `serving`, `preparation`, `pictures`, `ink`, `objects` and `nets`.
"""
