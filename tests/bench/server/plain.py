"""The peer: an exchange as one writes it first, with FastAPI's own layers and one DuckDB commit for each bid."""

from __future__ import annotations

import secrets
import subprocess
import sys
import time
from pathlib import Path
from uuid import UUID, uuid4

import httpx
from load import BIDDERS, Exchange, Load, wrk

APP = """
import sys, threading
import duckdb, jwt, uvicorn
from fastapi import FastAPI, Header, HTTPException
from pydantic import BaseModel

class Point(BaseModel):
    rate: float
    price: float

file, secret, port = sys.argv[1:]
app, lock, connection = FastAPI(), threading.Lock(), duckdb.connect(file)

@app.put("/demand/{demand}")
def put(demand: str, curve: list[Point], authorization: str = Header()):
    bidder = jwt.decode(authorization.removeprefix("Bearer "), secret, algorithms=["HS256"])["sub"]
    with lock:
        found = connection.execute("SELECT bidder::VARCHAR FROM demand WHERE id = ?", [demand]).fetchone()
        if found is None or found[0] != bidder:
            raise HTTPException(401)
        connection.execute("BEGIN")
        connection.execute("UPDATE curve SET valid_until = now() WHERE demand = ? AND valid_until IS NULL", [demand])
        connection.execute("INSERT INTO curve VALUES (?, ?, ?, now(), NULL)",
            [demand, [p.rate for p in curve], [p.price for p in curve]])
        connection.execute("COMMIT")
    return {"id": demand, "bidder": bidder, "curve": curve}

uvicorn.run(app, port=int(port), log_level="error")
"""
TABLES = """
CREATE TABLE demand (id UUID PRIMARY KEY, bidder UUID);
CREATE TABLE curve (demand UUID, rates DOUBLE[], prices DOUBLE[], valid_from TIMESTAMPTZ, valid_until TIMESTAMPTZ);
CREATE INDEX curve_of ON curve (demand);
"""


def run(folder: Path, seconds: float, script: str) -> Load:
    """The same load as ours."""
    import duckdb

    file, secret, bids = folder / "plain.duckdb", secrets.token_hex(32), folder / "plain.txt"
    with duckdb.connect(str(file)) as connection:
        connection.execute(TABLES)
        names = [(str(uuid4()), str(UUID(int=bidder))) for bidder in range(BIDDERS) for _ in range(20)]
        connection.executemany("INSERT INTO demand VALUES (?, ?)", names)
    port = 8000 + int(time.time()) % 1000
    words = [sys.executable, "-c", APP, str(file), secret, str(port)]
    with subprocess.Popen(words, text=True) as process:
        exchange = Exchange(f"http://127.0.0.1:{port}", file, secret, process)
        try:
            for _ in range(200):
                try:
                    httpx.get(exchange.url)
                    break
                except httpx.TransportError:
                    time.sleep(0.1)
            tokens = {bidder: exchange.token(UUID(bidder).int) for _, bidder in names}
            bids.write_text("\n".join(f"{name} {tokens[bidder]}" for name, bidder in names))
            return wrk(exchange, script % (0, bids), folder, seconds)
        finally:
            process.terminate()
