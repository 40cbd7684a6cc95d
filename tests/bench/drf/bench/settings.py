"""Django as it is run in production: no debugging, pooled connections, prepared statements, no sessions."""

import os
import pathlib
from datetime import timedelta
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

KEYS = pathlib.Path(os.environ["KEYS"])
database = urlsplit(os.environ["DATABASE_URL"])

DEBUG = False
SECRET_KEY = "signs nothing here"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "bench.urls"
WSGI_APPLICATION = "bench.wsgi.application"
USE_TZ = True
TIME_ZONE = "UTC"
APPEND_SLASH = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "rest_framework",
    "rest_framework_simplejwt.token_blacklist",
    "bench",
]
MIDDLEWARE = ["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"]
AUTH_USER_MODEL = "bench.User"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": database.hostname,
        "PORT": database.port,
        "USER": database.username,
        "NAME": database.path.lstrip("/"),
        "OPTIONS": {
            # A connection for each thread of a worker.
            "pool": {"min_size": 4, "max_size": 4},
            "server_side_binding": True,
            "prepare_threshold": 2,
            # Django's own tables lie beside those of the platform.
            "options": "-c search_path=django,public",
        },
    }
}

REST_FRAMEWORK = {
    # Nobody is looked up for a token, as on the other sides.
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTStatelessUserAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
}

SIMPLE_JWT = {
    "ALGORITHM": "RS256",
    "SIGNING_KEY": load_pem_private_key((KEYS / "signing.pem").read_bytes(), None),
    "VERIFYING_KEY": load_pem_public_key((KEYS / "public.pem").read_bytes()),
    "ISSUER": os.environ["ISSUER"],
    "AUDIENCE": "crewdeck",
    "USER_ID_CLAIM": "sub",
    # The platform's own tokens name no type.
    "TOKEN_TYPE_CLAIM": None,
    "ACCESS_TOKEN_LIFETIME": timedelta(seconds=600),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=30),
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
}
