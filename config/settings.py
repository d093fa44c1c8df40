"""Every setting of Woolgather, in one file, read from a typed environment.

Nothing has to be set: without any variable this is the *embedded* shape (SQLite, a worker beside the web
server, files under ``var/``). ``DATABASE_URL`` and ``REDIS_URL`` switch to PostgreSQL and Redis.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import Any

import django_stubs_ext
import environ
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

# -- Shape ------------------------------------------------------------------------------------------------

WOOLGATHER_VAR = Path(env.str("WOOLGATHER_VAR", default=str(BASE_DIR / "var"))).resolve()
WOOLGATHER_VAR.mkdir(parents=True, exist_ok=True)
WOOLGATHER_DATASETS = WOOLGATHER_VAR / "datasets"
WOOLGATHER_RUNS = WOOLGATHER_VAR / "runs"
WOOLGATHER_MODELS = WOOLGATHER_VAR / "models"
# What an hour of the machine that trains costs, in whatever money; run cards and estimates then say what a run costs.
WOOLGATHER_PRICE_PER_HOUR = env.float("WOOLGATHER_PRICE_PER_HOUR", default=None)
# What a worker of the queue "train" starts manage.py finetune with: empty is this Python, "accelerate launch" its GPUs.
WOOLGATHER_TRAIN_LAUNCHER = env.str("WOOLGATHER_TRAIN_LAUNCHER", default="")
# A background build of more records than this is shared among the workers; 0: never.
WOOLGATHER_FAN_OUT_ROWS = env.int("WOOLGATHER_FAN_OUT_ROWS", default=200_000)
WOOLGATHER_DATASET_NAME = env.str("WOOLGATHER_DATASET_NAME", default="woolgather")

DATABASE_URL = env.str("DATABASE_URL", default=f"sqlite:///{WOOLGATHER_VAR / 'db.sqlite3'}")
REDIS_URL = env.str("REDIS_URL", default="")
# Embedded: one process group on one machine, for trying out and for small teams. A server of its own
# (PostgreSQL) or a public host name means production, where nothing may be guessed.
EMBEDDED = env.bool("WOOLGATHER_EMBEDDED", default=DATABASE_URL.startswith("sqlite"))
DEBUG = env.bool("DEBUG", default=False)


def _embedded_secret() -> str:
    """Return this installation's own key, made at first start and kept with its data."""
    path = WOOLGATHER_VAR / "secret_key"
    if not path.exists():
        # Linked whole: a process that starts at the same moment never reads a half-written key.
        own = path.with_name(f"secret_key.{os.getpid()}")
        with os.fdopen(os.open(own, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(64))
        with contextlib.suppress(FileExistsError):
            os.link(own, path)
        own.unlink()
    return path.read_text(encoding="utf-8").strip()


SECRET_KEY = env.str("SECRET_KEY", default="")
if not SECRET_KEY and EMBEDDED:
    SECRET_KEY = _embedded_secret()
MIN_SECRET_LENGTH = 50
if len(SECRET_KEY) < MIN_SECRET_LENGTH or SECRET_KEY.startswith("django-insecure"):
    raise ImproperlyConfigured(
        "Set SECRET_KEY to at least 50 random characters, for example: "
        'python -c "import secrets; print(secrets.token_urlsafe(64))"'
    )

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"] if EMBEDDED else [])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
SITE_URL = env.str("SITE_URL", default="http://localhost:8000")
HTTPS = env.bool("WOOLGATHER_HTTPS", default=not EMBEDDED)

# -- Applications -----------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "config.apps.WoolgatherAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "django_htmx",
    "template_partials",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "jobs",
    "ui",
    "collector",
    "leaderboard",
    "exports",
    "training",
    "operations",
]

MIDDLEWARE = [
    "ui.addresses.AddressMiddleware",
    "ui.middleware.PermissionsPolicyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "ui.middleware.EncodingMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "ui.limits.RateLimitMiddleware",
    "ui.middleware.LoginRequiredMiddleware",
    "ui.middleware.TimeZoneMiddleware",
    "ui.middleware.PrivateCacheMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["template_partials.templatetags.partials", "ui.templatetags.ui", "ui.templatetags.components"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "collector.views.common.site",
            ],
        },
    }
]

SILENCED_SYSTEM_CHECKS = [
    "auth.W004",  # an e-mail address is unique whatever its case, by the constraint person_email_unique
    "models.W040",  # covering columns of an index: PostgreSQL uses them, SQLite does without
]

# -- Data -------------------------------------------------------------------------------------------------

DATABASES: dict[str, dict[str, Any]] = {"default": env.db_url_config(DATABASE_URL)}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # WAL and IMMEDIATE: with the defaults, concurrent read-then-write transactions fail with "database is locked".
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
    }
    # A file: the in-memory database that threads would share has locks that ignore the time-out.
    DATABASES["default"]["TEST"] = {"NAME": str(WOOLGATHER_VAR / "test.sqlite3")}
else:
    DATABASES["default"]["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=60)
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    DATABASES["default"]["OPTIONS"] = {
        "connect_timeout": 3,
        "options": "-c statement_timeout=30000 -c lock_timeout=4000 -c timezone=UTC",
    }

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    # Rate limits and figures that can be counted again: losing it loses nothing. A database cache needs no service and
    # is shared by processes.
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    if EMBEDDED
    else {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache"},
    # Without Redis each web process counts for itself.
    "limits": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "woolgather",
        "OPTIONS": {"socket_timeout": 0.3, "socket_connect_timeout": 0.3},
    }
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "limits"},
}
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": WOOLGATHER_VAR / "media"},
    },
    # Released datasets: private, never under a URL of their own; a view authorises each download.
    "exports": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": WOOLGATHER_DATASETS},
    },
    # Embedded: straight from the checkout, so that the app serves without `collectstatic` too.
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"
        if EMBEDDED
        else "config.storage.ModuleStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = EMBEDDED

