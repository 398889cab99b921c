"""Language: lists of texts in, lists of readings out. Imports nothing else of the project."""
