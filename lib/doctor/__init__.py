"""`headcount doctor`: one module per subject, each with the checks of that subject.

A check yields findings and changes nothing. A `Repair` attached to a finding is what
`--fix` may do: only to what is provably ours, and checked again right before.
"""
