"""The interactive `headcount watch`: a list of sessions to work in.

Only this package imports textual, and only the interactive watch imports the package.
"""
