"""Programs made by a grammar: each demands something of an operand of the wrong kind.

Nearly every misuse is one sentence: this operation demands X of its operand, and the
operand is of kind Y. `kinds` and `demands` list the Ys and the Xs, `contexts` the ways an
operand reaches an operation and the places where that stands; `programs` puts them
together. Who makes a program knows what is wrong with it and what it should have printed,
so nothing here asks what today's rules say. `grading` runs the programs, `table` sums up.
"""
