/* The page: OpenSeadragon set up for satellite pictures, our own controls around it. */
"use strict";

const LARGEST_PIXEL = 64; // screen pixels for one of the picture
const MAP_PX = { wide: 190, high: 150 };
const MARGIN_PX = { across: 24, down: 68 }; // around the whole picture, so that it lies clear of title and reading
const pictures = globalThis.view?.pictures ?? [];
const body = document.body;

if (typeof OpenSeadragon === "undefined") say("The part that zooms, vendor/openseadragon.min.js, did not come.");
else if (!pictures.length) say("The facts of the picture, view.js, did not come.");
else start();

function say(words) {
  const message = body.appendChild(document.createElement("p"));
  message.className = "message";
  message.textContent = words;
}

function start() {
  sizeMap();
  const viewer = opened();
  globalThis.viewer = viewer; // for the curious, and for tests
  viewer.addHandler("open", () => ready(viewer));
  viewer.addHandler("open-failed", (event) => say(event.message));
  let lost = 0;
  viewer.addHandler("tile-load-failed", () => {
    lost += 1;
    byId("trouble").hidden = false;
    byId("trouble").textContent = lost === 1 ? "1 tile did not come" : `${lost} tiles did not come`;
  });
}

function opened() {
  const wide = pictures[0].width;
  return OpenSeadragon({
    element: byId("picture"),
    tileSources: pictures.map((picture) => ({
      tileSource: tileSource(picture),
      x: picture.at.left / wide,
      y: picture.at.top / wide,
      width: (picture.width * picture.at.scale) / wide,
    })),
    drawer: exactDrawer(),
    showNavigationControl: false,
    showNavigator: true,
    navigatorId: "map",
    navigatorDisplayRegionColor: "#8ecbff",
    gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
    gestureSettingsPen: { clickToZoom: false, dblClickToZoom: true },
    maxZoomPixelRatio: LARGEST_PIXEL,
    minZoomImageRatio: 0.7,
    visibilityRatio: 0.3,
    zoomPerScroll: 1.25,
    zoomPerClick: 2,
    animationTime: 0.7,
    springStiffness: 8,
    blendTime: 0.12,
    imageLoaderLimit: 8,
    maxImageCacheCount: 300,
    smoothTileEdgesMinZoom: Infinity,
    keyboardNavEnabled: false,
  });
}

/** The map has the shape of the picture. */
function sizeMap() {
  const scale = Math.min(MAP_PX.wide / pictures[0].width, MAP_PX.high / pictures[0].height);
  byId("map").style.width = `${Math.max(scale * pictures[0].width, 12)}px`;
  byId("map").style.height = `${Math.max(scale * pictures[0].height, 12)}px`;
}

function tileSource(picture) {
  return {
    width: picture.width,
    height: picture.height,
    tileSize: picture.tile,
    tileOverlap: picture.overlap,
    maxLevel: picture.levels - 1,
    getTileUrl: (level, column, row) => tileUrl(picture, level, column, row),
    tileExists(level, column, row) {
      return OpenSeadragon.TileSource.prototype.tileExists.call(this, level, column, row) && isWritten(picture, level, column, row);
    },
  };
}

/** Everything that needs the pictures in place. */
function ready(viewer) {
  const items = pictures.map((_, i) => viewer.world.getItemAt(i));
  body.classList.toggle("two-pictures", items.length > 1);
  describe();
  const border = items.length > 1 ? swipe(viewer, items) : null;
  const cursor = followCursor(viewer, items, border);
  let crisp;
  function moved() {
    border?.cut();
    const zoom = screenZoom(viewer, items[0]);
    if (crisp !== zoom >= 1) viewer.drawer.setImageSmoothingEnabled(!(crisp = zoom >= 1));
    byId("zoom").value = `${number(100 * zoom, zoom < 0.1 ? 1 : 0)} %`;
    const middle = items[0].viewportToImageCoordinates(viewer.viewport.getCenter(true));
    showScale(pictures[0], within(middle.x, pictures[0].width), within(middle.y, pictures[0].height), zoom / devicePixelRatio);
    cursor();
  }
  viewer.addHandler("viewport-change", moved);
  viewer.addHandler("animation-finish", () => keepPlace(viewer, items[0]));
  for (const item of items) item.addHandler("fully-loaded-change", () => (byId("busy").hidden = items.every((one) => one.getFullyLoaded())));
  addEventListener("hashchange", (event) => goToPlace(viewer, items[0], new URL(event.newURL).hash));
  controls(viewer, items[0], border);
  goHome(viewer, true);
  goToPlace(viewer, items[0], location.hash);
  moved();
}

