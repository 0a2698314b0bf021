"""What the console answers: the page, the metrics, and whether it is well.

Each answer looks anew, on a thread of the server's pool; nothing is kept
between two. The page needs nothing but itself: no script, no other file, no
other machine; it asks for itself again every few seconds.
"""

from jinja2 import Environment, PackageLoader
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from sorterd.console.metrics import exposition
from sorterd.console.state import Station

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def build_app(station: Station) -> Starlette:
    """Return the console of one station, as an ASGI application."""
    templates = Environment(loader=PackageLoader("sorterd.console"), autoescape=True)
    page = templates.get_template("page.html")

    def show_page(request: Request) -> Response:
        del request
        return HTMLResponse(page.render(state=station.look()), headers=_HEADERS)

    def show_metrics(request: Request) -> Response:
        del request
        told = exposition(station.look())
        return Response(told, media_type=CONTENT_TYPE_LATEST, headers=_HEADERS)

    def show_health(request: Request) -> Response:
        del request
        state = station.look()
        told = state.told or "well"
        return PlainTextResponse(f"{told}\n", 503 if state.fault else 200, headers=_HEADERS)

    return Starlette(
        routes=[
            Route("/", show_page),
            Route("/metrics", show_metrics),
            Route("/healthz", show_health),
        ]
    )
