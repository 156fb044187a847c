"""The figures of the study: from arrays and tables to matplotlib, all in one style."""
