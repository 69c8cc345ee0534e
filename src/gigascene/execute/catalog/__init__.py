"""STAC catalogues on disk: built of scenes, described, and copied with the files that are wanted."""
