/* What stands under the cursor: pixel, coordinates, value; and the scale bar. */
"use strict";

const TILES_KEPT = 16;
const BAR_PX = 130; // longest scale bar

const byId = (id) => document.getElementById(id);
const number = (value, digits = 0) => value.toLocaleString("en", { maximumFractionDigits: digits });

/** Show what is known of the pixel in `column`, `row` of a picture; the value follows when it has come. */
function showPixel(picture, column, row, zoom) {
  const [x, y] = [column + 0.5, row + 0.5]; // coordinates are those of the pixel's centre
  byId("pixel").value = `${number(column)}, ${number(row)} px`;
  byId("projected").value = picture.place && !picture.place.geographic ? projectedText(picture, x, y) : "";
  byId("lonlat").value = lonLatText(picture, x, y);
  readValue(picture, column, row, zoom);
}

/** Nothing is under the cursor. */
function showNoPixel() {
  asked += 1;
  for (const id of ["pixel", "projected", "lonlat"]) byId(id).value = "";
  showValue("", null);
}

function projectedText(picture, x, y) {
  const [a, b] = picture.place.affine;
  const digits = Math.min(Math.max(2 - Math.floor(Math.log10(Math.hypot(a, b))), 0), 6);
  const unit = { metre: "m" }[picture.place.unit] ?? picture.place.unit;
  return projected(picture, x, y).map((value) => number(value, digits)).join("  ") + ` ${unit}`;
}

function lonLatText(picture, x, y) {
  const found = lonLat(picture, x, y);
  if (!found) return "";
  const pixelM = groundMetres(picture, x - 0.5, y, 1) || DEGREE_M;
  const digits = Math.min(Math.max(Math.ceil(Math.log10(DEGREE_M / pixelM)) + 1, 1), 9);
  const text = (value, names) => `${Math.abs(value).toFixed(digits)}° ${names[value < 0 ? 1 : 0]}`;
  return `${text(found[1], "NS")}  ${text(found[0], "EW")}`;
}

/* Values: stored numbers where the server can tell them, else the colours of the tile that is shown. */

let asked = 0; // only the latest question's answer is shown
let answering = Promise.resolve();

function readValue(picture, column, row, zoom) {
  const mine = (asked += 1);
  answering = answering.then(async () => {
    if (mine !== asked) return;
    const level = picture.values ? picture.levels - 1 : levelShown(picture, zoom);
    const found = await (picture.values ? storedValue : tileValue)(picture, column, row, level).catch(() => undefined);
    if (mine !== asked) return;
    if (found === undefined) showValue("", null);
    else showValue(valueText(picture, found, level), found && found.map((v) => v >> (picture.values ? picture.depth - 8 : 0)));
  });
}

function valueText(picture, found, level) {
  if (found === null) return "no data";
  const about = level < picture.levels - 1 ? "≈ " : "";
  const shown = picture.depth > 8 && !picture.values ? " of 255" : "";
  const names = found.length === 1 ? [""] : picture.bands.map((name) => name[0].toUpperCase() + " ");
  return about + found.map((value, i) => names[i] + value).join("  ") + shown;
}

function showValue(text, colour) {
  byId("value").value = text;
  const patch = document.querySelector(".value i");
  patch.hidden = !colour;
  if (colour) patch.style.background = `rgb(${colour.length === 1 ? [colour[0], colour[0], colour[0]] : colour})`;
}

async function storedValue(picture, column, row) {
  const answer = await fetch(picture.values.replace("{column}", column).replace("{row}", row));
  return answer.ok ? answer.json() : undefined;
}

/** Colour of a pixel in the tile of a level; null where it is transparent. */
async function tileValue(picture, column, row, level) {
  const [x, y] = [column, row].map((v) => Math.floor(v / 2 ** (picture.levels - 1 - level)));
  const [tileX, tileY] = [x, y].map((v) => Math.floor(v / picture.tile));
  if (!isWritten(picture, level, tileX, tileY)) return null;
  const context = await tilePixels(tileUrl(picture, level, tileX, tileY));
  const [left, top] = [tileX, tileY].map((v) => v * picture.tile - (v ? picture.overlap : 0));
  const [r, g, b, alpha] = context.getImageData(x - left, y - top, 1, 1).data;
  return alpha === 0 ? null : picture.bands.length === 1 ? [r] : [r, g, b];
}

const tiles = new Map(); // address → promise of a canvas

function tilePixels(url) {
  const found = tiles.get(url) ?? drawnTile(url);
  tiles.delete(url); // what was used last stands last
  tiles.set(url, found);
  if (tiles.size > TILES_KEPT) tiles.delete(tiles.keys().next().value);
  return found;
}

async function drawnTile(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${answer.status} ${url}`);
  const bitmap = await createImageBitmap(await answer.blob(), { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  return context;
}

/** Number of the level whose pixels are about those of the screen. */
function levelShown(picture, zoom) {
  return Math.min(Math.max(picture.levels - 1 + Math.ceil(Math.log2(zoom)), 0), picture.levels - 1);
}

function tileUrl(picture, level, column, row) {
  return picture.tiles.replace("{level}", level).replace("{column}", column).replace("{row}", row);
}

const bits = new Map(); // base64 → text of as many bytes

/** Whether a tile is there to be asked for: blank ones may have been left out, and are no trouble. */
function isWritten(picture, level, column, row) {
  const text = picture.written?.[level];
  if (!text) return true;
  if (!bits.has(text)) bits.set(text, atob(text));
  const place = row * Math.ceil(picture.width / 2 ** (picture.levels - 1 - level) / picture.tile) + column;
  return Boolean((bits.get(text).charCodeAt(place >> 3) >> (7 - (place & 7))) & 1);
}

/* The scale bar. */

/** Show a round distance at a place; `zoom` in CSS pixels of the screen for one of the picture. */
function showScale(picture, x, y, zoom) {
  const across = groundMetres(picture, x, y, 1 / zoom); // of one screen pixel
  byId("scale").hidden = !across;
  if (!across) return;
  const metres = roundBelow(BAR_PX * across);
  byId("scale").firstElementChild.textContent = metres >= 1000 ? `${number(metres / 1000)} km` : `${number(metres, 3)} m`;
  byId("scale").lastElementChild.style.width = `${metres / across}px`;
}

/** The largest of 1, 2, 5, 10, 20 … that is not above a number. */
function roundBelow(value) {
  const ten = 10 ** Math.floor(Math.log10(value));
  return ten * [5, 2, 1].find((step) => step * ten <= value);
}
