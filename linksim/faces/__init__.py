"""What a graph can be turned into: a file, a diagram, a table of times."""
