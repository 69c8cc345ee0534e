"""The catalogue of Daymet's daily climate, as its archive would publish it: 3 regions, 159 items, 1,113 assets."""

REGIONS = {
    "na": ((-178.1333, 14.0749, -53.0567, 82.9143), range(1980, 2023)),
    "hi": ((-160.3056, 17.9539, -154.772, 23.5186), range(1980, 2023)),
    "pr": ((-67.9927, 16.8444, -64.1196, 19.9382), range(1950, 2023)),
}
VARIABLES = ("dayl", "prcp", "srad", "swe", "tmax", "tmin", "vp")


def documents(href="https://thredds.daac.ornl.gov/thredds/fileServer/ornldaac/2129/"):
    """Every document by its path below the root."""
    root = _catalog("daymet-daily-v4.5", [("child", f"./{region}/catalog.json") for region in REGIONS])
    found = {"catalog.json": root}
    for region, (box, years) in REGIONS.items():
        ids = [f"{region}-{year}" for year in years]
        found[f"{region}/catalog.json"] = _catalog(region, [("item", f"./{id}/{id}.json") for id in ids])
        for year in years:
            found[f"{region}/{region}-{year}/{region}-{year}.json"] = item(region, year, box, href)
    return found


def file(region, variable, year):
    """Its name."""
    return f"daymet_v4_daily_{region}_{variable}_{year}.nc"


def item(region, year, box, href):
    west, south, east, north = box
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": [],
        "id": f"{region}-{year}",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": list(box),
        "properties": {"datetime": f"{year}-01-01T00:00:00Z", "region": region},
        "links": [{"rel": "root", "href": "../../catalog.json"}, {"rel": "parent", "href": "../catalog.json"}],
        "assets": {
            key: {"href": href + file(region, key, year), "type": "application/netcdf", "roles": ["data"]}
            for key in VARIABLES
        },
    }


def _catalog(id, links):
    told = [{"rel": relation, "href": href} for relation, href in links]
    return {"type": "Catalog", "stac_version": "1.0.0", "id": id, "description": id, "links": told}
