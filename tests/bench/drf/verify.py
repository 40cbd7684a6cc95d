"""Seconds that a check of a token takes."""

import os
import pathlib
import time

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "bench.settings"
django.setup()

from rest_framework_simplejwt.tokens import AccessToken  # noqa: E402

tokens = pathlib.Path(os.environ["KEYS"], "tokens.txt").read_text().split()
started = time.perf_counter()
for token in tokens:
    AccessToken(token)
print((time.perf_counter() - started) / len(tokens))
