"""Read all settings from the environment (see the README's table).

`.env` is read when present. Each secret may also come from a file named by `NAME_FILE`. Files that
`make run` or `make serve` wrote to `.local/` fill in what is still missing.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from launcher.local import local_environment

BASE_DIR = Path(__file__).resolve().parent.parent

environ.Env.read_env(BASE_DIR / ".env")
for _name, _value in local_environment().items():
    os.environ.setdefault(_name, _value)

env = environ.FileAwareEnv()

DEBUG = env.bool("DEBUG", default=False)
PORT = env.int("PORT", default=8000)
PUBLIC_URL = env.str("PUBLIC_URL", default=f"http://127.0.0.1:{PORT}").rstrip("/")
IS_HTTPS = PUBLIC_URL.startswith("https://")


def secret(name: str, *, at_least: int) -> str:
    """Read a secret. Raises ImproperlyConfigured if it is missing or weak, unless DEBUG is on."""
    value: str = env.str(name, default="")
    if DEBUG:
        return value or f"insecure-{name.lower()}-for-debugging-only-0123456789"
    if not value:
        raise ImproperlyConfigured(f"{name} is missing: set it, or {name}_FILE, in the environment.")
    if len(value) < at_least or len(set(value)) < 5 or value.startswith("insecure"):
        raise ImproperlyConfigured(f"{name} is too weak: use at least {at_least} random characters.")
    return value


SECRET_KEY = secret("SECRET_KEY", at_least=32)
CREDENTIALS_KEY = secret("CREDENTIALS_KEY", at_least=32)

ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS", default=["127.0.0.1", "localhost", urlsplit(PUBLIC_URL).hostname or "localhost"]
)
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[PUBLIC_URL] if IS_HTTPS else [])
TRUSTED_PROXY = env.str("TRUSTED_PROXY", default="")
DEMO = env.bool("DEMO", default=False)
"""Sample people with a public password and no second factor. `make run` sets it, on this machine alone."""
if DEMO and urlsplit(PUBLIC_URL).hostname not in ("127.0.0.1", "localhost"):
    raise ImproperlyConfigured("DEMO is for 127.0.0.1 alone: its passwords are public.")

INSTALLED_APPS = [
    "config",
    "dashboard",
    "billing",
    "measurements",
    "fulfillment",
    "devices",
    "patients",
    "tenovi",
    "clinics",
    "common",
    "axes",
    "knox",
    "rest_framework",
    "drf_spectacular",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "clinics.middleware.RequestLog",
    "tenovi.inbound.middleware.WebhookShortcut",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "clinics.middleware.SessionLimits",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False  # nothing ever redirects: the vendor would lose its credentials or its body

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

if "DATABASE_URL" not in os.environ and "DATABASE_URL_FILE" not in os.environ:
    raise ImproperlyConfigured(
        "DATABASE_URL is missing: name a PostgreSQL 15+ server, or start one with `make run` or `make serve`."
    )
DATABASES = {"default": env.db("DATABASE_URL", engine="common.database")}
DATABASES["default"] |= {
    "CONN_MAX_AGE": None,
    "CONN_HEALTH_CHECKS": True,
    "OPTIONS": {
        **DATABASES["default"].get("OPTIONS", {}),
        "connect_timeout": 2,  # a webhook is answered 503 within 3 s when the database is away
        "server_side_binding": True,  # lets the store statement be prepared: 2.4 times less database work
        "prepare_threshold": 2,
        "options": "-c jit=off",
    },
}
LOCK_DATABASE: dict[str, object] = {}
"""The database for the locks of API keys, where it is another one: never behind a pooler."""
if "LOCK_DATABASE_URL" in os.environ or "LOCK_DATABASE_URL_FILE" in os.environ:
    _locks = env.db("LOCK_DATABASE_URL", engine="common.database")
    LOCK_DATABASE = {name: _locks[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}
    LOCK_DATABASE["OPTIONS"] = DATABASES["default"]["OPTIONS"] | _locks.get("OPTIONS", {})
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", default="redis://127.0.0.1:6379/0")

AUTH_USER_MODEL = "clinics.User"
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "clinics.signing_in.lockout.SecondFactorBackend",
]
PASSWORD_RESET_TIMEOUT = 3 * 24 * 3600
AXES_HANDLER = "clinics.signing_in.lockout.Lockout"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = ["username", "ip_address"]  # each by itself; the order is Lockout's
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # else an attacker could lock out a user for ever
AXES_USERNAME_FORM_FIELD = "username"
AXES_USERNAME_CALLABLE = "clinics.signing_in.lockout.account_of"
AXES_CLIENT_IP_CALLABLE = "clinics.signing_in.lockout.address_of"
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True  # the audit record has sign-ins
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "code", "csrfmiddlewaretoken"]

SESSION_ENGINE = "clinics.signing_in.sessions"
SESSION_IDLE_MINUTES = env.int("SESSION_IDLE_MINUTES", default=15)
SESSION_COOKIE_AGE = 12 * 3600  # the idle limit is judged by the server: see clinics.signing_in.sessions
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
if IS_HTTPS:
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-session", "__Host-csrf"
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS, SECURE_HSTS_INCLUDE_SUBDOMAINS = 365 * 24 * 3600, True
if TRUSTED_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SILENCED_SYSTEM_CHECKS = [
    "axes.W002",  # the sign-in page tells of a lock-out itself, in its own look
    "security.W008",  # the TLS proxy redirects; here nothing does, or the vendor would lose a body
    "security.W021",  # preloading is the domain owner's decision
]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}

LANGUAGE_CODE = "en-us"  # outside a clinic; each clinic chooses its own, see clinics.models.Locale
FORMAT_MODULE_PATH = "common.formats"
USE_I18N = True
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
if (BASE_DIR / "static-packages").is_dir():  # copied from node_modules by the launcher, never committed
    STATICFILES_DIRS.append(BASE_DIR / "static-packages")
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "knox.auth.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["common.json_parser.StrictJsonParser"],
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_SCHEMA_CLASS": "clinics.openapi.ApiSchema",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Vitaldays",
    "VERSION": "1",
    "DESCRIPTION": "Readings, vital days, devices and deliveries of a clinic. See docs/api.md.",
    "SCHEMA_PATH_PREFIX": r"/api/v1/clinics/\{clinic\}",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {"AskStateEnum": "fulfillment.models.SpecialOrderRequestState"},
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "clinics.openapi.always_answer_every_member",
    ],
}
KNOX_TOKEN_MODEL = "clinics.ApiToken"
REST_KNOX = {"AUTH_HEADER_PREFIX": "Token", "TOKEN_TTL": None}

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 2, "socket_connect_timeout": 2}
CELERY_TASK_ACKS_LATE = False  # PostgreSQL is the queue; a lost wake-up costs seconds, never work
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

TENOVI_BASE_URL = env.str("TENOVI_BASE_URL", default="https://api2.tenovi.com").rstrip("/")
# Seconds between two requests with one key. The vendor allows one per second, so never below that.
TENOVI_SPACING_SECONDS = max(1.0, env.float("TENOVI_SPACING_SECONDS", default=1.05))
# The vendor's pages do not agree on these paths: tried in this order, the next one when one is unknown.
TENOVI_HARDWARE_LOG_PATHS = env.list(
    "TENOVI_HARDWARE_LOG_PATHS", default=["/hwi/hardware-uuid-logs/", "/hwi/hwi-hardware-uuid-logs/"]
)
TENOVI_SUPPLY_REQUESTS_PATHS = env.list(
    "TENOVI_SUPPLY_REQUESTS_PATHS", default=["/devices/supply-requests/", "/asr/supply-requests/"]
)

EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "common.json_logs.JsonLine"}},
    "filters": {"no_paths": {"()": "common.json_logs.RouteInsteadOfPath"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["no_paths"]},
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},  # once, not twice
        # A wake-up every second that found nothing to do is no news; one that failed is.
        "celery.beat": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "axes": {"level": "ERROR"},  # it would log who failed to sign in; the audit record has it
    },
}
