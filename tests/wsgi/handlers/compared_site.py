"""A site in Django that uses what sites use: forms, files, sessions, streams, conditions, redirects, errors."""

import hashlib
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseNotModified,
    HttpResponsePermanentRedirect,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.urls import path, reverse
from django.views import View

settings.configure(
    ROOT_URLCONF=__name__,
    SECRET_KEY="of a test",
    ALLOWED_HOSTS=["site.example"],
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    MESSAGE_STORAGE="django.contrib.messages.storage.cookie.CookieStorage",
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.locale.LocaleMiddleware",
        "django.middleware.http.ConditionalGetMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    LANGUAGES=[("en", "English"), ("de", "German")],
    DATA_UPLOAD_MAX_MEMORY_SIZE=100_000,
    LOGGING_CONFIG=None,
    USE_TZ=True,
)
django.setup()
for name in ("django", "django.request", "django.security"):
    logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # what is refused here is part of the test

from django.views.decorators.csrf import csrf_exempt  # noqa: E402 - it needs the settings
from django.views.decorators.http import condition, require_http_methods  # noqa: E402


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@csrf_exempt
def echo(request: HttpRequest, rest: str = "") -> JsonResponse:
    """Tell everything of the request that an application looks at."""
    files = {name: [file.name, file.content_type, digest(file.read())] for name, file in request.FILES.items()}
    form = {name: request.POST.getlist(name) for name in request.POST}
    body = "" if form or files or (request.content_type or "").startswith("multipart/") else digest(request.body)
    return JsonResponse(
        {
            "method": request.method,
            "scheme": request.scheme,
            "path": request.path,
            "path_info": request.path_info,
            "full": request.get_full_path(),
            "absolute": request.build_absolute_uri(),
            "host": request.get_host(),
            "rest": rest,
            "query": {name: request.GET.getlist(name) for name in request.GET},
            "form": form,
            "files": files,
            "body": body,
            "cookies": request.COOKIES,
            "address": request.META["REMOTE_ADDR"],
            "type": [request.content_type, request.content_params],
            "length": request.META.get("CONTENT_LENGTH", "") if request.method in ("POST", "PUT", "PATCH") else "",
            "headers": {name: value for name, value in request.headers.items() if name.startswith(("X-", "Accept"))},
        }
    )


@require_http_methods(["GET", "HEAD"])
def page(request: HttpRequest) -> HttpResponse:
    response = HttpResponse("<p>caf\u00e9 \u2603</p>\n")
    response.set_cookie("plain", "1", path="/", samesite="Lax")
    response.set_cookie("hidden", "two words", httponly=True, secure=True, domain="site.example")
    response.delete_cookie("old")
    return response


def counted(request: HttpRequest) -> HttpResponse:
    """Keep a number in the session, whose cookie is signed with the time."""
    request.session["count"] = request.session.get("count", 0) + 1
    response = HttpResponse(str(request.session["count"]), content_type="text/plain")
    request.session.modified = False
    return response


def stream(_request: HttpRequest, count: int) -> StreamingHttpResponse:
    def lines() -> Iterator[str]:
        for number in range(count):
            yield f"line {number}\n"

    return StreamingHttpResponse(lines(), content_type="text/plain; charset=utf-8")


def download(_request: HttpRequest) -> FileResponse:
    return FileResponse(open("/etc/passwd", "rb"), as_attachment=True, filename="caf\u00e9.txt")


def made_file(_request: HttpRequest) -> FileResponse:
    return FileResponse(io.BytesIO(b"x" * 100_000), filename="x.bin")


@condition(etag_func=lambda _request: '"fixed"')
def conditional(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("conditional", content_type="text/plain")


def redirected(_request: HttpRequest, way: str) -> HttpResponse:
    kinds: dict[str, Any] = {"found": HttpResponseRedirect, "moved": HttpResponsePermanentRedirect}
    return kinds[way](reverse("page")) if way in kinds else HttpResponseNotModified()


def status(request: HttpRequest, code: int) -> HttpResponse:
    return HttpResponse(b"" if code == 204 else f"status {code}", status=code, content_type="text/plain")


def failing(_request: HttpRequest) -> HttpResponse:
    raise ValueError("this view fails")


def missing(_request: HttpRequest) -> HttpResponse:
    raise Http404("nothing here")


def guarded(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.POST.get("a", ""))


class Methods(View):  # type: ignore[misc]  # Django has no types
    def get(self, _request: HttpRequest) -> HttpResponse:
        return HttpResponse("got")

    def delete(self, _request: HttpRequest) -> HttpResponse:
        return HttpResponse(status=204)

    def http_method_not_allowed(self, _request: HttpRequest, *_: Any, **__: Any) -> HttpResponse:
        return HttpResponseNotAllowed(["GET", "DELETE"], json.dumps({"error": "method"}))


urlpatterns = [
    path("echo", echo),
    path("echo/<path:rest>", echo),
    path("page/", page, name="page"),
    path("counted", counted),
    path("lines/<int:count>", stream),
    path("download", download),
    path("file", made_file),
    path("conditional", conditional),
    path("redirect/<str:way>", redirected),
    path("status/<int:code>", status),
    path("failing", failing),
    path("missing", missing),
    path("guarded", guarded),
    path("methods", csrf_exempt(Methods.as_view())),
]
application = get_wsgi_application()
