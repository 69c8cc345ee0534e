/* From pixels to coordinates. Places are in pixels: x runs right, y down, and the corner of the first pixel is 0, 0. */
"use strict";

const EARTH_M = 6371008.8; // mean radius (Moritz 2000, Geodetic Reference System 1980)
const DEGREE_M = (EARTH_M * Math.PI) / 180;

/** Coordinates of a place in the picture's CRS. */
function projected(picture, x, y) {
  const [a, b, c, d, e, f] = picture.place.affine;
  return [a * x + b * y + c, d * x + e * y + f];
}

/** Longitude and latitude in degrees, or null; the same sums as `Nodes.at` in serve/place.py. */
function lonLat(picture, x, y) {
  const nodes = picture.place?.nodes;
  if (!nodes) return null;
  const rows = stencil(y / picture.height, nodes.lon.length);
  const columns = stencil(x / picture.width, nodes.lon[0].length);
  const first = nodes.lon[rows.first][columns.first];
  const sum = [0, 0, 0];
  for (const [i, down] of rows.weights.entries()) {
    for (const [j, across] of columns.weights.entries()) {
      const lon = nodes.lon[rows.first + i][columns.first + j];
      const lat = nodes.lat[rows.first + i][columns.first + j];
      if (lon === null || lat === null) return null;
      const terms = nodes.method === "vectors" ? vector(lon, lat) : [turned(lon - first), lat, 0];
      terms.forEach((term, axis) => (sum[axis] += down * across * term));
    }
  }
  return nodes.method === "vectors" ? angles(sum) : [turned(first + sum[0]), sum[1]];
}

/** Metres on the ground from a place to one `right` pixels to its right, or null. */
function groundMetres(picture, x, y, right) {
  const from = lonLat(picture, x, y);
  const to = lonLat(picture, x + right, y);
  if (!from || !to) return null;
  const [a, b] = [vector(...from), vector(...to)];
  const chord = Math.hypot(...a.map((value, axis) => value - b[axis]));
  return 2 * EARTH_M * Math.asin(Math.min(1, chord / 2));
}

/** The first of the up to four nodes around a fraction of an axis of `count` nodes, and their weights (Lagrange). */
function stencil(fraction, count) {
  const size = Math.min(4, count);
  const position = fraction * (count - 1);
  const first = Math.min(Math.max(Math.floor(position) - 1, 0), count - size);
  const nodes = [...Array(size).keys()];
  const others = (k) => nodes.filter((m) => m !== k);
  const weight = (k) => others(k).reduce((product, m) => (product * (position - first - m)) / (k - m), 1);
  return { first, weights: nodes.map(weight) };
}

function vector(lon, lat) {
  const [a, b] = [(lon * Math.PI) / 180, (lat * Math.PI) / 180];
  return [Math.cos(b) * Math.cos(a), Math.cos(b) * Math.sin(a), Math.sin(b)];
}

function angles([x, y, z]) {
  return [Math.atan2(y, x), Math.atan2(z, Math.hypot(x, y))].map((angle) => (angle * 180) / Math.PI);
}

/** A longitude brought to -180 to 180. */
function turned(lon) {
  return lon - 360 * Math.round(lon / 360);
}
