# The exchange alone:
#     docker build -t fts .
#     docker run -p 127.0.0.1:8080:8080 -v fts-market:/data -e APP_SECRET fts
#     docker exec CONTAINER fts backup http://127.0.0.1:8080 /data/copy.duckdb
# Every setting is a variable too, such as APP_SCHEDULE__EVERY=10s; fts/server/README.md lists them.

FROM python:3.11-slim AS build
WORKDIR /build
RUN python -m venv /opt/fts && python -m pip install --quiet --disable-pip-version-check --no-cache-dir uv==0.13.9
ENV VIRTUAL_ENV=/opt/fts
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY fts fts
COPY apps apps
COPY notebooks notebooks
COPY data data
# Of all that the lock pins, with its hashes, what an exchange needs.
RUN uv build --quiet --wheel --build-constraints requirements.lock --require-hashes --out-dir dist
RUN uv pip install --quiet --no-cache --compile-bytecode --constraints requirements.lock \
    "fts-lab[server] @ file:///build/$(ls dist/*.whl)"

FROM python:3.11-slim
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin fts && install -d -o fts -m 0700 /data
COPY --from=build /opt/fts /opt/fts
ENV PATH=/opt/fts/bin:$PATH
ENV APP_SERVER__BIND_ADDRESS=0.0.0.0:8080
ENV APP_SERVER__LOG=json
ENV APP_DATABASE__DATABASE_PATH=/data/market.duckdb
# Loops compiled for this processor are kept with the market: the exchange may write nowhere else.
ENV NUMBA_CACHE_DIR=/data/compiled
USER fts
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/health', timeout=4)"]
ENTRYPOINT ["fts"]
CMD ["serve"]
