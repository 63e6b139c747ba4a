"""POSIX shell as text: words, commands and syntax. Nothing is run but `sh -n`."""