# -- People -----------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "collector.Person"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "account_login"

# Domains whose addresses may sign up by themselves; empty: by invitation only.
WOOLGATHER_SIGNUP_DOMAINS = [domain.lower() for domain in env.list("WOOLGATHER_SIGNUP_DOMAINS", default=[])]
ACCOUNT_ADAPTER = "config.accounts.AccountAdapter"
ACCOUNT_SIGNUP_FORM_CLASS = "collector.forms.SignupForm"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_USER_MODEL_EMAIL_FIELD = "email"
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = True
# A self-sign-up must prove its address; the embedded shape has no mail server and prints the link on the console.
ACCOUNT_EMAIL_VERIFICATION = env.str("WOOLGATHER_EMAIL_VERIFICATION", default="none" if EMBEDDED else "mandatory")
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[Woolgather] "
EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://")
EMAIL_BACKEND = EMAIL_CONFIG["EMAIL_BACKEND"]
EMAIL_HOST = EMAIL_CONFIG.get("EMAIL_HOST", "")
EMAIL_PORT = EMAIL_CONFIG.get("EMAIL_PORT", 25)
EMAIL_HOST_USER = EMAIL_CONFIG.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = EMAIL_CONFIG.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = EMAIL_CONFIG.get("EMAIL_USE_TLS", False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="woolgather@localhost")

# -- Limits -----------------------------------------------------------------------------------------------

# Lengths are limited in code points and in bytes; a longer text is refused with its length, never cut.
WOOLGATHER_MAX_CHARACTERS = env.int("WOOLGATHER_MAX_CHARACTERS", default=1_000_000)
WOOLGATHER_MAX_BYTES = env.int("WOOLGATHER_MAX_BYTES", default=4_000_000)
# Three texts of the largest size, percent-encoded, must still reach the form, which says what is too long.
DATA_UPLOAD_MAX_MEMORY_SIZE = env.int("DATA_UPLOAD_MAX_MEMORY_SIZE", default=48 * 2**20)
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000

# Days until something is forgotten (collector.actions.retention); 0: never.
WOOLGATHER_RETENTION_DAYS = {
    "addresses": env.int("WOOLGATHER_KEEP_ADDRESSES_DAYS", default=90),
    "notices": env.int("WOOLGATHER_KEEP_NOTICES_DAYS", default=180),
    "access": env.int("WOOLGATHER_KEEP_ACCESS_DAYS", default=90),
    "drafts": env.int("WOOLGATHER_KEEP_DRAFTS_DAYS", default=30),
    "jobs": env.int("WOOLGATHER_KEEP_JOBS_DAYS", default=30),
}
# How much one person asks for, in what time: ui.limits.
WOOLGATHER_LIMITS = {
    "write": env.str("WOOLGATHER_LIMIT_WRITES", default="600/minute"),
    "import": env.str("WOOLGATHER_LIMIT_IMPORTS", default="60/hour"),
    "api": env.str("WOOLGATHER_LIMIT_API", default="1200/minute"),
    "stranger": env.str("WOOLGATHER_LIMIT_STRANGERS", default="300/minute"),
}

# -- Background work --------------------------------------------------------------------------------------

CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A pool process that was killed leaves no result to wait for: take its successor's work at once.
CELERY_WORKER_LOST_WAIT = 1.0
CELERY_TIMEZONE = "UTC"
CELERY_TASK_DEFAULT_QUEUE = "default"
if REDIS_URL:
    CELERY_BROKER_URL = REDIS_URL
    # The worker's time-outs, longer than its blocking reads; a request's ring has shorter ones (jobs.bell).
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
        "socket_timeout": 10.0,
        "socket_connect_timeout": 2.0,
        "socket_keepalive": True,
    }
else:
    BROKER_DIR = WOOLGATHER_VAR / "broker"
    for folder in ("queue", "control"):
        (BROKER_DIR / folder).mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_URL = "filesystem://"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(BROKER_DIR / "queue"),
        "data_folder_out": str(BROKER_DIR / "queue"),
        "control_folder": str(BROKER_DIR / "control"),
    }
# The lease of a running job and how often it is renewed, in seconds: a killed worker's job is free after the lease.
JOBS_LEASE_SECONDS = env.float("JOBS_LEASE_SECONDS", default=30)
JOBS_HEARTBEAT_SECONDS = env.float("JOBS_HEARTBEAT_SECONDS", default=8)

# -- API --------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "collector.api_auth.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["collector.api_auth.ScopedPermission"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["collector.api_auth.StrictJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "collector.api_auth.CursorPages",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "collector.api_auth.problem_details",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Woolgather",
    "DESCRIPTION": "Collect, review and release an instruction dataset.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["collector.api_auth.ScopedPermission"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "DatasetStatus": "exports.models.DatasetVersion.Status",
        "CampaignStatus": "collector.models.Campaign.Status",
        "Licence": "collector.models.Licence",
        "SubmissionStatus": "collector.models.Submission.Status",
    },
}

# -- Security ---------------------------------------------------------------------------------------------

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("WOOLGATHER_BEHIND_PROXY", default=False) else None
)
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "ui.errors.csrf_failure"

# -- Language, time, static files -------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("de", _("German"))]
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = HTTPS
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(WOOLGATHER_VAR / "static")))

STATIC_ROOT.mkdir(parents=True, exist_ok=True)

# -- Logs: to stderr, so that a command's --json line is alone on stdout ------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "ui.logs.LineFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django.server": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "django.request": {"handlers": ["stderr"], "level": "ERROR", "propagate": False},
    },
}
