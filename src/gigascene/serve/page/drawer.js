/* OpenSeadragon's canvas drawer, made exact: at 100 % every pixel of the picture is one of the screen. */
"use strict";

/** The drawer's class. Its parent draws tiles one pixel too large, so that there are no seams; that moves pixels. */
function exactDrawer() {
  return class extends OpenSeadragon.CanvasDrawer {
    minimumOverlapRequired() {
      return false;
    }

    /** Tiles begin and end on whole pixels of the screen, and so each where its neighbour ends: no seams either. */
    _drawTile(tile, ...rest) {
      for (const axis of ["x", "y"]) {
        const end = onPixel(tile.position[axis] + tile.size[axis]);
        tile.position[axis] = onPixel(tile.position[axis]);
        tile.size[axis] = Math.max(end - tile.position[axis], 1 / OpenSeadragon.pixelDensityRatio);
      }
      super._drawTile(tile, ...rest);
    }
  };
}

/** The nearest border between pixels of the screen, in CSS pixels; a hair aside, lest two sums of one place differ. */
function onPixel(place) {
  return Math.floor(place * OpenSeadragon.pixelDensityRatio + 0.5 + 1e-6) / OpenSeadragon.pixelDensityRatio;
}
