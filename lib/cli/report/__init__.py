"""The report as people see it: text, HTML and SVG."""
