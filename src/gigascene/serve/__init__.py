"""Finished pictures in a browser: Deep Zoom tiles cut from the file as they are asked for, or written as a static site."""
