"""Every setting of Woolgather, in one file, read from a typed environment.

Nothing has to be set: without any variable this is the *embedded* shape (SQLite, a worker beside the web
server, files under ``var/``). ``DATABASE_URL`` and ``REDIS_URL`` switch to PostgreSQL and Redis.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import django_stubs_ext
import environ
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from config import api, databases
from config.folders import Folders
from config.sign_in.options import required_roles, scim_secret, social_providers
from ui import logs

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

# -- Shape ------------------------------------------------------------------------------------------------

folders = Folders()
WOOLGATHER_VAR = folders.make(Path(env.str("WOOLGATHER_VAR", default=str(BASE_DIR / "var"))).resolve())
WOOLGATHER_DATASETS = WOOLGATHER_VAR / "datasets"
WOOLGATHER_RUNS = WOOLGATHER_VAR / "runs"
WOOLGATHER_MODELS = WOOLGATHER_VAR / "models"
# Where llama.cpp's converter is (`make gguf-deps` puts it beside this Python).
WOOLGATHER_GGUF_CONVERTER = Path(env.str("WOOLGATHER_GGUF_CONVERTER", default=f"{sys.prefix}/share/llama.cpp"))
# What an hour of the machine that trains costs, in whatever money; run cards and estimates then say what a run costs.
WOOLGATHER_PRICE_PER_HOUR = env.float("WOOLGATHER_PRICE_PER_HOUR", default=None)
# What a worker of the queue "train" starts manage.py finetune with: empty is this Python, "accelerate launch" its GPUs.
WOOLGATHER_TRAIN_LAUNCHER = env.str("WOOLGATHER_TRAIN_LAUNCHER", default="")
# A background build of more records than this is shared among the workers; 0: never.
WOOLGATHER_FAN_OUT_ROWS = env.int("WOOLGATHER_FAN_OUT_ROWS", default=200_000)
WOOLGATHER_DATASET_NAME = env.str("WOOLGATHER_DATASET_NAME", default="woolgather")
# Where released versions are kept for every host to serve: s3://BUCKET/PREFIX or gs://…; empty: this machine's disk.
WOOLGATHER_DATASETS_STORE = env.str("WOOLGATHER_DATASETS_STORE", default="")
# Backups that the sweeper has made by itself: every so many hours (0: never), and how many of them stay (0: all).
WOOLGATHER_BACKUP_EVERY_HOURS = env.int("WOOLGATHER_BACKUP_EVERY_HOURS", default=0)
WOOLGATHER_BACKUP_KEEP = env.int("WOOLGATHER_BACKUP_KEEP", default=0)

DATABASE_URL = env.str("DATABASE_URL", default=f"sqlite:///{WOOLGATHER_VAR / 'db.sqlite3'}")
REDIS_URL = env.str("REDIS_URL", default="")
# Embedded: one process group on one machine, for trying out and for small teams. A server of its own
# (PostgreSQL) or a public host name means production, where nothing may be guessed.
EMBEDDED = env.bool("WOOLGATHER_EMBEDDED", default=DATABASE_URL.startswith("sqlite"))
DEBUG = env.bool("DEBUG", default=False)

SECRET_KEY = env.str("SECRET_KEY", default="")
if not SECRET_KEY and EMBEDDED:
    SECRET_KEY = folders.key(WOOLGATHER_VAR)
# Keys of before a rotation: links, sessions and webhooks' secrets made with them stay good.
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
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
BEHIND_PROXY = env.bool("WOOLGATHER_BEHIND_PROXY", default=False)

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
    "allauth.socialaccount",
    "allauth.mfa",
    "config.sign_in",
    "django_htmx",
    "template_partials",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "jobs",
    "webhooks",
    "ui",
    "collector",
    "leaderboard",
    "exports",
    "training",
    "operations",
]

MIDDLEWARE = [
    "ui.requests.RequestMiddleware",
    "operations.metrics.CountMiddleware",
    "operations.metrics.MeasureMiddleware",
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
    "config.sign_in.middleware.SignInRulesMiddleware",
    "ui.middleware.TimeZoneMiddleware",
    "ui.middleware.PrivateCacheMiddleware",
    "ui.once.ReadOnceMiddleware",
    "ui.unavailable.AnotherTryMiddleware",
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

DATABASES = {"default": databases.configured(env, DATABASE_URL, WOOLGATHER_VAR)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Beyond Django's 300 entries a third is thrown away: whoever fills them would have the failed sign-ins forgotten.
ROOMY = {"MAX_ENTRIES": 200_000}
CACHES = {
    # Rate limits and figures that can be counted again: losing it loses nothing. A database cache needs no service and
    # is shared by processes.
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": ROOMY}
    if EMBEDDED
    else {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache", "OPTIONS": ROOMY},
    # What each process may keep for some seconds by itself.
    "process": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "process"},
    # Without Redis each web process counts for itself.
    "limits": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "woolgather",
        "OPTIONS": {"socket_timeout": 0.3, "socket_connect_timeout": 0.3},
    }
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "limits", "OPTIONS": ROOMY},
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
# Off: people come in by the company's providers alone (a one-time link of `add_person` still opens the door).
WOOLGATHER_PASSWORD_SIGN_IN = env.bool("WOOLGATHER_PASSWORD_SIGN_IN", default=True)
SOCIALACCOUNT_PROVIDERS = social_providers(env.list("WOOLGATHER_SSO", default=[]), os.environ)
SOCIALACCOUNT_ADAPTER = "config.sign_in.adapter.SocialAccountAdapter"
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"  # an address that the provider hasn't proved is refused
SOCIALACCOUNT_LOGIN_ON_GET = True  # a link, not a form: browsers hold a form's redirects to form-action
# Many sign in from one office's address; guessing is limited per account first.
ACCOUNT_RATE_LIMITS = {
    "login": env.str("WOOLGATHER_LIMIT_SIGN_INS", default="120/m/ip"),
    "login_failed": "30/m/ip,5/5m/key",
}
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("WOOLGATHER_TRUSTED_PROXIES", default=int(BEHIND_PROXY))
MFA_ADAPTER = "config.sign_in.mfa.MFAAdapter"
MFA_FORMS = {"add_webauthn": "config.sign_in.forms.PasskeyForm"}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True  # accounts that an admin or a provider made have proved theirs elsewhere
MFA_TOTP_ISSUER = "Woolgather"
MFA_TOTP_TOLERANCE = 1  # half a minute of clock skew
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS  # browsers themselves allow it on localhost alone
WOOLGATHER_REQUIRE_MFA = required_roles(env.list("WOOLGATHER_REQUIRE_MFA", default=[]))
WOOLGATHER_SCIM_TOKEN = scim_secret(env.str("WOOLGATHER_SCIM_TOKEN", default=""))
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[Woolgather] "
# EMAIL_HOST, EMAIL_PORT, EMAIL_USE_TLS, EMAIL_USE_SSL and so on.
globals().update(env.email_url("EMAIL_URL", default="consolemail://"))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="woolgather@localhost")

# -- Limits -----------------------------------------------------------------------------------------------

# Lengths are limited in code points and in bytes; a longer text is refused with its length, never cut.
WOOLGATHER_MAX_CHARACTERS = env.int("WOOLGATHER_MAX_CHARACTERS", default=2**20)
WOOLGATHER_MAX_BYTES = env.int("WOOLGATHER_MAX_BYTES", default=4 * 2**20)
# Three texts of the largest size, percent-encoded, must still reach the form, which says what is too long.
DATA_UPLOAD_MAX_MEMORY_SIZE = env.int("DATA_UPLOAD_MAX_MEMORY_SIZE", default=48 * 2**20)
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
WOOLGATHER_STREAMS = max(1, env.int("WOOLGATHER_WEB_THREADS", default=4) // 2)  # files that a process sends at once
WOOLGATHER_MAX_REQUEST_BYTES = 64 * 2**20  # of any kind, files included; the proxy has the same

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
        folders.make(BROKER_DIR / folder)
    CELERY_BROKER_URL = "filesystem://"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(BROKER_DIR / "queue"),
        "data_folder_out": str(BROKER_DIR / "queue"),
        "control_folder": str(BROKER_DIR / "control"),
    }
# The lease of a running job and how often it is renewed, in seconds: a killed worker's job is free after the lease.
JOBS_LEASE_SECONDS = env.float("JOBS_LEASE_SECONDS", default=30)
JOBS_HEARTBEAT_SECONDS = env.float("JOBS_HEARTBEAT_SECONDS", default=8)

# Hosts that webhooks may be sent to; empty: none, and the feature is off. Private addresses only in these networks.
WOOLGATHER_WEBHOOK_HOSTS = env.list("WOOLGATHER_WEBHOOK_HOSTS", default=[])
WOOLGATHER_WEBHOOK_NETWORKS = env.list("WOOLGATHER_WEBHOOK_NETWORKS", default=[])

# -- API --------------------------------------------------------------------------------------------------

REST_FRAMEWORK = api.REST_FRAMEWORK
SPECTACULAR_SETTINGS = api.SPECTACULAR_SETTINGS

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
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
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

folders.make(STATIC_ROOT)
# What of these could not be made: nothing is served then, and only commands that need no database run.
WOOLGATHER_UNWRITABLE = folders.failure

# -- Seen from outside: off unless set (config/observing.py); the words say where to -------------------------

# Who scrapes /metrics sends it as a bearer token; empty: there is no such page.
WOOLGATHER_METRICS_TOKEN = env.str("WOOLGATHER_METRICS_TOKEN", default="")
PROMETHEUS_LATENCY_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.4, 0.8, 1.5, 2.5, 5.0, 10.0, 30.0, float("inf"))
OTEL_EXPORTER_OTLP_ENDPOINT = env.str("OTEL_EXPORTER_OTLP_ENDPOINT", default="")
SENTRY_DSN = env.str("SENTRY_DSN", default="")

# -- Logs: to stderr, so that a command's --json line is alone on stdout ------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": logs.formatter(env.str("LOG_FORMAT", default="line"))},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django.server": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "django.request": {"handlers": ["stderr"], "level": "ERROR", "propagate": False},
    },
}
