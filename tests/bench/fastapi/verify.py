"""Seconds that a check of a token takes."""

import os
import pathlib
import time

from auth import verified

tokens = pathlib.Path(os.environ["KEYS"], "tokens.txt").read_text().split()
started = time.perf_counter()
for token in tokens:
    verified(token)
print((time.perf_counter() - started) / len(tokens))
