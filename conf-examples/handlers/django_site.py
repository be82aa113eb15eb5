"""A site in Django, for django.conf: settings, addresses and pages in one file."""

import fcntl
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse

from mod_python import apache

STATE = Path(apache.main_server.get_options()["django.state"])
TEMPLATES = "django.template.backends.django.DjangoTemplates"
PROCESSORS = [
    "django.template.context_processors.request",
    "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages",
]
settings.configure(
    ROOT_URLCONF=__name__,
    # Of one installation: write your own, and keep it secret.
    SECRET_KEY="a long random text",
    ALLOWED_HOSTS=[".localhost"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": STATE / "django.sqlite"}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    INSTALLED_APPS=[f"django.contrib.{name}" for name in ("admin", "auth", "contenttypes", "sessions", "messages")],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        *(f"django.middleware.{name}" for name in ("common.CommonMiddleware", "csrf.CsrfViewMiddleware")),
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    TEMPLATES=[{"BACKEND": TEMPLATES, "APP_DIRS": True, "OPTIONS": {"context_processors": PROCESSORS}}],
    STATIC_URL="/static/",
    USE_TZ=True,
)
django.setup()

from django.contrib import admin  # noqa: E402 - they need the settings
from django.contrib.auth.models import User  # noqa: E402
from django.urls import path  # noqa: E402


def prepare() -> None:
    """Bring the tables up to date, and make a user. Other children wait."""
    with (STATE / "django.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        call_command("migrate", verbosity=0, interactive=False)
        if not User.objects.exists():
            User.objects.create_superuser("ann", password="secret")


def home(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"{User.objects.count()} user\n", content_type="text/plain")


urlpatterns = [path("", home), path("admin/", admin.site.urls)]
application = get_wsgi_application()
