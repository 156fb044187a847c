"""The study's own commands, beside those of the kit."""
