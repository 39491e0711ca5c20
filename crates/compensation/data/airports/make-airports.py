#!/usr/bin/env python3
"""Makes airports.csv.gz beside this file from the PyPI package airportsdata.

Owns the choice of rows and columns; README.md says what they mean. Refuses any other version of the source, and every
row that a reader could misread.

    python3 -m venv venv
    venv/bin/pip install --no-deps airportsdata==20260905
    venv/bin/python make-airports.py
"""

import csv
import gzip
import hashlib
import importlib.metadata
import importlib.util
import io
import re
import sys
from pathlib import Path

VERSION = "20260905"
SHA256 = "516c57d9d999f7a3be28ca649d2badbe3b972f07e57dc6173ab973b72d51cf52"


def source():
    """The airports of the package, refused unless they are byte for byte those this script was written for."""
    if importlib.metadata.version("airportsdata") != VERSION:
        sys.exit(f"needs airportsdata=={VERSION}")
    package = Path(importlib.util.find_spec("airportsdata").origin).parent
    data = (package / "airports.csv").read_bytes()
    if hashlib.sha256(data).hexdigest() != SHA256:
        sys.exit(f"airports.csv: not the file of airportsdata {VERSION}")
    return list(csv.DictReader(io.StringIO(data.decode("utf-8"))))


def row(airport):
    """One line: code, country, position to a metre, time zone."""
    code, country, zone = airport["iata"], airport["country"], airport["tz"]
    latitude, longitude = float(airport["lat"]), float(airport["lon"])
    if not re.fullmatch("[A-Z]{3}", code) or not re.fullmatch("[A-Z]{2}", country):
        sys.exit(f"{airport}: code or country")
    if not re.fullmatch("[A-Za-z0-9_+/-]+", zone) or abs(latitude) > 90 or abs(longitude) > 180:
        sys.exit(f"{airport}: zone or position")
    return f"{code},{country},{latitude:.5f},{longitude:.5f},{zone}\n"


def main():
    airports = sorted((airport for airport in source() if airport["iata"]), key=lambda airport: airport["iata"])
    codes = [airport["iata"] for airport in airports]
    if len(set(codes)) != len(codes):
        sys.exit("a code is there twice")
    table = "code,country,latitude,longitude,time_zone\n" + "".join(map(row, airports))
    # No name, no time: the same rows always make the same bytes, and the reader can rely on a header of ten bytes.
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=packed, mtime=0) as file:
        file.write(table.encode("ascii"))
    (Path(__file__).parent / "airports.csv.gz").write_bytes(packed.getvalue())
    zones, countries = {airport["tz"] for airport in airports}, {airport["country"] for airport in airports}
    print(f"{len(airports)} airports, {len(countries)} countries, {len(zones)} time zones")
    print(f"{len(table)} bytes of CSV, sha256 {hashlib.sha256(table.encode('ascii')).hexdigest()}")
    print(f"{len(packed.getvalue())} bytes compressed")


if __name__ == "__main__":
    main()
