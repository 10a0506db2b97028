"""What `headcount doctor` looks at, a module for each subject.

A check yields findings and changes nothing. A `Repair` that it attaches to one is what
`--fix` may do: only to what is proven ours, and looked at once more right before.
"""