function describe() {
  document.title = `${pictures.map((picture) => picture.title).join(" | ")} – gigascene`;
  for (const [i, card] of [...document.querySelectorAll(".card")].entries()) {
    const picture = pictures[i];
    card.hidden = !picture;
    if (!picture) continue;
    card.firstElementChild.textContent = picture.title;
    const where = picture.place ? [picture.place.code ? `${picture.place.crs} (${picture.place.code})` : picture.place.crs] : [];
    const facts = [`${number(picture.width)} × ${number(picture.height)} px`, `${picture.depth} bit`, ...where];
    card.lastElementChild.textContent = facts.join("  ·  ");
  }
}

/** Read out the pixel under the cursor, now and whenever the returned function is called. */
function followCursor(viewer, items, border) {
  let at = null;
  function read() {
    if (!at) return showNoPixel();
    const side = border && at.x > border.share() * viewer.container.clientWidth ? 1 : 0;
    const place = items[side].viewportToImageCoordinates(viewer.viewport.pointFromPixel(at, true));
    const [column, row] = [Math.floor(place.x), Math.floor(place.y)];
    const inside = column >= 0 && row >= 0 && column < pictures[side].width && row < pictures[side].height;
    if (inside) showPixel(pictures[side], column, row, screenZoom(viewer, items[side]));
    else showNoPixel();
  }
  viewer.element.addEventListener("pointermove", (event) => {
    const half = 0.5 / devicePixelRatio; // the middle of the screen's pixel
    at = new OpenSeadragon.Point(event.clientX + half, event.clientY + half);
    read();
  });
  viewer.element.addEventListener("pointerleave", () => {
    at = null;
    read();
  });
  return read;
}

/** Screen pixels, the real ones, for one of the picture. */
function screenZoom(viewer, item) {
  return item.viewportToImageZoom(viewer.viewport.getZoom(true)) * devicePixelRatio;
}

function zoomTo(viewer, item, zoom, immediately = false) {
  viewer.viewport.zoomTo(item.imageToViewportZoom(zoom / devicePixelRatio), null, immediately).applyConstraints(immediately);
}

/** All pictures, as large as fits. */
function goHome(viewer, immediately = false) {
  const whole = viewer.world.getHomeBounds();
  const { clientWidth, clientHeight } = viewer.container;
  const across = whole.width / Math.max(clientWidth - 2 * MARGIN_PX.across, 1);
  const scale = Math.max(across, whole.height / Math.max(clientHeight - 2 * MARGIN_PX.down, 1));
  const [width, height] = [scale * clientWidth, scale * clientHeight];
  const middle = whole.getCenter();
  const bounds = new OpenSeadragon.Rect(middle.x - width / 2, middle.y - height / 2, width, height);
  viewer.viewport.fitBounds(bounds, immediately);
}

/* The address keeps the place: #column,row,zoom of the middle. */

function keepPlace(viewer, item) {
  const middle = item.viewportToImageCoordinates(viewer.viewport.getCenter(true));
  const parts = [middle.x.toFixed(2), middle.y.toFixed(2), screenZoom(viewer, item).toPrecision(6)].map(Number);
  history.replaceState(null, "", `#${parts}`);
}

function goToPlace(viewer, item, hash) {
  const [x, y, zoom] = hash.slice(1).split(",").map(Number);
  if (!(zoom > 0 && Number.isFinite(x + y + zoom))) return;
  viewer.viewport.panTo(item.imageToViewportCoordinates(x, y), true);
  zoomTo(viewer, item, zoom, true);
}

/* Buttons and keys. */

function controls(viewer, item, border) {
  const { viewport } = viewer;
  const zoomBy = (factor) => viewport.zoomBy(factor).applyConstraints();
  const panBy = (x, y) => viewport.panBy(viewport.deltaPointsFromPixels(new OpenSeadragon.Point(x, y))).applyConstraints();
  const toggle = (id) => (byId(id).hidden = !byId(id).hidden);
  const buttons = {
    in: () => zoomBy(2),
    out: () => zoomBy(0.5),
    single: () => zoomTo(viewer, item, 1),
    home: () => goHome(viewer),
    full: () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen()),
    keys: () => byId("keys").setAttribute("aria-expanded", !toggle("help")),
  };
  const keys = {
    "+": buttons.in, "=": buttons.in, "-": buttons.out, _: buttons.out,
    0: buttons.home, 1: buttons.single, f: buttons.full, "?": buttons.keys, m: () => toggle("map"),
    ArrowLeft: () => panBy(-120, 0), ArrowRight: () => panBy(120, 0), ArrowUp: () => panBy(0, -120), ArrowDown: () => panBy(0, 120),
    "[": () => border?.by(-1), "]": () => border?.by(1),
  };
  for (const [id, act] of Object.entries(buttons)) byId(id).addEventListener("click", act);
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
}

function within(value, size) {
  return Math.min(Math.max(value, 0), size);
}
