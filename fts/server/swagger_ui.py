"""Swagger UI: a page that lists and sends the requests of a contract; its files come from an installed package."""

from __future__ import annotations

from importlib import resources
from typing import Any

from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

MEDIA_TYPES = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}
# The browser may load from this host only.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
)


def swagger_ui_routes(document: dict[str, Any]) -> list[Route]:
    """Create the routes of the current contract's page, its document and the files of the page.

    Parameters
    ----------
    document : dict
        The OpenAPI document.
    """
    folder = resources.files("fastapi_swagger.resources")

    async def file(request: Request) -> Response:
        name = request.path_params["file"]
        if name not in MEDIA_TYPES:
            return Response(status_code=404)
        with resources.as_file(folder / name) as path:
            return FileResponse(path, media_type=MEDIA_TYPES[name])

    return [*page_routes(document, "docs", "docs/api.json"), Route("/docs/{file}", file)]


def page_routes(document: dict[str, Any], page_at: str, document_at: str) -> list[Route]:
    """Create the routes of a page and of the document that it shows.

    Parameters
    ----------
    document : dict
        The OpenAPI document.
    page_at, document_at : str
        Paths of both, without the first slash.
    """
    # Addresses are relative, so that the page works behind a proxy that adds a prefix.
    page = get_swagger_ui_html(
        title="fts exchange",
        openapi_url=document_at,
        swagger_js_url="docs/swagger-ui-bundle.js",
        swagger_css_url="docs/swagger-ui.css",
        swagger_favicon_url="docs/favicon-32x32.png",
        swagger_ui_parameters={"validatorUrl": None, "tryItOutEnabled": True},
    )
    page.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY

    async def show(request: Request) -> Response:
        return page

    async def describe(request: Request) -> Response:
        server = request.scope.get("root_path", "") or "/"
        return JSONResponse({**document, "servers": [{"url": server}]})

    return [Route(f"/{page_at}", show), Route(f"/{document_at}", describe)]
