/* Two pictures, one on each side of a border that can be moved. */
"use strict";

const STEP = 0.02; // of the page's width, for a key

/** Cut both pictures at a border and let it be moved; returns what must be called when the view has moved. */
function swipe(viewer, [first, second]) {
  const handle = document.getElementById("swipe");
  let share = 0.5; // of the page's width

  function cut() {
    const border = viewer.viewport.pointFromPixel(new OpenSeadragon.Point(share * viewer.container.clientWidth, 0), true).x;
    clip(first, 0, columnAt(first, border));
    clip(second, columnAt(second, border), second.source.dimensions.x);
  }

  function moveTo(next) {
    share = Math.min(Math.max(next, 0), 1);
    document.documentElement.style.setProperty("--share", `${100 * share}%`);
    handle.setAttribute("aria-valuenow", Math.round(100 * share));
    cut();
  }

  handle.addEventListener("pointerdown", (event) => {
    handle.setPointerCapture(event.pointerId);
    event.preventDefault();
    handle.focus({ focusVisible: false });
  });
  handle.addEventListener("pointermove", (event) => {
    if (handle.hasPointerCapture(event.pointerId)) moveTo(event.clientX / window.innerWidth);
  });
  handle.addEventListener("keydown", (event) => {
    const next = { ArrowLeft: share - STEP, ArrowRight: share + STEP, Home: 0, End: 1 }[event.key];
    if (next === undefined) return;
    event.stopPropagation();
    event.preventDefault();
    moveTo(next);
  });
  handle.hidden = false;
  moveTo(share);
  return { cut, by: (steps) => moveTo(share + steps * STEP), share: () => share };
}

/** Show only the columns from `left` to `right` of a picture. */
function clip(item, left, right) {
  item.setOpacity(right > left ? 1 : 0);
  if (right > left) item.setClip(new OpenSeadragon.Rect(left, 0, right - left, item.source.dimensions.y));
}

/** The column of a picture at a place of the view, within the picture. */
function columnAt(item, x) {
  const bounds = item.getBoundsNoRotate(true);
  const column = ((x - bounds.x) / bounds.width) * item.source.dimensions.x;
  return Math.min(Math.max(column, 0), item.source.dimensions.x);
}
