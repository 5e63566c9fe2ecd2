"""The explorer: a page to try every route on, made of files of an installed package."""

from __future__ import annotations

from importlib import resources
from typing import Any

from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

FILES = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}
# The browser is told to ask no other host for anything, whatever the page holds.
POLICY = "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"


def explorer(document: dict[str, Any]) -> list[Route]:
    """Routes of the explorer of the current contract, its document and the files of the page.

    Parameters
    ----------
    document : dict
        The OpenAPI document.
    """
    folder = resources.files("fastapi_swagger.resources")

    async def file(request: Request) -> Response:
        name = request.path_params["file"]
        if name not in FILES:
            return Response(status_code=404)
        with resources.as_file(folder / name) as path:
            return FileResponse(path, media_type=FILES[name])

    return [*explored(document, "docs", "docs/api.json"), Route("/docs/{file}", file)]


def explored(document: dict[str, Any], page_at: str, document_at: str) -> list[Route]:
    """Routes of a page to try routes on, and of the document that it shows.

    Parameters
    ----------
    document : dict
        The OpenAPI document.
    page_at, document_at : str
        Their paths, without the first slash.
    """
    # Addresses are relative, so that the page works under whatever path a proxy serves it.
    page = get_swagger_ui_html(
        title="fts exchange",
        openapi_url=document_at,
        swagger_js_url="docs/swagger-ui-bundle.js",
        swagger_css_url="docs/swagger-ui.css",
        swagger_favicon_url="docs/favicon-32x32.png",
        swagger_ui_parameters={"validatorUrl": None, "tryItOutEnabled": True},
    )
    page.headers["Content-Security-Policy"] = POLICY

    async def show(request: Request) -> Response:
        return page

    async def describe(request: Request) -> Response:
        server = request.scope.get("root_path", "") or "/"
        return JSONResponse({**document, "servers": [{"url": server}]})

    return [Route(f"/{page_at}", show), Route(f"/{document_at}", describe)]
