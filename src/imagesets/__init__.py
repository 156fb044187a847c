"""Image data sets, from any format to arrays. This package knows no study and no pipeline."""
