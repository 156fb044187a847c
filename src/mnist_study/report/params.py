"""The parameters of the stage report."""

from studykit.params import Count, Section


class Report(Section):
    """The section report: how many images the page shows at most, of each kind."""

    errors: Count
    confident_errors: Count
    disagreements: Count
