"""The rules for content; each is a function that yields findings, and knows nothing of the rest."""
